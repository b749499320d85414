<?php

namespace Parley\Laravel\Events;

// A user has left a presence channel, with all connections.

class MemberRemoved implements Notice
{
    use ToldByServer;

    public string $channel;

    /** @var int|string|null as the application said it */
    public $userId;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
        $this->userId = $notice['user_id'] ?? null;
    }
}

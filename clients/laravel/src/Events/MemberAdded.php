<?php

namespace Parley\Laravel\Events;

// A user has come to a presence channel.

class MemberAdded implements Notice
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

<?php

namespace Parley\Laravel\Events;

// A connection began to speak for a user.

class UserConnected implements Notice
{
    use ToldByServer;

    /** @var int|string|null as the application said it */
    public $userId;

    public ?string $socketId;

    /** @var list<string> */
    public array $domains;

    protected function fill(array $notice): void
    {
        $this->userId = $notice['user_id'] ?? null;
        $this->socketId = $notice['socket_id'] ?? null;
        $this->domains = (array) ($notice['domains'] ?? []);
    }
}

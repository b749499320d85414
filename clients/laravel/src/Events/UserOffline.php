<?php

namespace Parley\Laravel\Events;

// A user is gone, with all connections and past the grace period.

class UserOffline implements Notice
{
    use ToldByServer;

    /** @var int|string|null as the application said it */
    public $userId;

    /** When something was last heard of the user, in Unix milliseconds. */
    public ?int $lastSeen;

    /** @var list<string> */
    public array $domains;

    protected function fill(array $notice): void
    {
        $this->userId = $notice['user_id'] ?? null;
        $this->lastSeen = $notice['last_seen'] ?? null;
        $this->domains = (array) ($notice['domains'] ?? []);
    }
}

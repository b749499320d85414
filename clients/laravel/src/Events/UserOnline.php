<?php

namespace Parley\Laravel\Events;

// A user is here, and looking.

class UserOnline implements Notice
{
    use ToldByServer;

    /** @var int|string|null as the application said it */
    public $userId;

    /** @var list<string> */
    public array $domains;

    protected function fill(array $notice): void
    {
        $this->userId = $notice['user_id'] ?? null;
        $this->domains = (array) ($notice['domains'] ?? []);
    }
}

<?php

namespace Parley\Laravel\Events;

// A user is online, away or offline now: dispatched beside UserOnline, UserAway and UserOffline, for who wants one event.

class UserStatusChanged
{
    /** @var int|string|null as the application said it */
    public $userId;

    /** `online`, `away` or `offline` */
    public string $status;

    /** In Unix milliseconds. */
    public int $lastSeen;

    /** @var list<string> */
    public array $domains;

    public function __construct($userId, string $status, int $lastSeen, array $domains)
    {
        $this->userId = $userId;
        $this->status = $status;
        $this->lastSeen = $lastSeen;
        $this->domains = $domains;
    }

    /** What a notice says about a user's status, or null. Who is here was last seen at the change. */
    public static function of(Notice $notice): ?self
    {
        if ($notice instanceof UserOnline) {
            return new self($notice->userId, 'online', $notice->timeMs(), $notice->domains);
        }
        if ($notice instanceof UserAway) {
            return new self($notice->userId, 'away', $notice->timeMs(), $notice->domains);
        }
        if ($notice instanceof UserOffline) {
            return new self($notice->userId, 'offline', $notice->lastSeen ?? $notice->timeMs(), $notice->domains);
        }

        return null;
    }
}

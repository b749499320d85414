<?php

namespace App\Events;

use App\Models\User;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

/**
 * Somebody is online, away or offline. Parley itself tells the people of a domain (private-domain.{id}); this one is
 * fired by its webhook, for what the application does with it, and tells the admins, who see everybody.
 */
class UserStatusChanged implements ShouldBroadcast
{
    /** A status is of now: after that many tries there is a newer one. */
    public int $tries = 5;

    public function __construct(public string $userId, public string $status, public ?string $lastSeen)
    {
    }

    /** @return list<PrivateChannel> */
    public function broadcastOn(): array
    {
        return User::query()->where('admin', true)->pluck('id')->map(fn ($id) => new PrivateChannel("admin.$id"))->all();
    }

    public function broadcastAs(): string
    {
        return 'user.status.changed';
    }

    public function broadcastWith(): array
    {
        return ['user_id' => $this->userId, 'status' => $this->status, 'last_seen' => $this->lastSeen];
    }
}

<?php

namespace App\Events;

use App\Models\User;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

/** Somebody came or went: whoever shows "who is where" asks again. */
class PeopleChanged implements ShouldBroadcast
{
    public int $tries = 5;

    /** @return list<PrivateChannel> */
    public function broadcastOn(): array
    {
        return User::query()->where('admin', true)->pluck('id')->map(fn ($id) => new PrivateChannel("admin.$id"))->all();
    }

    public function broadcastAs(): string
    {
        return 'people.changed';
    }

    public function broadcastWith(): array
    {
        return [];
    }
}

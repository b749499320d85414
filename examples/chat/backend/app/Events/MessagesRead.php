<?php

namespace App\Events;

use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;

/** Somebody has read a domain up to here: for the bells in this person's other tabs. At once; a mark that is not told is told by the next. */
class MessagesRead implements ShouldBroadcastNow
{
    use InteractsWithSockets;

    public function __construct(private int $userId, private int $domainId, private int $lastReadId)
    {
    }

    public function broadcastOn(): PrivateChannel
    {
        return new PrivateChannel("user.{$this->userId}");
    }

    public function broadcastAs(): string
    {
        return 'messages.read';
    }

    public function broadcastWith(): array
    {
        return ['domain_id' => $this->domainId, 'last_read_id' => $this->lastReadId];
    }
}

<?php

namespace App\Events;

use App\Models\Message;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

/** A new message. It goes by the queue: written in the transaction of the message, told until Parley has taken it. */
class MessageSent implements ShouldBroadcast
{
    use InteractsWithSockets;

    /** With the pauses of the worker (`--backoff=1,2,5,10,30`) about a day; then it is among the failed jobs. */
    public int $tries = 3000;

    /** What is said, not the model: each try says the same, whatever became of the row. */
    public array $message;

    public function __construct(Message $message)
    {
        $this->message = $message->card();
    }

    public function broadcastOn(): PrivateChannel
    {
        return new PrivateChannel('domain.'.$this->message['domain_id']);
    }

    public function broadcastAs(): string
    {
        return 'message.sent';
    }

    public function broadcastWith(): array
    {
        return ['message' => $this->message];
    }
}

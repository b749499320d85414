<?php

namespace App\Events;

use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

class MessageSent implements ShouldBroadcast
{
    use InteractsWithSockets;

    public $text;

    private array $channels;

    public function __construct(string $text, ?array $channels = null)
    {
        $this->text = $text;
        $this->channels = $channels ?? [new PrivateChannel('domain.1')];
    }

    public function broadcastOn()
    {
        return $this->channels;
    }

    public function broadcastAs()
    {
        return 'message.sent';
    }
}

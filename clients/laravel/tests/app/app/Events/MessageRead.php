<?php

namespace App\Events;

// Its payload is not the same on each try, as with a model that was changed meanwhile.

class MessageRead extends MessageSent
{
    public function broadcastWith()
    {
        return ['text' => $this->text, 'nonce' => bin2hex(random_bytes(8))];
    }
}

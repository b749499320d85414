<?php

namespace Parley\Laravel\Events;

use Parley\Laravel\Http\Json;

// A client has published an event (`client-…`).

class ClientEvent implements Notice
{
    use ToldByServer;

    public string $channel;

    public string $event;

    /** The text that the client sent, or the JSON of what it sent; null if it sent nothing. */
    public ?string $data;

    public ?string $socketId;

    /** @var int|string|null on presence channels, as the application said it */
    public $userId;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
        $this->event = (string) ($notice['event'] ?? '');
        $this->data = $notice['data'] ?? null;
        $this->socketId = $notice['socket_id'] ?? null;
        $this->userId = $notice['user_id'] ?? null;
    }

    /** The data, taken for JSON; null if it is none. */
    public function decoded()
    {
        return $this->data === null ? null : Json::decode($this->data);
    }
}

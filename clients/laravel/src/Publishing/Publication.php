<?php

namespace Parley\Laravel\Publishing;

// One event on its way to one or more channels: an immutable value.

final class Publication
{
    /** @var list<string> */
    public array $channels;

    public string $name;

    /** JSON; sent to clients byte for byte. */
    public string $data;

    /** The connection that is left out. */
    public ?string $socketId;

    /** On each channel it happens once, however often it is sent. */
    public string $key;

    public function __construct(array $channels, string $name, string $data, ?string $socketId, string $key)
    {
        $this->channels = $channels;
        $this->name = $name;
        $this->data = $data;
        $this->socketId = $socketId;
        $this->key = $key;
    }

    /** As the HTTP API takes it; `$data` is given where it was encrypted for the channel. */
    public function body(array $channels, ?string $data = null): array
    {
        return array_filter([
            'name' => $this->name,
            'data' => $data ?? $this->data,
            'channel' => count($channels) === 1 ? $channels[0] : null,
            'channels' => count($channels) === 1 ? null : $channels,
            'socket_id' => $this->socketId,
            'idempotency_key' => $this->key,
        ], fn ($value) => $value !== null);
    }
}

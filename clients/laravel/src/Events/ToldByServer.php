<?php

namespace Parley\Laravel\Events;

// What all notices have. The fields of each are read from what was sent when they are asked for; one that is missing is
// null, so that a notice of another version of the server is still an event.

trait ToldByServer
{
    private array $notice;

    public function __construct(array $notice)
    {
        $this->notice = $notice;
        $this->fill($notice);
    }

    protected function fill(array $notice): void
    {
    }

    public function id(): string
    {
        return is_string($this->notice['id'] ?? null) ? $this->notice['id'] : '';
    }

    public function name(): string
    {
        return is_string($this->notice['name'] ?? null) ? $this->notice['name'] : '';
    }

    public function timeMs(): int
    {
        return is_int($this->notice['time_ms'] ?? null) ? $this->notice['time_ms'] : 0;
    }

    public function all(): array
    {
        return $this->notice;
    }
}

<?php

namespace Parley\Laravel\Tests\Support;

use Socket;

// A port that is held, so that nobody else gets it: one that refuses connections, or one that takes them and never says a
// word.

final class Listener
{
    public int $port = 0;

    private Socket $socket;

    private function __construct(bool $listen)
    {
        $this->socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
        socket_bind($this->socket, '127.0.0.1', 0);
        if ($listen) {
            socket_listen($this->socket, 16);  // what connects waits in the system's line
        }
        socket_getsockname($this->socket, $address, $this->port);
    }

    public static function closed(): self
    {
        return new self(false);
    }

    public static function silent(): self
    {
        return new self(true);
    }
}

<?php

namespace Parley\Laravel\Events;

// A channel has lost its last subscriber.

class ChannelVacated implements Notice
{
    use ToldByServer;

    public string $channel;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
    }
}

<?php

namespace Parley\Laravel\Events;

// A channel has its first subscriber.

class ChannelOccupied implements Notice
{
    use ToldByServer;

    public string $channel;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
    }
}

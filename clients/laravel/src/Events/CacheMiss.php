<?php

namespace Parley\Laravel\Events;

// Somebody subscribed to a cache channel that has nothing to give: publish to it now.

class CacheMiss implements Notice
{
    use ToldByServer;

    public string $channel;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
    }
}

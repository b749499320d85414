<?php

namespace Parley\Laravel\Events;

// How many connections are on a channel.

class SubscriptionCount implements Notice
{
    use ToldByServer;

    public string $channel;

    public int $count;

    protected function fill(array $notice): void
    {
        $this->channel = (string) ($notice['channel'] ?? '');
        $this->count = (int) ($notice['subscription_count'] ?? 0);
    }
}

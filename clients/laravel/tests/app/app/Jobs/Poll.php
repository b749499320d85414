<?php

namespace App\Jobs;

use App\Events\MessageSentNow;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Parley\Laravel\Queue\BatchBroadcasts;

// Tells the same in each round, and releases itself for the next one.

class Poll implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public $tries = 10;

    private int $rounds;

    private bool $together;

    public function __construct(int $rounds, bool $together = false)
    {
        $this->rounds = $rounds;
        $this->together = $together;
    }

    public function middleware()
    {
        return $this->together ? [new BatchBroadcasts] : [];
    }

    public function handle()
    {
        event(new MessageSentNow('polled'));
        if ($this->attempts() < $this->rounds) {
            $this->release();
        }
    }
}

<?php

namespace App\Jobs;

use App\Events\MessageSentNow;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Parley\Laravel\Queue\BatchBroadcasts;

// Says something, and then fails without an exception.

class GiveUp implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public function middleware()
    {
        return [new BatchBroadcasts];
    }

    public function handle()
    {
        event(new MessageSentNow('half'));
        $this->fail();
    }
}

<?php

namespace Parley\Laravel\Queue;

use Illuminate\Contracts\Queue\Job;
use Parley\Laravel\Publishing\Batch;

// Middleware for a job that broadcasts many events (ShouldBroadcastNow): they are sent together when it has done its work,
// and not at all when it fails, by an exception (the next try sends them) or by fail(). One that releases itself has done
// the work of this round, and they are sent. Behind middleware that turns exceptions into a release (ThrottlesExceptions),
// so that it sees them.
//
//     public function middleware(): array { return [new BatchBroadcasts]; }

final class BatchBroadcasts
{
    public function handle($job, $next)
    {
        $queued = $job->job ?? null;  // of InteractsWithQueue; without it a job cannot fail but by an exception

        return app(Batch::class)->gather(fn () => $next($job), fn () => ! ($queued instanceof Job && $queued->hasFailed()));
    }
}

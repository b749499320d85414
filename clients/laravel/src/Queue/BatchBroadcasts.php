<?php

namespace Parley\Laravel\Queue;

use Parley\Laravel\Parley;

// Middleware for a job that broadcasts many events (ShouldBroadcastNow): they are sent together when it has done its work,
// and not at all when it fails, so that the next try sends them.
//
//     public function middleware(): array { return [new BatchBroadcasts]; }

final class BatchBroadcasts
{
    public function handle($job, $next)
    {
        return app(Parley::class)->batch(fn () => $next($job));
    }
}

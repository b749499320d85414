<?php

namespace Parley\Laravel\Publishing;

use Illuminate\Contracts\Queue\Job;
use Illuminate\Queue\Jobs\SyncJob;
use Throwable;

// A job that releases itself (a poll: look, tell, look again in a minute) runs again under the same id, and not because
// it failed: what it says then is news. So each release begins a round, and keys of different rounds differ. The next
// round may run in another process, so that the round is in the cache, the application's default one.

final class Rounds
{
    /** Seconds. Keys are known for ten minutes: who pauses for longer than this needs no other round. */
    private const REMEMBERED_FOR = 86400;

    /** @var callable(): \Illuminate\Contracts\Cache\Repository */
    private $cache;

    /** @param callable(): \Illuminate\Contracts\Cache\Repository $cache */
    public function __construct(callable $cache)
    {
        $this->cache = $cache;
    }

    /** What the keys of this try begin with besides the job's id; empty in the first round. */
    public function of(Job $job): string
    {
        if ($job instanceof SyncJob || $job->attempts() <= 1) {
            return '';  // most jobs: the cache is not asked
        }
        try {
            $round = ($this->cache)()->get(self::name($job));
        } catch (Throwable $error) {
            report($error);  // a cache that is away is no reason to tell nothing

            return '';
        }

        return is_string($round) ? $round : '';
    }

    public function next(Job $job): void
    {
        if ($job instanceof SyncJob) {
            return;  // does not come again
        }
        try {
            ($this->cache)()->put(self::name($job), bin2hex(random_bytes(4)), self::REMEMBERED_FOR);
        } catch (Throwable $error) {
            report($error);
        }
    }

    private static function name(Job $job): string
    {
        return 'parley:round:'.hash('sha256', (string) $job->uuid());
    }
}

<?php

namespace Parley\Laravel\Publishing;

use Illuminate\Broadcasting\BroadcastEvent;
use Illuminate\Contracts\Queue\Job;
use Illuminate\Queue\Jobs\SyncJob;

// The idempotency key of each publication. A job that is tried again repeats its keys, so that what the first try has
// published already does not happen twice; elsewhere a key is random, and only repeats within the driver are the same.
//
// One for the process. Told of the jobs that begin and end here.

final class IdempotencyKeys
{
    /** Of one job; what it says beyond that may happen again when it is tried again. */
    private const REMEMBERED_MAX = 100_000;

    /** @var list<Job> the one that the worker runs first; `sync` jobs that it starts lie on top */
    private array $jobs = [];

    /** @var array<string, int> how often the running job has published this */
    private array $seen = [];

    public function jobBegins(Job $job): void
    {
        // A worker runs one job at a time: whatever was there has ended, unheard.
        if (! $job instanceof SyncJob) {
            $this->jobs = [];
        }
        if ($this->jobs === []) {
            $this->seen = [];
        }
        $this->jobs[] = $job;
    }

    public function jobEnds(Job $job): void
    {
        // With those that it started and nobody saw end.
        $at = array_search($job, $this->jobs, true);
        if ($at !== false) {
            array_splice($this->jobs, $at);
        }
    }

    /** @param list<string> $channels */
    public function next(array $channels, string $event, string $data): string
    {
        $job = $this->jobs[0] ?? null;
        $id = $job === null || ! method_exists($job, 'uuid') ? null : $job->uuid();
        if ($id === null || count($this->seen) >= self::REMEMBERED_MAX) {
            return bin2hex(random_bytes(16));
        }
        // A BroadcastEvent publishes one thing, and its models may read differently the next time. Any other job may
        // skip on its second try what it did on the first, so that only what is said tells its publications apart: the
        // third may not be taken for the first.
        $what = $this->publishesOneThing($job) ? $event : serialize([$channels, $event, $data]);
        $digest = hash('sha256', $what);
        $count = $this->seen[$digest] = ($this->seen[$digest] ?? 0) + 1;

        return $id.'-'.substr($digest, 0, 32).'-'.$count;
    }

    private function publishesOneThing(Job $job): bool
    {
        return is_a((string) ($job->payload()['data']['commandName'] ?? ''), BroadcastEvent::class, true);
    }
}

<?php

namespace Parley\Laravel\Publishing;

use Illuminate\Broadcasting\BroadcastEvent;
use Illuminate\Contracts\Queue\Job;
use Illuminate\Queue\Jobs\SyncJob;

// The idempotency key of each publication. A job that is tried again repeats its keys, so that what the first try has
// published already does not happen twice; elsewhere a key is random, and only repeats within the driver are the same.
// A job that released itself is not tried again, it goes on: see Rounds.
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

    /** The round of the running job; null as long as nothing was published. */
    private ?string $round = null;

    private ?Rounds $rounds;

    public function __construct(?Rounds $rounds = null)
    {
        $this->rounds = $rounds;
    }

    public function jobBegins(Job $job): void
    {
        // A worker runs one job at a time: whatever was there has ended, unheard.
        if (! $job instanceof SyncJob) {
            $this->jobs = [];
        }
        if ($this->jobs === []) {
            $this->seen = [];
            $this->round = null;
        }
        $this->jobs[] = $job;
    }

    /** It ended by itself; a job that ended in an exception goes to jobEnds() alone. */
    public function jobIsThrough(Job $job): void
    {
        // One that said nothing (held back by a rate limit, say) leaves the round to the try before, which may have failed.
        if ($job->isReleased() && $this->round !== null && ($this->jobs[0] ?? null) === $job) {
            $this->rounds->next($job);
        }
        $this->jobEnds($job);
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
        if ($this->rounds !== null) {
            $this->round ??= $this->rounds->of($job);
        }
        // A BroadcastEvent publishes one thing, and its models may read differently the next time. Any other job may
        // skip on its second try what it did on the first, so that only what is said tells its publications apart: the
        // third may not be taken for the first.
        $what = $this->publishesOneThing($job) ? $event : serialize([$channels, $event, $data]);
        $digest = hash('sha256', $what);
        $count = $this->seen[$digest] = ($this->seen[$digest] ?? 0) + 1;

        return $id.'-'.($this->round ?: '0').'-'.substr($digest, 0, 32).'-'.$count;
    }

    private function publishesOneThing(Job $job): bool
    {
        return is_a((string) ($job->payload()['data']['commandName'] ?? ''), BroadcastEvent::class, true);
    }
}

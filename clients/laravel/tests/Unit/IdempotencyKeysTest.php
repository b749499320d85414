<?php

namespace Parley\Laravel\Tests\Unit;

use Illuminate\Broadcasting\BroadcastEvent;
use Illuminate\Container\Container;
use Illuminate\Queue\Jobs\SyncJob;
use Parley\Laravel\Publishing\IdempotencyKeys;
use Parley\Laravel\Tests\Support\FakeJob;
use PHPUnit\Framework\TestCase;

final class IdempotencyKeysTest extends TestCase
{
    /** The keys of one run of a job that says these texts. */
    private function keysOf(IdempotencyKeys $keys, $job, array $texts): array
    {
        $keys->jobBegins($job);
        $got = array_map(fn ($text) => $keys->next(['private-domain.1'], 'message.sent', $text), $texts);
        $keys->jobEnds($job);

        return $got;
    }

    public function test_outside_of_a_job_each_publication_has_a_key_of_its_own(): void
    {
        $keys = new IdempotencyKeys;
        $this->assertNotSame($keys->next(['a'], 'e', '{}'), $keys->next(['a'], 'e', '{}'));
    }

    public function test_a_job_that_is_tried_again_repeats_its_keys(): void
    {
        $keys = new IdempotencyKeys;
        $first = $this->keysOf($keys, new FakeJob('job-1'), ['"a"', '"b"', '"b"']);
        $this->assertSame($first, $this->keysOf($keys, new FakeJob('job-1'), ['"a"', '"b"', '"b"']));
        $this->assertCount(3, array_unique($first), 'what is said twice in a job happens twice');
    }

    public function test_another_job_has_other_keys(): void
    {
        $keys = new IdempotencyKeys;
        $this->assertNotSame($this->keysOf($keys, new FakeJob('job-1'), ['"a"']), $this->keysOf($keys, new FakeJob('job-2'), ['"a"']));
    }

    public function test_a_job_that_skips_on_its_second_try_does_not_lose_what_it_says_then(): void
    {
        $keys = new IdempotencyKeys;
        [$a, $b] = $this->keysOf($keys, new FakeJob('job-1'), ['"a"', '"b"']);
        [$again] = $this->keysOf($keys, new FakeJob('job-1'), ['"c"']);
        $this->assertNotContains($again, [$a, $b]);
    }

    public function test_a_broadcast_event_keeps_its_key_when_its_models_read_differently(): void
    {
        $keys = new IdempotencyKeys;
        $this->assertSame(
            $this->keysOf($keys, new FakeJob('job-1', BroadcastEvent::class), ['{"text":"a"}']),
            $this->keysOf($keys, new FakeJob('job-1', BroadcastEvent::class), ['{"text":"a, edited"}'])
        );
    }

    public function test_a_sync_job_within_a_job_counts_as_that_job(): void
    {
        $keys = new IdempotencyKeys;
        $try = function () use ($keys): array {
            $keys->jobBegins($job = new FakeJob('job-1'));
            // A sync job has a new id each time.
            $inner = new SyncJob(new Container, json_encode(['uuid' => bin2hex(random_bytes(4)), 'data' => ['commandName' => BroadcastEvent::class]]), 'sync', 'sync');
            $got = $this->keysOf($keys, $inner, ['"a"']);
            $got[] = $keys->next(['private-domain.1'], 'message.sent', '"b"');
            $keys->jobEnds($job);

            return $got;
        };
        $this->assertSame($try(), $try());
    }

    public function test_after_a_job_that_nobody_saw_end_the_next_one_is_itself(): void
    {
        $keys = new IdempotencyKeys;
        $keys->jobBegins(new FakeJob('job-1'));
        $this->assertStringStartsWith('job-2-', $this->keysOf($keys, new FakeJob('job-2'), ['"a"'])[0]);
    }

    public function test_a_job_that_ends_twice_takes_no_other_with_it(): void
    {
        $keys = new IdempotencyKeys;
        $keys->jobBegins(new FakeJob('job-1'));
        $inner = new SyncJob(new Container, '{"uuid":"inner"}', 'sync', 'sync');
        $this->keysOf($keys, $inner, ['"a"']);
        $keys->jobEnds($inner);  // an exception of a listener that heard of its end
        $this->assertStringStartsWith('job-1-', $keys->next(['a'], 'e', '{}'));
    }

    public function test_a_key_is_short_enough_for_the_server(): void
    {
        [$key] = $this->keysOf(new IdempotencyKeys, new FakeJob('f47ac10b-58cc-4372-a567-0e02b2c3d479'), [str_repeat('x', 100000)]);
        $this->assertLessThanOrEqual(200, strlen($key));
    }
}

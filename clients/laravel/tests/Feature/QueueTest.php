<?php

namespace Parley\Laravel\Tests\Feature;

use App\Events\MessageRead;
use App\Events\MessageSent;
use App\Jobs\Announce;
use App\Jobs\GiveUp;
use App\Jobs\Poll;
use Illuminate\Broadcasting\BroadcastException;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Queue;
use Illuminate\Support\Facades\Schema;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\Proxy;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\TestCase;

// Jobs of a real queue in a database, run by Laravel's worker; answers are lost between the driver and the server.

final class QueueTest extends TestCase
{
    private Proxy $proxy;

    private TestApplication $application;

    private string $start;

    private function queue(string $connection): void
    {
        $this->proxy = $this->later(new Proxy(ParleyServer::shared()->port), 'end');
        $this->application = $this->application(['WEBSOCKET_PORT' => $this->proxy->port, 'QUEUE_CONNECTION' => $connection]);
        $this->application->app();
        Schema::create('jobs', function (Blueprint $table) {
            $table->bigIncrements('id');
            $table->string('queue')->index();
            $table->longText('payload');
            $table->unsignedTinyInteger('attempts');
            $table->unsignedInteger('reserved_at')->nullable();
            $table->unsignedInteger('available_at');
            $table->unsignedInteger('created_at');
        });
        $this->start = Parley::position('private-domain.1');
    }

    private function work(): void
    {
        [$code, $output] = $this->application->artisan('queue:work', ['--once' => true, '--tries' => 3, '--sleep' => 0]);
        $this->assertSame(0, $code, $output);
    }

    /** What was said since the test began. */
    private function texts(): array
    {
        $page = Parley::history('private-domain.1', 1000, $this->start);

        return array_map(fn ($said) => json_decode($said['data'], true)['text'], $page['publications']);
    }

    public function test_a_queued_event_is_published_by_the_worker(): void
    {
        $this->queue('database');
        event(new MessageSent('queued'));
        $this->assertSame([], $this->texts());
        $this->work();
        $this->assertSame(['queued'], $this->texts());
        $this->assertSame(0, DB::table('jobs')->count());
    }

    public function test_a_job_whose_answer_was_lost_is_tried_again_and_its_event_happens_once(): void
    {
        $this->queue('database');
        event(new MessageRead('once'));  // its payload differs on each try
        $this->proxy->loseAnswers();
        $this->work();
        $this->assertSame(1, DB::table('jobs')->count(), 'the first try failed');
        $this->proxy->passAnswers();
        $this->assertSame(['once'], $this->texts(), 'and the server had it all the same');
        $this->work();
        $this->assertSame(0, DB::table('jobs')->count());
        $this->assertSame(['once'], $this->texts());
    }

    public function test_two_jobs_with_the_same_event_are_two(): void
    {
        $this->queue('database');
        event(new MessageSent('again'));
        event(new MessageSent('again'));
        $this->work();
        $this->work();
        $this->assertSame(['again', 'again'], $this->texts());
    }

    public function test_a_job_that_fails_in_the_middle_does_not_repeat_what_it_has_said(): void
    {
        $this->queue('database');
        touch($fail = "{$this->application->folder}/fail");
        Queue::push(new Announce(['a', 'b', 'b', 'c'], false, $fail));
        $this->work();
        $this->assertSame(['a'], $this->texts());
        $this->work();
        $this->assertSame(['a', 'b', 'b', 'c'], $this->texts());
        $this->assertSame(0, DB::table('jobs')->count());
    }

    public function test_a_job_with_the_middleware_sends_its_events_together_when_it_is_done(): void
    {
        $this->queue('database');
        touch($fail = "{$this->application->folder}/fail");
        $texts = array_map(fn ($n) => "n{$n}", range(1, 12));
        Queue::push(new Announce($texts, true, $fail));
        $this->work();
        $this->assertSame([], $this->texts(), 'a try that failed has said nothing');
        $this->work();
        $this->assertSame($texts, $this->texts());
        $this->assertSame(['batch_events', 'batch_events'], array_values(array_filter($this->proxy->requests(2), fn ($path) => $path === 'batch_events')));
    }

    public function test_a_job_with_the_middleware_that_calls_fail_has_said_nothing(): void
    {
        $this->queue('database');
        Queue::push(new GiveUp);
        $this->work();
        $this->assertSame(0, DB::table('jobs')->count());
        $this->assertSame([], $this->texts());
    }

    public function test_a_job_with_the_middleware_that_releases_itself_has_said_what_it_had_to(): void
    {
        $this->queue('database');
        Queue::push(new Poll(2, true));
        $this->work();
        $this->assertSame(['polled'], $this->texts());
        $this->work();
        $this->assertSame(['polled', 'polled'], $this->texts());
    }

    public function test_a_batch_whose_answers_were_lost_happens_once(): void
    {
        $this->queue('database');
        $texts = array_map(fn ($n) => "n{$n}", range(1, 12));
        Queue::push(new Announce($texts, true));
        $this->proxy->loseAnswers();
        $this->work();
        $this->proxy->passAnswers();
        $this->assertSame(array_slice($texts, 0, 10), $this->texts(), 'the server had the first batch');
        $this->work();
        $this->assertSame($texts, $this->texts());
    }

    public function test_a_job_that_releases_itself_tells_the_same_again_each_round(): void
    {
        $this->queue('database');
        Queue::push(new Poll(3));
        $this->work();
        $this->work();
        $this->assertSame(['polled', 'polled'], $this->texts());
        $this->work();
        $this->assertSame(['polled', 'polled', 'polled'], $this->texts());
        $this->assertSame(0, DB::table('jobs')->count());
    }

    public function test_a_round_that_fails_is_repeated_and_its_events_happen_once(): void
    {
        $this->queue('database');
        Queue::push(new Poll(3));
        $this->work();
        $this->proxy->loseAnswers();
        $this->work();
        $this->proxy->passAnswers();
        $this->assertSame(['polled', 'polled'], $this->texts(), 'the server had the second round\'s, and the job does not know');
        // As another worker would find it.
        $this->application->restart();
        $this->work();
        $this->assertSame(['polled', 'polled'], $this->texts());
    }

    public function test_on_the_sync_queue_who_broadcasts_hears_of_a_failure(): void
    {
        $this->queue('sync');
        event(new MessageSent('at once'));
        $this->assertSame(['at once'], $this->texts());
        $this->proxy->loseAnswers();
        $this->expectException(BroadcastException::class);
        event(new MessageSent('lost'));
    }
}

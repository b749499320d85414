<?php

namespace Parley\Laravel\Tests\Feature;

use App\Events\MessageSent;
use App\Events\MessageSentNow;
use Illuminate\Broadcasting\BroadcastException;
use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Tests\Support\Listener;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\Proxy;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\Support\WebSocket;
use Parley\Laravel\Tests\TestCase;
use RuntimeException;

final class BroadcastTest extends TestCase
{
    private Proxy $proxy;

    /** An application whose calls go through a proxy that counts and loses them. */
    private function observed(array $environment = [], array $files = []): TestApplication
    {
        $this->proxy = $this->later(new Proxy(ParleyServer::shared()->port), 'end');
        $application = $this->application(['WEBSOCKET_PORT' => $this->proxy->port] + $environment, $files);
        $application->app();

        return $application;
    }

    private static function channel(): string
    {
        return 'domain.'.bin2hex(random_bytes(4));
    }

    private static function texts(string $channel): array
    {
        return array_map(fn ($said) => json_decode($said['data'], true)['text'], Parley::history($channel, 1000)['publications']);
    }

    private function listener(string ...$channels): WebSocket
    {
        $socket = $this->later(new WebSocket(ParleyServer::shared()->port), 'close');
        foreach ($channels as $channel) {
            $socket->subscribe($channel);
        }

        return $socket;
    }

    public function test_an_event_arrives_byte_for_byte(): void
    {
        $this->application()->app();
        $channel = self::channel();
        $socket = $this->listener($channel);
        event(new MessageSentNow('größer / "kleiner" 😀', [new Channel($channel)]));
        $frame = $socket->waitFor('message.sent', $channel);
        $this->assertSame('{"text":"größer / \"kleiner\" 😀"}', $frame['data']);
    }

    public function test_to_others_leaves_out_the_connection_that_asked(): void
    {
        $application = $this->application();
        $app = $application->app();
        $channel = self::channel();
        [$asking, $other] = [$this->listener($channel), $this->listener($channel)];
        $app->instance('request', Request::create('/', 'POST', [], [], [], ['HTTP_X_SOCKET_ID' => $asking->socketId]));
        broadcast(new MessageSentNow('to others', [new Channel($channel)]))->toOthers();
        broadcast(new MessageSentNow('to all', [new Channel($channel)]));
        $this->assertSame('{"text":"to others"}', $other->waitFor('message.sent')['data']);
        $this->assertSame('{"text":"to all"}', $other->waitFor('message.sent')['data']);
        // In one channel there is one order: the first that comes here was the second that was said.
        $this->assertSame('{"text":"to all"}', $asking->waitFor('message.sent')['data']);
    }

    public function test_a_page_that_is_not_connected_leaves_nobody_out(): void
    {
        $app = $this->application()->app();
        $channel = self::channel();
        $app->instance('request', Request::create('/', 'POST', [], [], [], ['HTTP_X_SOCKET_ID' => 'undefined']));
        broadcast(new MessageSentNow('to all', [new Channel($channel)]))->toOthers();
        $this->assertSame(['to all'], self::texts($channel));
    }

    public function test_an_event_for_many_channels_is_few_calls_on_one_connection(): void
    {
        $this->observed();
        $channels = array_map(fn ($n) => "many.{$n}", range(1, 250));
        $socket = $this->listener('many.1', 'many.100', 'many.101', 'many.250');
        event(new MessageSentNow('to many', array_map(fn ($name) => new Channel($name), $channels)));
        foreach (['many.1', 'many.100', 'many.101', 'many.250'] as $channel) {
            $socket->waitFor('message.sent', $channel);
        }
        $this->assertSame(['events', 'events', 'events'], $this->proxy->requests(3));
        $this->assertSame(1, $this->proxy->connections());
    }

    public function test_the_events_of_a_batch_are_sent_in_batches_and_in_order(): void
    {
        $this->observed();
        $channel = self::channel();
        $result = Parley::batch(function () use ($channel) {
            foreach (range(1, 25) as $n) {
                event(new MessageSentNow("n{$n}", [new Channel($channel)]));
            }

            return 'done';
        });
        $this->assertSame('done', $result);
        $this->assertSame(['batch_events', 'batch_events', 'batch_events'], $this->proxy->requests(3));
        $this->assertSame(1, $this->proxy->connections());
        $this->assertSame(array_map(fn ($n) => "n{$n}", range(1, 25)), self::texts($channel));
    }

    public function test_a_batch_stays_within_the_servers_size_of_a_body(): void
    {
        $this->observed();
        $channel = self::channel();
        // Quotes are two bytes each in the JSON around them: ten of these do not fit into 2 MiB.
        $text = str_repeat('"', 45_000);
        Parley::batch(function () use ($channel, $text) {
            foreach (range(1, 10) as $n) {
                event(new MessageSentNow($text, [new Channel($channel)]));
            }
        });
        $this->assertCount(10, self::texts($channel));
        $this->assertGreaterThan(1, count(array_keys($this->proxy->requests(2), 'batch_events')));
    }

    public function test_in_a_batch_events_for_many_channels_keep_their_place(): void
    {
        $this->observed();
        [$a, $b] = [self::channel(), self::channel()];
        $many = [new Channel($a), ...array_map(fn ($n) => new Channel("elsewhere.{$n}"), range(1, 20))];
        Parley::batch(function () use ($a, $b, $many) {
            event(new MessageSentNow('first', [new Channel($a), new Channel($b)]));
            event(new MessageSentNow('second', $many));
            event(new MessageSentNow('third', [new Channel($a)]));
        });
        $this->assertSame(['first', 'second', 'third'], self::texts($a));
        $this->assertSame(['first'], self::texts($b));
        $this->assertSame(['batch_events', 'events', 'events'], array_slice($this->proxy->requests(3), 0, 3));
    }

    public function test_a_batch_gathers_what_goes_by_a_connection_with_settings_of_its_own(): void
    {
        $application = $this->observed([], ['config/broadcasting.php' => "<?php return ['default' => 'websocket', 'connections' => [
            'websocket' => ['driver' => 'parley', 'timeout' => 4]]];"]);
        $channel = self::channel();
        Parley::batch(function () use ($channel) {
            foreach (['a', 'b', 'c'] as $text) {
                event(new MessageSentNow($text, [new Channel($channel)]));
            }
            Parley::trigger($channel, 'message.sent', ['text' => 'by the facade']);
        });
        $this->assertCount(4, self::texts($channel));
        $this->assertSame(['batch_events', 'events'], array_slice($this->proxy->requests(2), 0, 2));
    }

    public function test_what_a_batch_within_a_batch_said_before_it_threw_is_not_sent(): void
    {
        $this->application()->app();
        $channel = self::channel();
        Parley::batch(function () use ($channel) {
            Parley::trigger($channel, 'message.sent', ['text' => 'before']);
            try {
                Parley::batch(function () use ($channel) {
                    Parley::trigger($channel, 'message.sent', ['text' => 'half']);
                    throw new RuntimeException('the rest is missing');
                });
            } catch (RuntimeException $error) {
            }
            Parley::trigger($channel, 'message.sent', ['text' => 'after']);
        });
        $this->assertSame(['before', 'after'], self::texts($channel));
    }

    public function test_nothing_of_a_batch_that_throws_is_sent(): void
    {
        $this->application()->app();
        $channel = self::channel();
        try {
            Parley::batch(function () use ($channel) {
                event(new MessageSentNow('never', [new Channel($channel)]));
                throw new RuntimeException('in between');
            });
        } catch (RuntimeException $error) {
            $this->assertSame('in between', $error->getMessage());
        }
        event(new MessageSentNow('after it', [new Channel($channel)]));
        $this->assertSame(['after it'], self::texts($channel));
    }

    public function test_the_same_event_twice_is_two(): void
    {
        $this->application()->app();
        $channel = self::channel();
        event(new MessageSentNow('refresh', [new Channel($channel)]));
        event(new MessageSentNow('refresh', [new Channel($channel)]));
        $this->assertSame(['refresh', 'refresh'], self::texts($channel));
    }

    public function test_an_answer_that_is_lost_makes_no_second_event(): void
    {
        $this->observed();
        $channel = self::channel();
        foreach ([1, 2] as $lost) {
            $this->proxy->loseAnswers($lost);
            event(new MessageSentNow("lost {$lost}", [new Channel($channel)]));
        }
        $this->assertSame(['lost 1', 'lost 2'], self::texts($channel));
        $this->assertGreaterThanOrEqual(5, count($this->proxy->requests(5)), 'each was sent again');
    }

    public function test_a_server_that_refuses_every_signature_twice_takes_repetitions_all_the_same(): void
    {
        $server = $this->later(new ParleyServer('refuse_replays = "always"'), 'stop');
        $proxy = $this->later(new Proxy($server->port), 'end');
        $this->application(['WEBSOCKET_PORT' => $proxy->port])->app();
        $channel = self::channel();
        $proxy->loseAnswers(1);
        event(new MessageSentNow('once', [new Channel($channel)]));
        event(new MessageSentNow('once', [new Channel($channel)]));
        $this->assertSame(['once', 'once'], self::texts($channel));
    }

    public function test_more_than_a_call_can_lose_is_laravels_exception(): void
    {
        $this->observed();
        $this->proxy->loseAnswers();
        $this->expectException(BroadcastException::class);
        $this->expectExceptionMessage('cannot be reached');
        event(new MessageSentNow('lost', [new Channel('a')]));
    }

    public function test_without_a_server_it_says_where_it_looked(): void
    {
        $closed = Listener::closed();
        $this->application(['WEBSOCKET_PORT' => $closed->port])->app();
        try {
            event(new MessageSentNow('to nobody'));
            $this->fail('it was published');
        } catch (ParleyException $error) {
            $this->assertInstanceOf(BroadcastException::class, $error);
            $this->assertSame('unreachable', $error->error());
            $this->assertStringContainsString("127.0.0.1:{$closed->port}", $error->getMessage());
            $this->assertStringContainsString('php artisan parley:check', $error->getMessage());
        }
    }

    public function test_a_server_that_never_answers_costs_the_time_that_was_set(): void
    {
        $silent = Listener::silent();
        $this->application(['WEBSOCKET_PORT' => $silent->port, 'WEBSOCKET_TIMEOUT' => '0.4'])->app();
        $begin = microtime(true);
        try {
            event(new MessageSentNow('to nobody'));
            $this->fail('it was published');
        } catch (ParleyException $error) {
            $this->assertSame('no_answer', $error->error());
            $this->assertStringContainsString('WEBSOCKET_TIMEOUT', $error->getMessage());
        }
        $took = microtime(true) - $begin;
        $this->assertGreaterThan(0.35, $took);
        $this->assertLessThan(4.0, $took, 'less than the default would have taken');
    }

    public function test_a_wrong_secret_says_what_the_server_says(): void
    {
        $this->application(['PARLEY_APP_SECRET' => 'another'])->app();
        try {
            event(new MessageSentNow('refused'));
            $this->fail('it was published');
        } catch (ParleyException $error) {
            $this->assertSame(['unauthorized', 401], [$error->error(), $error->status()]);
            $this->assertStringContainsString('check the key, the secret', $error->getMessage());
        }
    }

    public function test_a_missing_secret_is_said_before_anything_is_sent(): void
    {
        $this->application(['PARLEY_APP_SECRET' => ''])->app();
        $this->expectException(BroadcastException::class);
        $this->expectExceptionMessage('PARLEY_APP_SECRET is not set');
        event(new MessageSentNow('refused'));
    }

    public function test_too_much_data_is_the_servers_refusal_and_is_not_tried_again(): void
    {
        $this->observed();
        try {
            event(new MessageSentNow(str_repeat('x', 200_000), [new Channel('big')]));
            $this->fail('it was published');
        } catch (ParleyException $error) {
            $this->assertSame(['too_large', 413], [$error->error(), $error->status()]);
        }
        $this->assertSame(['events'], $this->proxy->requests(1));
    }

    public function test_what_is_no_utf8_is_an_exception_and_no_half_event(): void
    {
        $this->application()->app();
        $this->expectException(BroadcastException::class);
        $this->expectExceptionMessage('Text has to be UTF-8');
        event(new MessageSentNow("\xff"));
    }

    public function test_an_overloaded_server_is_asked_again(): void
    {
        // One publish a second: the second one is refused with 429 and a time to wait.
        $server = $this->later(new ParleyServer('limits = { publishes_per_second_max = 1 }'), 'stop');
        $proxy = $this->later(new Proxy($server->port), 'end');
        $this->application(['WEBSOCKET_PORT' => $proxy->port])->app();
        $channel = self::channel();
        foreach (['a', 'b'] as $text) {
            event(new MessageSentNow($text, [new Channel($channel)]));
        }
        $this->assertSame(['a', 'b'], self::texts($channel));
        $this->assertContains('events', $proxy->requests(3));
    }

    public function test_a_connection_that_the_server_closed_is_made_anew(): void
    {
        $server = $this->later(new ParleyServer, 'stop');
        $proxy = $this->later(new Proxy($server->port), 'end');
        $this->application(['WEBSOCKET_PORT' => $proxy->port])->app();
        $channel = self::channel();
        event(new MessageSentNow('a', [new Channel($channel)]));
        $proxy->closeAll();
        event(new MessageSentNow('b', [new Channel($channel)]));
        $this->assertSame(['a', 'b'], self::texts($channel));
        $this->assertSame(2, $proxy->connections());
    }

    public function test_a_forked_worker_has_a_connection_of_its_own(): void
    {
        $this->observed();
        $channel = self::channel();
        event(new MessageSentNow('parent', [new Channel($channel)]));
        $child = pcntl_fork();
        if ($child === 0) {
            try {
                event(new MessageSentNow('child', [new Channel($channel)]));
            } finally {
                posix_kill(getmypid(), SIGKILL);  // no shutdown functions and destructors of the test run
            }
        }
        pcntl_waitpid($child, $status);
        event(new MessageSentNow('parent again', [new Channel($channel)]));
        $this->assertSame(['parent', 'child', 'parent again'], self::texts($channel));
        $this->assertSame(2, $this->proxy->connections());
    }

    public function test_an_own_key_is_of_one_event(): void
    {
        $this->application()->app();
        $channel = self::channel();
        foreach (['order.placed', 'order.paid', 'order.placed'] as $event) {
            Parley::trigger($channel, $event, ['text' => $event], null, 'order-7');
        }
        $this->assertSame(['order.placed', 'order.paid'], self::texts($channel));
        $this->expectExceptionMessage('The idempotency key is empty');
        Parley::trigger($channel, 'order.paid', [], null, '');
    }

    public function test_trigger_forgives_a_page_that_is_not_connected(): void
    {
        $this->application()->app();
        $channel = self::channel();
        Parley::trigger($channel, 'message.sent', ['text' => 'a'], 'undefined');
        $this->assertSame(['a'], self::texts($channel));
    }

    /** @dataProvider noJson */
    public function test_what_cannot_be_json_is_the_packages_exception(string $why, $data): void
    {
        $this->application()->app();
        $this->expectException(ParleyException::class);
        $this->expectExceptionMessage("The data of said cannot be JSON: {$why}");
        Parley::trigger('a', 'said', $data);
    }

    public function noJson(): array
    {
        return [['Inf and NaN', NAN], ['Malformed UTF-8', ["\xff"]]];
    }

    public function test_trigger_publishes_without_a_class_and_keys_make_it_once(): void
    {
        $this->application()->app();
        $channel = self::channel();
        foreach ([1, 2] as $try) {
            Parley::trigger(new PrivateChannel($channel), 'message.sent', ['text' => 'a'], null, "order-{$channel}");
        }
        Parley::trigger(["private-{$channel}"], 'message.sent', ['text' => 'b']);
        $this->assertSame(['a', 'b'], self::texts("private-{$channel}"));
    }
}

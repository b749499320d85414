<?php

namespace Parley\Laravel\Tests\Feature;

use Illuminate\Support\Facades\Event;
use Parley\Laravel\Events;
use Parley\Laravel\Events\UserOnline;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\Support\Wait;
use Parley\Laravel\Tests\Support\WebSite;
use Parley\Laravel\Tests\Support\WebSocket;
use Parley\Laravel\Tests\TestCase;
use RuntimeException;

// The route, and the real server that posts to it.

final class WebhookTest extends TestCase
{
    private function post(TestApplication $application, array $events, string $secret = ParleyServer::SECRET, ?int $time = null): int
    {
        $body = json_encode(['time_ms' => ($time ?? time()) * 1000, 'events' => $events]);

        return $application->request('POST', '/parley/webhooks', [], null, ['CONTENT_TYPE' => 'application/json',
            'HTTP_X_PUSHER_KEY' => ParleyServer::KEY, 'HTTP_X_PUSHER_SIGNATURE' => hash_hmac('sha256', $body, $secret)], $body)->getStatusCode();
    }

    /** Waits for a notice of this event whose fields fit, and returns it. */
    private function heard(TestApplication $application, string $event, array $fields): array
    {
        return Wait::until(function () use ($application, $event, $fields) {
            foreach ($application->notices() as $notice) {
                if ($notice['event'] === $event && array_intersect_key($notice, $fields) == $fields) {
                    return $notice;
                }
            }

            return null;
        }, "{$event} ".json_encode($fields).'; there is '.json_encode($application->notices()));
    }

    public function test_what_the_server_tells_becomes_events(): void
    {
        $application = $this->application();
        $site = $this->later(new WebSite($application), 'end');
        $server = $this->later(new ParleyServer("[[webhooks]]\nname = \"site\"\nurl = \"http://127.0.0.1:{$site->port}/parley/webhooks\""), 'stop');
        $application->environment(self::environment($server->port));
        $application->app();

        $token = Parley::token(42, ['7'], null, ['presence-room.*', 'private-cache-room.*']);
        $socket = $this->later(new WebSocket($server->port, "/t/{$token}/app/".ParleyServer::KEY.'?protocol=7'), 'close');
        $socket->subscribe('presence-room.1', ['auth' => '']);
        $socket->subscribe('private-cache-room.1', ['auth' => '']);
        $socket->send('client-typing', ['on' => true], 'presence-room.1');
        $this->heard($application, Events\UserOnline::class, ['user_id' => 42, 'domains' => ['7']]);
        $this->heard($application, Events\UserStatusChanged::class, ['userId' => 42, 'status' => 'online']);
        $this->heard($application, Events\UserConnected::class, ['user_id' => 42, 'socket_id' => $socket->socketId]);
        $this->heard($application, Events\ChannelOccupied::class, ['channel' => 'presence-room.1']);
        $this->heard($application, Events\MemberAdded::class, ['channel' => 'presence-room.1', 'user_id' => 42]);
        $this->heard($application, Events\CacheMiss::class, ['channel' => 'private-cache-room.1']);
        $this->heard($application, Events\ClientEvent::class, ['channel' => 'presence-room.1', 'data' => '{"on":true}', 'socket_id' => $socket->socketId]);
        $socket->close();
        Parley::disconnect(42);
        $this->heard($application, Events\MemberRemoved::class, ['channel' => 'presence-room.1', 'user_id' => 42]);
        $this->heard($application, Events\ChannelVacated::class, ['channel' => 'presence-room.1']);
        $this->heard($application, Events\UserOffline::class, ['user_id' => 42]);
        $this->heard($application, Events\UserStatusChanged::class, ['userId' => 42, 'status' => 'offline']);
        $ids = array_filter(array_column($application->notices(), 'id'));
        $this->assertSame(array_values(array_unique($ids)), array_values($ids), 'each once');
    }

    // JavaScript cuts an emoji in two, and its JSON says so. What PHP does not read must not hold up what comes after.
    public function test_half_a_surrogate_of_a_client_is_told_and_holds_up_nothing(): void
    {
        $application = $this->application();
        $site = $this->later(new WebSite($application), 'end');
        $server = $this->later(new ParleyServer("[[webhooks]]\nname = \"site\"\nurl = \"http://127.0.0.1:{$site->port}/parley/webhooks\""), 'stop');
        $application->environment(self::environment($server->port));
        $application->app();
        $token = Parley::token(42, null, null, ['private-room.*']);
        $socket = $this->later(new WebSocket($server->port, "/t/{$token}/app/".ParleyServer::KEY.'?protocol=7'), 'close');
        $socket->subscribe('private-room.1', ['auth' => '']);
        $socket->sendText('{"event":"client-typing","channel":"private-room.1","data":"cut \ud83d, whole \ud83d\ude00, text \\\\ud83d"}');
        $socket->send('client-typing', ['after' => true], 'private-room.1');
        $this->heard($application, Events\ClientEvent::class, ['channel' => 'private-room.1', 'data' => "cut \u{fffd}, whole \u{1f600}, text \\ud83d"]);
        $after = $this->heard($application, Events\ClientEvent::class, ['channel' => 'private-room.1', 'data' => '{"after":true}']);
        $this->assertSame($socket->socketId, $after['socket_id']);
    }

    public function test_a_client_event_with_half_a_surrogate_in_its_data_is_decoded(): void
    {
        $event = new Events\ClientEvent(['name' => 'client_event', 'data' => '{"text":"\ud83d","end":"\uDE00"}']);
        $this->assertSame(['text' => "\u{fffd}", 'end' => "\u{fffd}"], $event->decoded());
        $this->assertNull((new Events\ClientEvent(['data' => '{']))->decoded());
    }

    public function test_a_request_that_comes_twice_is_dispatched_once(): void
    {
        $application = $this->application();
        $application->app();
        $notices = [['name' => 'user_online', 'id' => 'a', 'user_id' => 1], ['name' => 'news_of_tomorrow', 'id' => 'b']];
        $this->assertSame(200, $this->post($application, $notices));
        $application->environment(self::environment(ParleyServer::shared()->port));  // as another process, after a restart
        $this->assertSame(200, $this->post($application, $notices));
        $this->assertSame([Events\UserStatusChanged::class, Events\UserOnline::class, Events\OtherNotice::class], $this->sorted($application));
    }

    private function sorted(TestApplication $application): array
    {
        $order = [Events\UserStatusChanged::class, Events\UserOnline::class, Events\OtherNotice::class];
        $names = array_column($application->notices(), 'event');
        usort($names, fn ($a, $b) => array_search($a, $order) <=> array_search($b, $order));

        return $names;
    }

    public function test_a_failed_listener_has_the_request_come_again_and_nothing_twice(): void
    {
        $application = $this->application();
        $application->app();
        $notices = [['name' => 'member_added', 'id' => 'a', 'channel' => 'presence-x', 'user_id' => 1], ['name' => 'user_online', 'id' => 'b', 'user_id' => 1]];
        $fail = true;
        Event::listen(UserOnline::class, function () use (&$fail) {
            if ($fail) {
                throw new RuntimeException('the database is away');
            }
        });
        $this->assertSame(500, $this->post($application, $notices));
        $fail = false;
        $this->assertSame(200, $this->post($application, $notices));
        $this->assertCount(1, array_keys(array_column($application->notices(), 'event'), Events\MemberAdded::class));
        $this->assertCount(1, array_keys(array_column($application->notices(), 'event'), Events\UserOnline::class));
    }

    public function test_what_is_not_from_the_server_is_refused_and_told_to_nobody(): void
    {
        $application = $this->application();
        $application->app();
        $notice = [['name' => 'user_online', 'id' => 'a', 'user_id' => 1]];
        $this->assertSame(401, $this->post($application, $notice, 'another secret'));
        $this->assertSame(422, $this->post($application, $notice, ParleyServer::SECRET, time() - 3 * 86400));
        $this->assertSame(401, $this->post($application, $notice, ParleyServer::SECRET, time() + 3600));
        $this->assertSame(401, $application->request('POST', '/parley/webhooks')->getStatusCode());
        $this->assertSame(405, $application->request('GET', '/parley/webhooks')->getStatusCode());
        $this->assertSame([], $application->notices());
    }

    public function test_a_large_body_is_refused(): void
    {
        $application = $this->application();
        $application->app();
        $this->assertSame(413, $this->post($application, [['name' => 'client_event', 'id' => 'a', 'data' => str_repeat('x', 1024 * 1024)]]));
    }

    public function test_the_path_can_be_another_and_the_route_be_left_out(): void
    {
        $application = $this->application(['WEBSOCKET_WEBHOOK_PATH' => 'hooks/parley']);
        $application->app();
        $this->assertSame(404, $this->post($application, []));
        $this->assertSame(401, $application->request('POST', '/hooks/parley')->getStatusCode());
        $application = $this->application([], ['config/parley.php' => '<?php return ["webhooks" => ["enabled" => false]] + (require '.var_export(dirname(__DIR__, 2).'/config/parley.php', true).');']);
        $this->assertSame(404, $application->request('POST', '/parley/webhooks')->getStatusCode());
    }
}

<?php

namespace Parley\Laravel\Tests\Feature;

use DateInterval;
use DateTimeImmutable;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Support\Str;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Tests\Support\ChildProcess;
use Parley\Laravel\Tests\Support\Folder;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\PhpServer;
use Parley\Laravel\Tests\Support\Wait;
use Parley\Laravel\Tests\Support\WebSocket;
use Parley\Laravel\Tests\TestCase;

// Each call of the facade against the real server.

final class ApiTest extends TestCase
{
    protected function setUp(): void
    {
        $this->application()->app();
    }

    /** A page of this user, signed in by a token. */
    private function visitor($id, array $domains = []): WebSocket
    {
        $token = Parley::token($id, $domains, null, [], ['name' => "user {$id}"]);

        return $this->later(new WebSocket(ParleyServer::shared()->port, "/t/{$token}/app/".ParleyServer::KEY.'?protocol=7'), 'close');
    }

    private static function id(): string
    {
        return 'u'.bin2hex(random_bytes(4));
    }

    private static function online($id): void
    {
        Wait::until(fn () => Parley::status([$id])[$id]['status'] === 'online', "{$id} to be online");
    }

    public function test_status_of_users_by_their_ids(): void
    {
        $this->visitor(71);
        self::online(71);
        $users = Parley::status([71, 72]);
        $this->assertSame(['online', 'offline'], [$users[71]['status'], $users[72]['status']]);
        $this->assertIsInt($users[71]['last_seen']);
        $this->assertNull($users[72]['last_seen']);
        $this->assertSame([], Parley::status([]));
    }

    public function test_status_of_more_users_than_one_call_takes(): void
    {
        $this->visitor(2071);
        self::online(2071);
        $users = Parley::status(range(1, 2500));
        $this->assertCount(2500, $users);
        $this->assertSame('online', $users[2071]['status']);
    }

    public function test_history_with_half_a_surrogate_is_read(): void
    {
        $channel = 'private-domain.'.self::id();
        Parley::client()->call('POST', 'events', [], '{"name":"said","channel":"'.$channel.'","data":"cut \ud83d"}');
        Parley::trigger($channel, 'said', 'after');
        $this->assertSame(["cut \u{fffd}", '"after"'], array_column(Parley::history($channel)['publications'], 'data'));
        $this->assertNotNull(Parley::position($channel));
    }

    public function test_an_answer_that_cannot_be_read_says_why(): void
    {
        $folder = Folder::temporary();
        file_put_contents("{$folder}/any.php", '<?php echo "{\"publications\":";');
        $server = $this->later(new PhpServer(["{$folder}/any.php"], $folder), 'end');
        $this->application(['WEBSOCKET_PORT' => $server->port])->app();
        try {
            Parley::history('a');
            $this->fail('it was read');
        } catch (ParleyException $error) {
            $this->assertSame('bad_answer', $error->error());
            $this->assertStringContainsString('cannot be read (Syntax error)', $error->getMessage());
        } finally {
            Folder::remove($folder);
        }
    }

    public function test_a_call_that_is_too_large_for_the_server_says_so(): void
    {
        try {
            Parley::trigger('a', 'said', str_repeat('x', 3_000_000));
            $this->fail('it was taken');
        } catch (ParleyException $error) {
            $this->assertSame(['too_large', 413], [$error->error(), $error->status()]);
            $this->assertStringContainsString('limits.http_body_bytes_max', $error->remedy());
        }
    }

    public function test_a_call_that_is_too_large_for_a_proxy_says_so(): void
    {
        $folder = Folder::temporary();
        file_put_contents("{$folder}/any.php", '<?php http_response_code(413);');
        $server = $this->later(new PhpServer(["{$folder}/any.php"], $folder), 'end');
        $this->application(['WEBSOCKET_PORT' => $server->port])->app();
        $this->expectExceptionMessage('or for a proxy in front of it (status 413)');
        try {
            Parley::trigger('a', 'said', 'x');
        } finally {
            Folder::remove($folder);
        }
    }

    public function test_names_of_dots_are_names(): void
    {
        foreach (['.', '..'] as $name) {
            Parley::trigger($name, 'said', $name);
            $this->assertSame($name, Parley::history($name)['channel']);
            $this->assertNull(Parley::user($name));
        }
    }

    public function test_ids_may_be_objects_that_are_text(): void
    {
        $id = self::id();
        $this->visitor($id);
        self::online($id);
        $this->assertSame('online', Parley::user(Str::of($id))['status']);
    }

    /** @dataProvider wrongArguments */
    public function test_a_wrong_argument_is_refused_here(string $message, callable $call): void
    {
        try {
            $call();
            $this->fail('it was taken');
        } catch (ParleyException $error) {
            $this->assertSame('bad_argument', $error->error());
            $this->assertStringContainsString($message, $error->getMessage());
        }
    }

    public function wrongArguments(): array
    {
        return [
            ['The name of a channel is empty', fn () => Parley::history('')],
            ['The name of a channel is empty', fn () => Parley::trigger(['a', ''], 'said')],
            ['The id of a user is empty', fn () => Parley::user('')],
            ['neither text nor a number', fn () => Parley::user([7])],
            ['Collection is neither a user nor an id', fn () => Parley::user(collect([7]))],
            ['Until when is seconds', fn () => Parley::ban(7, 'tomorrow')],
            ['A time is Unix milliseconds', fn () => Parley::history('a', from: 'yesterday')],
        ];
    }

    public function test_history_is_read_in_both_directions_and_by_position(): void
    {
        $channel = new PrivateChannel('domain.'.self::id());
        $this->assertSame('0000000000000000:0', Parley::position($channel), 'nothing was said yet');
        foreach (range(1, 5) as $n) {
            Parley::trigger($channel, 'message.sent', $n);
        }
        $read = fn (array $page) => array_map('intval', array_column($page['publications'], 'data'));
        $this->assertSame([1, 2, 3, 4, 5], $read(Parley::history($channel)));
        $page = Parley::history($channel, limit: 2);
        $this->assertSame([[1, 2], true], [$read($page), $page['more']]);
        $this->assertSame([3, 4], $read(Parley::history($channel, limit: 2, after: $page['next'])));
        $page = Parley::history($channel, limit: 2, newest: true);
        $this->assertSame([5, 4], $read($page));
        $this->assertSame([3, 2], $read(Parley::history($channel, limit: 2, before: $page['next'])));
        $this->assertStringEndsWith(':5', Parley::position($channel));
        $this->assertSame([], $read(Parley::history($channel, after: Parley::position($channel))));
        $this->assertSame([1, 2, 3, 4, 5], $read(Parley::history($channel, from: new DateTimeImmutable('-1 minute'), to: new DateTimeImmutable('+1 minute'))));
        $this->assertSame([], $read(Parley::history($channel, to: new DateTimeImmutable('-1 minute'))));
    }

    public function test_a_position_is_where_a_page_goes_on(): void
    {
        $channel = 'domain.'.self::id();
        $empty = Parley::position($channel);
        Parley::trigger($channel, 'message.sent', 'a');
        $position = Parley::position($channel);
        Parley::trigger($channel, 'message.sent', 'b');
        foreach ([[$empty, ['"a"', '"b"']], [$position, ['"b"']]] as [$since, $missed]) {
            $socket = $this->later(new WebSocket(ParleyServer::shared()->port), 'close');
            $socket->subscribe($channel, ['since' => $since]);
            foreach ($missed as $data) {
                $this->assertSame($data, $socket->waitFor('message.sent', $channel)['data']);
            }
        }
        $this->assertNull(Parley::position('news'), 'it keeps no history');
    }

    public function test_history_is_deleted(): void
    {
        $channel = 'domain.'.self::id();
        foreach (['a', 'b', 'c'] as $text) {
            Parley::trigger($channel, 'message.sent', $text);
        }
        $page = Parley::history($channel);
        $this->assertTrue(Parley::deletePublication($channel, "{$page['epoch']}:2"));
        $this->assertFalse(Parley::deletePublication($channel, "{$page['epoch']}:2"));
        $this->assertSame([1, 3], array_column(Parley::history($channel)['publications'], 'offset'));
        $this->assertGreaterThanOrEqual(2, Parley::deleteHistory($channel));
        $this->assertSame([], Parley::history($channel)['publications']);
    }

    public function test_two_ends_of_history_at_once_are_a_mistake(): void
    {
        $this->expectException(ParleyException::class);
        Parley::history('domain.1', 10, 'a:1', 'b:2');
    }

    public function test_channels_and_who_is_in_them(): void
    {
        $name = 'domain.'.self::id();
        $this->visitor(81)->subscribe("presence-{$name}", ['auth' => Parley::token(81, null, null, ["presence-{$name}"])]);
        $this->assertSame([81], Parley::members("presence-{$name}"));
        $this->assertSame(["presence-{$name}" => ['user_count' => 1]], Parley::channels("presence-{$name}", ['user_count']));
        $this->assertArrayHasKey("presence-{$name}", Parley::channels());
        $this->assertTrue(Parley::channel("presence-{$name}")['occupied']);
        $this->assertSame(1, Parley::channel("presence-{$name}", ['subscription_count'])['subscription_count']);
        $this->assertGreaterThan(0, Parley::connections());
    }

    public function test_a_user_and_the_users_of_a_domain(): void
    {
        [$id, $domain] = [self::id(), self::id()];
        $this->assertNull(Parley::user($id));
        $this->visitor($id, [$domain]);
        self::online($id);
        $this->assertSame([$id], array_column(Parley::domainMembers($domain)['users'], 'id'));
        $user = Parley::user($id);
        $this->assertSame([$id, 'online', [$domain], ['name' => "user {$id}"], null], [$user['id'], $user['status'], $user['domains'], $user['user_info'], $user['banned']]);
        $this->assertContains($id, array_column(Parley::users('online', 1000)['users'], 'id'));
        $this->assertSame('token', Parley::sessions($id)[0]['via']);
        $page = Parley::users(null, 1);
        $this->assertCount(1, $page['users']);
        if ($page['next'] !== null) {
            $this->assertNotEquals($page['users'], Parley::users(null, 1, $page['next'])['users']);
        }
        Parley::forget($id);
        $this->assertNull(Parley::user($id));
    }

    /** @dataProvider strangeIds */
    public function test_any_id_finds_its_way_into_a_path(string $id): void
    {
        $this->visitor($id);
        self::online($id);
        $this->assertSame($id, Parley::user($id)['id']);
        Parley::disconnect($id);
        Parley::forget($id);
    }

    public function strangeIds(): array
    {
        return [['status'], ['a/b c'], ['größe?x=1&y#z'], ['100%'], ['7+8']];
    }

    public function test_kicked_users_leave_the_channel(): void
    {
        $id = self::id();
        $socket = $this->visitor($id, ['5']);
        $socket->subscribe('private-domain.5', ['auth' => '']);
        $until = Parley::kick($id, new PrivateChannel('domain.5'), 600);
        $this->assertEqualsWithDelta(1000 * (time() + 600), $until, 30_000);
        $this->assertSame('Kicked', json_decode($socket->waitFor('pusher:subscription_error')['data'], true)['type']);
        $this->assertSame('private-domain.5', Parley::user($id)['kicked'][0]['channel']);
        $this->assertNull(Parley::kick($id, 'presence-domain.5'));
    }

    public function test_banned_users_are_ended_until_they_are_let_in_again(): void
    {
        $id = self::id();
        $socket = $this->visitor($id);
        $until = Parley::ban($id, new DateInterval('PT2H'), 'spam');
        $this->assertEqualsWithDelta(1000 * (time() + 7200), $until, 30_000);
        $this->assertSame(4009, $socket->waitFor('closed')['code']);
        $this->assertSame('spam', Parley::user($id)['banned']['reason']);
        Parley::unban($id);
        $this->assertNull(Parley::user($id)['banned']);
        $this->assertSame(1000 * 4_102_444_800, Parley::ban($id, new DateTimeImmutable('@4102444800')));
        Parley::unban($id);
        $this->visitor($id);
    }

    public function test_a_disconnected_user_may_come_back_but_not_with_a_revoked_token(): void
    {
        $id = self::id();
        $token = Parley::token($id);
        $path = "/t/{$token}/app/".ParleyServer::KEY.'?protocol=7';
        $socket = $this->later(new WebSocket(ParleyServer::shared()->port, $path), 'close');
        Parley::disconnect($id);
        $this->assertSame(4009, $socket->waitFor('closed')['code']);
        $socket = $this->later(new WebSocket(ParleyServer::shared()->port, $path), 'close');
        Parley::disconnect($id, true);
        $this->assertSame(4009, $socket->waitFor('closed')['code']);
        $this->expectExceptionMessage('4009');
        new WebSocket(ParleyServer::shared()->port, $path);
    }

    public function test_a_token_says_to_the_server_what_it_was_given(): void
    {
        $user = new \App\User(['id' => 7]);
        $token = Parley::token($user, [1, 2], [3], ['orders.*'], ['name' => 'Zoë'], [8], 60);
        $environment = ['PARLEY_APP_ID' => ParleyServer::ID, 'PARLEY_APP_KEY' => ParleyServer::KEY, 'PARLEY_APP_SECRET' => ParleyServer::SECRET];
        $verify = $this->later(new ChildProcess([ParleyServer::binary(), 'token', '--verify', $token], $environment, sys_get_temp_dir()), 'end');
        $verify->waitFor('/\n}\s*$|orders/');
        $said = $verify->output();
        foreach (['7', 'orders.*', 'Zoë'] as $part) {
            $this->assertStringContainsString($part, $said);
        }
        $this->assertSame(7, json_decode(base64_decode(strtr(explode('.', $token)[1], '-_', '+/')), true)['sub'], 'a number stays a number');
    }

    public function test_a_token_for_nobody_and_a_call_for_nobody_are_mistakes(): void
    {
        foreach ([fn () => Parley::token(''), fn () => Parley::token(null), fn () => Parley::disconnect(''), fn () => Parley::status([''])] as $call) {
            try {
                $call();
                $this->fail('it was taken');
            } catch (ParleyException $error) {
                $this->assertSame('bad_argument', $error->error());
            }
        }
    }

    public function test_an_answer_that_is_too_large_is_refused(): void
    {
        config(['parley.answer_bytes_max' => 2000]);
        app()->forgetInstance(\Parley\Laravel\Parley::class);
        Parley::clearResolvedInstances();
        $channel = 'domain.'.self::id();
        Parley::trigger($channel, 'message.sent', str_repeat('x', 3000));
        try {
            Parley::history($channel);
            $this->fail('it was read');
        } catch (ParleyException $error) {
            $this->assertStringContainsString('more than 2000 bytes', $error->getMessage());
        }
    }
}

<?php

namespace Parley\Laravel\Tests\Feature;

use App\Events\MessageSentNow;
use Illuminate\Broadcasting\EncryptedPrivateChannel;
use Illuminate\Support\Facades\Broadcast;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\Tests\Support\ChildProcess;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\Support\Wait;
use Parley\Laravel\Tests\Support\WebSite;
use Parley\Laravel\Tests\Support\WebSocket;
use Parley\Laravel\Tests\TestCase;

// What the application answers is given to the real server, which says whether it is right.

final class AuthorizationTest extends TestCase
{
    private TestApplication $application;

    private WebSocket $socket;

    private function begin(array $environment = []): void
    {
        $this->application = $this->application($environment);
        $this->application->app();
        $this->socket = $this->later(new WebSocket(ParleyServer::shared()->port), 'close');
    }

    private function ask(string $channel, ?string $as = 'user-1', ?string $socketId = null): array
    {
        $response = $this->application->request('POST', '/broadcasting/auth', ['channel_name' => $channel, 'socket_id' => $socketId ?? $this->socket->socketId], $as);

        return [$response->getStatusCode(), json_decode($response->getContent(), true)];
    }

    public function test_a_member_of_a_private_channel_joins_it(): void
    {
        $this->begin();
        [$status, $proof] = $this->ask('private-domain.1');
        $this->assertSame(200, $status);
        $this->assertSame(['auth'], array_keys($proof));
        $this->socket->subscribe('private-domain.1', $proof);
        event(new MessageSentNow('hello'));
        $this->assertSame('{"text":"hello"}', $this->socket->waitFor('message.sent')['data']);
    }

    public function test_who_is_no_member_and_who_is_nobody_is_refused(): void
    {
        $this->begin();
        $this->assertSame(403, $this->ask('private-domain.2')[0]);
        $this->assertSame(403, $this->ask('private-user.2')[0]);
        $this->assertSame(403, $this->ask('private-unheard.of')[0]);
        $this->assertSame(403, $this->ask('private-domain.1', null)[0]);
        $this->assertSame(200, $this->ask('private-domain.2', 'user-2')[0]);
    }

    /** @dataProvider nonsense */
    public function test_nonsense_is_not_signed(int $status, $channel, $socketId): void
    {
        $this->begin();
        $response = $this->application->request('POST', '/broadcasting/auth', array_filter(['channel_name' => $channel, 'socket_id' => $socketId], fn ($value) => $value !== null), 'user-1');
        $this->assertSame($status, $response->getStatusCode(), $response->getContent());
    }

    public function nonsense(): array
    {
        return [
            'a sign-in dressed as a channel' => [403, ':user::{"id":"2"}', '1.1'],
            'a socket id with more in it' => [400, 'private-domain.1', '1.1::user'],
            'a line break' => [400, "private-domain.1\n", '1.1'],
            'a socket id with a line break' => [400, 'private-domain.1', "1.1\n"],
            'no socket id' => [400, 'private-domain.1', null],
            'no channel' => [403, null, '1.1'],
            'a public channel' => [403, 'domain.1', '1.1'],
            'a name that is too long' => [400, 'private-domain.1'.str_repeat('x', 1000), '1.1'],
            'several socket ids' => [400, 'private-domain.1', ['1.1']],
        ];
    }

    public function test_a_presence_member_keeps_its_id_a_number(): void
    {
        $this->begin();
        [, $proof] = $this->ask('presence-domain.1');
        $roster = $this->socket->subscribe('presence-domain.1', $proof)['presence'];
        $this->assertSame([1], $roster['ids']);
        $this->assertSame(['name' => 'Ada'], $roster['hash']['1']);
        $this->assertEquals([1], Parley::members('presence-domain.1'));
    }

    public function test_an_encrypted_channel_is_read_by_who_was_given_its_secret(): void
    {
        $this->begin(['WEBSOCKET_ENCRYPTION_MASTER_KEY' => base64_encode(random_bytes(32))]);
        [$status, $proof] = $this->ask('private-encrypted-secret.1');
        $this->assertSame(200, $status);
        $this->socket->subscribe('private-encrypted-secret.1', ['auth' => $proof['auth']]);
        // Encrypted and plain channels of one event: each gets what it can read.
        $this->socket->subscribe('private-domain.1', $this->ask('private-domain.1')[1]);
        event(new MessageSentNow('hush', [new EncryptedPrivateChannel('secret.1'), 'private-domain.1', 'private-encrypted-secret.2']));
        $box = json_decode($this->socket->waitFor('message.sent', 'private-encrypted-secret.1')['data'], true);
        $this->assertSame('{"text":"hush"}', sodium_crypto_secretbox_open(base64_decode($box['ciphertext']), base64_decode($box['nonce']), base64_decode($proof['shared_secret'])));
        $this->assertSame('{"text":"hush"}', $this->socket->waitFor('message.sent', 'private-domain.1')['data']);
    }

    public function test_stock_pusher_js_decrypts_what_the_driver_encrypts(): void
    {
        $module = dirname(__DIR__, 4).'/tests/e2e/node_modules/pusher-js/dist/node/pusher.js';
        if (! is_file($module) || ! is_executable(trim((string) shell_exec('command -v node')))) {
            $this->markTestSkipped('node or pusher-js is not installed: ./parley.sh deps');
        }
        $this->begin(['WEBSOCKET_ENCRYPTION_MASTER_KEY' => base64_encode(random_bytes(32))]);
        $channel = 'private-encrypted-secret.1';
        $page = $this->later(new ChildProcess(['node', dirname(__DIR__).'/Support/decrypt.cjs', $module, (string) ParleyServer::shared()->port, ParleyServer::KEY, $channel]), 'end');
        [, $socketId] = $page->waitFor('/^socket (\S+)$/m');
        $page->tell(json_encode($this->ask($channel, 'user-1', $socketId)[1]));
        $page->waitFor('/^subscribed$/m');
        event(new MessageSentNow('hush, größer', [new EncryptedPrivateChannel('secret.1')]));
        $this->assertSame('{"text":"hush, größer"}', $page->waitFor('/^heard (.+)$/m')[1]);
    }

    public function test_without_a_master_key_an_encrypted_channel_is_an_error_that_says_so(): void
    {
        $this->begin();
        $this->expectExceptionMessage('WEBSOCKET_ENCRYPTION_MASTER_KEY');
        event(new MessageSentNow('hush', [new EncryptedPrivateChannel('secret.1')]));
    }

    public function test_no_other_site_gets_a_signature_by_a_script(): void
    {
        $this->begin();
        $response = $this->application->request('GET', '/broadcasting/auth', ['channel_name' => 'private-domain.1', 'socket_id' => '1.1', 'callback' => 'steal'], 'user-1');
        $this->assertStringNotContainsString('steal', $response->getContent());
    }

    public function test_a_visitor_signs_in(): void
    {
        $this->begin();
        $response = $this->application->request('POST', '/broadcasting/user-auth', ['socket_id' => $this->socket->socketId], 'user-2');
        $this->assertSame(200, $response->getStatusCode());
        $this->socket->send('pusher:signin', json_decode($response->getContent(), true));
        $this->assertSame('{"id":"2"}', json_decode($this->socket->waitFor('pusher:signin_success')['data'], true)['user_data']);
        $this->socket->subscribe('#server-to-user-2');  // pusher-js does so by itself
        Parley::sendToUser(2, 'message.sent', ['text' => 'for you']);
        $this->assertSame('{"text":"for you"}', $this->socket->waitFor('message.sent', '#server-to-user-2')['data']);
    }

    public function test_who_somebody_is_can_be_said_by_the_application(): void
    {
        $this->begin();
        Broadcast::resolveAuthenticatedUserUsing(fn ($request) => $request->user() ? ['id' => $request->user()->getAuthIdentifier(), 'domains' => ['1', '2']] : null);
        $response = $this->application->request('POST', '/broadcasting/user-auth', ['socket_id' => $this->socket->socketId], 'user-2');
        $this->socket->send('pusher:signin', json_decode($response->getContent(), true));
        $this->socket->waitFor('pusher:signin_success');
        $this->assertSame(['1', '2'], Wait::until(fn () => Parley::user(2)['domains'] ?? null ?: null, 'the domains of user 2'));
    }

    public function test_nobody_does_not_sign_in(): void
    {
        $this->begin();
        $this->assertSame(403, $this->application->request('POST', '/broadcasting/user-auth', ['socket_id' => '1.1'])->getStatusCode());
        $this->assertSame(400, $this->application->request('POST', '/broadcasting/user-auth', ['socket_id' => '1.1:x'], 'user-1')->getStatusCode());
    }

    public function test_several_channels_are_authorised_in_one_call(): void
    {
        $this->begin();
        $channels = ['private-domain.1', 'presence-domain.1', 'private-domain.2', 'private-broken', 'domain.1', "private-\n"];
        $response = $this->application->request('POST', '/broadcasting/auth', ['channel_name' => $channels, 'socket_id' => $this->socket->socketId], 'user-1');
        $this->assertSame(200, $response->getStatusCode());
        $answers = json_decode($response->getContent(), true);
        $this->assertSame([200, 200, 403, 500, 403, 400], array_column($answers, 'status'));
        $this->assertSame($channels, array_keys($answers));
        $this->socket->subscribe('private-domain.1', $answers['private-domain.1']['data']);
        $this->assertSame([1], $this->socket->subscribe('presence-domain.1', $answers['presence-domain.1']['data'])['presence']['ids']);
        $this->assertStringContainsString('a mistake in a callback', file_get_contents("{$this->application->folder}/storage/logs/laravel.log"));
    }

    public function test_several_channels_may_come_as_json_and_in_the_query(): void
    {
        $this->begin();
        $input = ['channel_name' => ['private-domain.1', 'private-domain.2'], 'socket_id' => '1.1'];
        foreach ([$this->application->json('POST', '/broadcasting/auth', $input, 'user-1'), $this->application->request('GET', '/broadcasting/auth', $input, 'user-1')] as $response) {
            $this->assertSame([200, 403], array_column(json_decode($response->getContent(), true), 'status'));
        }
    }

    public function test_names_that_are_numbers_are_names(): void
    {
        $application = $this->application();
        foreach ([['channel_name', '%s'], ['channels', '{"channels":%s}']] as [$field, $form]) {
            $answer = $application->json('POST', '/broadcasting/auth', ['socket_id' => '1.1', $field => ['0', '1']], 'user-1');
            $this->assertSame(sprintf($form, '{"0":{"status":403},"1":{"status":403}}'), $answer->getContent());
        }
    }

    public function test_a_call_for_too_many_channels_is_refused(): void
    {
        $this->begin();
        $input = ['channel_name' => array_fill(0, 101, 'private-domain.1'), 'socket_id' => '1.1'];
        $this->assertSame(400, $this->application->json('POST', '/broadcasting/auth', $input, 'user-1')->getStatusCode());
    }

    public function test_a_token_opens_the_visitors_channels_without_a_call_for_each(): void
    {
        $this->begin();
        $response = $this->application->request('GET', '/broadcasting/token', [], 'user-1');
        $this->assertSame('no-store, private', $response->headers->get('Cache-Control'));
        $token = json_decode($response->getContent(), true)['token'];
        $socket = $this->later(new WebSocket(ParleyServer::shared()->port, "/t/{$token}/app/".ParleyServer::KEY.'?protocol=7'), 'close');
        $socket->subscribe('private-domain.1', ['auth' => '']);
        $this->assertSame([1], $socket->subscribe('presence-domain.1', ['auth' => ''])['presence']['ids']);
        $socket->send('pusher:subscribe', ['channel' => 'private-domain.2', 'auth' => '']);
        $this->assertSame('private-domain.2', $socket->waitFor('pusher:subscription_error')['channel']);
        $this->assertSame(403, $this->application->request('GET', '/broadcasting/token')->getStatusCode());
    }

    /** @dataProvider askedHow */
    public function test_a_server_that_asks_the_application_gets_its_answers(string $more): void
    {
        $application = $this->application();
        $site = $this->later(new WebSite($application), 'end');
        $server = $this->later(new ParleyServer('allowed_origins = ["http://localhost"]'."\n".sprintf($more, $site->port)), 'stop');
        $application->environment(self::environment($server->port));
        $socket = $this->later(new WebSocket($server->port, '/app/'.ParleyServer::KEY.'?protocol=7', ['Authorization: Bearer user-1']), 'close');
        $socket->send('pusher:subscribe', ['channel' => 'private-domain.1', 'auth' => '']);
        $socket->send('pusher:subscribe', ['channel' => 'presence-domain.1', 'auth' => '']);
        $socket->send('pusher:subscribe', ['channel' => 'private-domain.2', 'auth' => '']);
        $this->assertSame('private-domain.2', $socket->waitFor('pusher:subscription_error')['channel']);
        $socket->waitFor('pusher_internal:subscription_succeeded', 'private-domain.1');
        $roster = json_decode($socket->waitFor('pusher_internal:subscription_succeeded', 'presence-domain.1')['data'], true)['presence'];
        $this->assertSame([1], $roster['ids']);
    }

    public function askedHow(): array
    {
        return [
            'one at a time' => ['auth.url = "http://127.0.0.1:%1$d/broadcasting/auth"'],
            'several in a call' => ['auth.url = "http://127.0.0.1:%1$d/nowhere"'."\n".'auth.batch_url = "http://127.0.0.1:%1$d/broadcasting/auth"'],
        ];
    }
}

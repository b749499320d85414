<?php

namespace Parley\Laravel\Tests\Unit;

use Illuminate\Http\Request;
use Parley\Laravel\Settings;
use Parley\Laravel\Webhooks\Gatekeeper;
use Parley\Laravel\Webhooks\Refusal;
use PHPUnit\Framework\TestCase;

final class GatekeeperTest extends TestCase
{
    private const NOW = 1_760_000_000;

    private function gatekeeper(array $config = [], array $settings = []): Gatekeeper
    {
        return new Gatekeeper(new Settings($settings + ['key' => 'key', 'secret' => 'secret']), $config + ['body_bytes_max' => 1000, 'age_max' => 3600], fn () => self::NOW);
    }

    private function request(string $body, string $secret = 'secret', string $key = 'key', array $server = []): Request
    {
        return Request::create('/', 'POST', [], [], [], $server + ['HTTP_X_PUSHER_KEY' => $key, 'HTTP_X_PUSHER_SIGNATURE' => hash_hmac('sha256', $body, $secret)], $body);
    }

    private function body(int $at = self::NOW, $events = [['name' => 'user_online', 'id' => 'a']]): string
    {
        return json_encode(['time_ms' => $at * 1000, 'events' => $events]);
    }

    private function assertRefused(int $status, Gatekeeper $gatekeeper, Request $request): void
    {
        try {
            $gatekeeper->notices($request);
        } catch (Refusal $refusal) {
            $this->assertSame($status, $refusal->getCode(), $refusal->getMessage());

            return;
        }
        $this->fail('it was taken');
    }

    public function test_a_signed_request_is_taken(): void
    {
        $this->assertSame([['name' => 'user_online', 'id' => 'a']], $this->gatekeeper()->notices($this->request($this->body())));
    }

    public function test_signatures_that_do_not_fit_are_refused(): void
    {
        $this->assertRefused(401, $this->gatekeeper(), $this->request($this->body(), 'another'));
        $this->assertRefused(401, $this->gatekeeper(), $this->request($this->body(), 'secret', 'another'));
        $tampered = $this->request($this->body(), 'secret', 'key', ['HTTP_X_PUSHER_SIGNATURE' => hash_hmac('sha256', 'x', 'secret')]);
        $this->assertRefused(401, $this->gatekeeper(), $tampered);
        $this->assertRefused(401, $this->gatekeeper(), Request::create('/', 'POST', [], [], [], [], $this->body()));
    }

    public function test_without_a_secret_nothing_is_taken(): void
    {
        $this->assertRefused(503, $this->gatekeeper([], ['secret' => '']), $this->request($this->body(), ''));
    }

    public function test_while_the_secret_is_changed_the_previous_one_counts(): void
    {
        $gatekeeper = $this->gatekeeper([], ['secret' => 'new', 'secret_previous' => 'secret']);
        $this->assertCount(1, $gatekeeper->notices($this->request($this->body())));
        $this->assertCount(1, $gatekeeper->notices($this->request($this->body(), 'new')));
    }

    public function test_old_and_future_notices_are_refused(): void
    {
        $this->assertCount(1, $this->gatekeeper()->notices($this->request($this->body(self::NOW - 3600))));
        $this->assertRefused(422, $this->gatekeeper(), $this->request($this->body(self::NOW - 3601)));
        $this->assertCount(1, $this->gatekeeper()->notices($this->request($this->body(self::NOW + 600))));
        $this->assertRefused(401, $this->gatekeeper(), $this->request($this->body(self::NOW + 601)));
    }

    public function test_a_body_is_bounded_whatever_its_length_says(): void
    {
        $this->assertRefused(413, $this->gatekeeper(), $this->request(str_repeat('x', 1001)));
        $this->assertRefused(413, $this->gatekeeper(), $this->request(str_repeat('x', 1001), 'secret', 'key', ['HTTP_CONTENT_LENGTH' => '10']));
        $this->assertRefused(413, $this->gatekeeper(), $this->request('', 'secret', 'key', ['HTTP_CONTENT_LENGTH' => '1001']));
    }

    /** @dataProvider strangeBodies */
    public function test_a_signed_body_that_is_none_is_refused(string $body): void
    {
        $this->assertRefused(400, $this->gatekeeper(), $this->request($body));
    }

    public function strangeBodies(): array
    {
        return [[''], ['{'], ['[]'], ['"x"'], ['{"events":[]}'], ['{"time_ms":"1","events":[]}'], ['{"time_ms":1760000000000,"events":1}'],
            ['{"time_ms":1760000000000,"events":'.str_repeat('[', 100).str_repeat(']', 100).'}']];
    }
}

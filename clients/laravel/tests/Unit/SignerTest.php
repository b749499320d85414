<?php

namespace Parley\Laravel\Tests\Unit;

use Parley\Laravel\Http\Signer;
use Parley\Laravel\Settings;
use PHPUnit\Framework\TestCase;

final class SignerTest extends TestCase
{
    // Key, secret and results are the examples of Pusher's documentation.
    private function signer(?callable $clock = null): Signer
    {
        return new Signer(new Settings(['app_id' => '3', 'key' => '278d425bdf160c739803', 'secret' => '7ad3773142a6692b25b8']), $clock);
    }

    public function test_a_subscription_is_signed_as_pusher_documents_it(): void
    {
        $this->assertSame('278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
            $this->signer()->subscription('1234.1234', 'private-foobar'));
        $this->assertSame('278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80',
            $this->signer()->subscription('1234.1234', 'presence-foobar', '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'));
    }

    public function test_a_call_is_signed_over_what_it_carries(): void
    {
        $body = '{"name":"foo"}';
        parse_str($this->signer(fn () => 1353088179)->query('POST', '/apps/3/events', ['info' => 'a b'], $body), $query);
        $this->assertSame('1353088179', $query['auth_timestamp']);
        $this->assertSame(md5($body), $query['body_md5']);
        $text = "POST\n/apps/3/events\nauth_key={$query['auth_key']}&auth_nonce={$query['auth_nonce']}&auth_timestamp=1353088179&auth_version=1.0&body_md5={$query['body_md5']}&info=a b";
        $this->assertSame(hash_hmac('sha256', $text, '7ad3773142a6692b25b8'), $query['auth_signature']);
    }

    public function test_two_equal_calls_have_two_signatures(): void
    {
        $sign = fn () => $this->signer(fn () => 1353088179)->query('POST', '/apps/3/events', [], '{}');
        $this->assertNotSame($sign(), $sign());
    }
}

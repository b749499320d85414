<?php

namespace Parley\Laravel\Tests\Unit;

use Parley\Laravel\ParleyException;
use Parley\Laravel\Publishing\ChannelCipher;
use PHPUnit\Framework\TestCase;

final class ChannelCipherTest extends TestCase
{
    public function test_who_has_the_shared_secret_reads_it(): void
    {
        $cipher = new ChannelCipher(base64_encode(str_repeat('m', 32)));
        $box = json_decode($cipher->encrypt('private-encrypted-a', '{"text":"hush"}'), true);
        $secret = base64_decode($cipher->sharedSecret('private-encrypted-a'));
        $this->assertSame('{"text":"hush"}', sodium_crypto_secretbox_open(base64_decode($box['ciphertext']), base64_decode($box['nonce']), $secret));
        $other = base64_decode($cipher->sharedSecret('private-encrypted-b'));
        $this->assertFalse(sodium_crypto_secretbox_open(base64_decode($box['ciphertext']), base64_decode($box['nonce']), $other));
    }

    public function test_no_nonce_comes_twice(): void
    {
        $cipher = new ChannelCipher(base64_encode(str_repeat('m', 32)));
        $this->assertNotSame($cipher->encrypt('private-encrypted-a', '{}'), $cipher->encrypt('private-encrypted-a', '{}'));
    }

    /** @dataProvider wrongKeys */
    public function test_a_key_that_is_none_is_an_error_that_says_what_to_do(?string $key): void
    {
        $this->expectException(ParleyException::class);
        $this->expectExceptionMessage('openssl rand -base64 32');
        (new ChannelCipher($key))->encrypt('private-encrypted-a', '{}');
    }

    public function wrongKeys(): array
    {
        return [[null], ['not base64!'], [base64_encode('short')]];
    }
}

<?php

namespace Parley\Laravel\Publishing;

use Parley\Laravel\Http\Client;
use Parley\Laravel\ParleyException;

// Encrypts what goes to `private-encrypted-…` channels, as pusher-js decrypts it. The server never has the key.

final class ChannelCipher
{
    private ?string $masterKey;

    /** @param string|null $masterKey 32 bytes in base64 */
    public function __construct(
        #[\SensitiveParameter]
        ?string $masterKey
    ) {
        $this->masterKey = $masterKey;
    }

    /** For dump(). */
    public function __debugInfo(): array
    {
        return ['masterKey' => $this->masterKey === null ? null : '(hidden)'];
    }

    public static function isEncrypted(string $channel): bool
    {
        return str_starts_with($channel, 'private-encrypted-');
    }

    /** What a subscriber is given to read this channel, and no other. Base64. */
    public function sharedSecret(string $channel): string
    {
        return base64_encode($this->secret($channel));
    }

    public function encrypt(string $channel, string $data): string
    {
        $nonce = random_bytes(SODIUM_CRYPTO_SECRETBOX_NONCEBYTES);

        return Client::encode([
            'nonce' => base64_encode($nonce),
            'ciphertext' => base64_encode(sodium_crypto_secretbox($data, $nonce, $this->secret($channel))),
        ]);
    }

    private function secret(string $channel): string
    {
        if (! function_exists('sodium_crypto_secretbox')) {
            throw new ParleyException("{$channel} is encrypted, and PHP has no sodium.", 'not_configured', 0, 'Install the extension.');
        }
        $key = $this->masterKey === null ? false : base64_decode($this->masterKey, true);
        if ($key === false || strlen($key) !== SODIUM_CRYPTO_SECRETBOX_KEYBYTES) {
            throw new ParleyException("{$channel} is encrypted, and there is no key of 32 bytes in base64.", 'not_configured', 0,
                'Set WEBSOCKET_ENCRYPTION_MASTER_KEY to what `openssl rand -base64 32` prints.');
        }

        return hash('sha256', $channel.$key, true);
    }
}

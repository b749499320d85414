<?php

namespace Parley\Laravel\Tokens;

use Parley\Laravel\Http\Client;
use Parley\Laravel\ParleyException;

// A connection token is a JWT with HS256 (docs/connection-tokens.md of the server).

final class ConnectionToken
{
    public static function encode(
        array $claims,
        #[\SensitiveParameter]
        string $secret
    ): string {
        if ($secret === '') {
            throw new ParleyException('PARLEY_APP_SECRET is not set.', 'not_configured');
        }
        if (! is_int($claims['sub'] ?? null) && ! is_string($claims['sub'] ?? null) || $claims['sub'] === '') {
            throw new ParleyException('A token is for a user: text or a whole number.', 'bad_argument');
        }
        $text = self::base64Url(Client::encode(['alg' => 'HS256', 'typ' => 'JWT'])).'.'.self::base64Url(Client::encode($claims));

        return $text.'.'.self::base64Url(hash_hmac('sha256', $text, $secret, true));
    }

    private static function base64Url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}

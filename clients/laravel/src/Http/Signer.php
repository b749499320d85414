<?php

namespace Parley\Laravel\Http;

use Parley\Laravel\Settings;

// Signs as Pusher does: calls of the HTTP API, subscriptions and sign-ins. Knows the secret, and sends nothing.

final class Signer
{
    private Settings $settings;

    /** @var callable(): int */
    private $clock;

    /** @param callable(): int|null $clock seconds since 1970 */
    public function __construct(Settings $settings, ?callable $clock = null)
    {
        $this->settings = $settings;
        $this->clock = $clock ?? 'time';
    }

    /** The query of a call, signed. `$path` is without a prefix, and as it is sent. */
    public function query(string $method, string $path, array $query, string $body): string
    {
        $query = array_map('strval', $query) + [
            'auth_key' => $this->settings->key,
            'auth_timestamp' => (string) $this->now(),
            'auth_version' => '1.0',
            // Two calls that are the same in everything else are not one that was captured and sent again.
            'auth_nonce' => bin2hex(random_bytes(8)),
        ];
        if ($body !== '') {
            $query['body_md5'] = md5($body);
        }
        $query = array_change_key_case($query);
        ksort($query, SORT_STRING);
        $text = implode('&', array_map(fn ($name, $value) => "{$name}={$value}", array_keys($query), $query));
        $query['auth_signature'] = $this->sign("{$method}\n{$path}\n{$text}");

        return http_build_query($query, '', '&', PHP_QUERY_RFC3986);
    }

    /** `auth` of a subscription; `$channelData` for presence channels. */
    public function subscription(string $socketId, string $channel, ?string $channelData = null): string
    {
        return $this->proof($channelData === null ? "{$socketId}:{$channel}" : "{$socketId}:{$channel}:{$channelData}");
    }

    /** `auth` of a sign-in. */
    public function signIn(string $socketId, string $userData): string
    {
        return $this->proof("{$socketId}::user::{$userData}");
    }

    public function now(): int
    {
        return ($this->clock)();
    }

    private function proof(string $text): string
    {
        return $this->settings->key.':'.$this->sign($text);
    }

    private function sign(string $text): string
    {
        return hash_hmac('sha256', $text, $this->settings->secret);
    }
}

<?php

namespace Parley\Laravel\Webhooks;

use Illuminate\Http\Request;
use Parley\Laravel\Http\Json;
use Parley\Laravel\Settings;

// Decides whether a request comes from the server, and reads what it says. Nothing here is parsed before the signature fits;
// Laravel may have parsed a JSON body already (for its middleware), bounded by PHP's `post_max_size` alone.

final class Gatekeeper
{
    /** How far the server's clock may be ahead, in seconds. */
    private const AHEAD_MAX = 600;

    private const DEPTH_MAX = 64;

    private Settings $settings;

    private int $bodyBytesMax;

    private int $ageMax;

    /** @var callable(): int */
    private $clock;

    public function __construct(Settings $settings, array $config, ?callable $clock = null)
    {
        $this->settings = $settings;
        $this->bodyBytesMax = (int) ($config['body_bytes_max'] ?? 1024 * 1024);
        $this->ageMax = (int) ($config['age_max'] ?? 2 * 86400);
        $this->clock = $clock ?? 'time';
    }

    /**
     * The notices of a request, in their order.
     *
     * @return list<array>
     *
     * @throws Refusal
     */
    public function notices(Request $request): array
    {
        if ((int) $request->headers->get('Content-Length', '0') > $this->bodyBytesMax) {
            throw $this->tooLarge();
        }
        $body = (string) $request->getContent();
        if (strlen($body) > $this->bodyBytesMax) {
            throw $this->tooLarge();
        }
        $this->checkSignature($request, $body);
        $message = Json::decode($body, self::DEPTH_MAX, JSON_BIGINT_AS_STRING);
        if (! is_array($message) || ! is_int($message['time_ms'] ?? null) || ! is_array($message['events'] ?? null)) {
            throw new Refusal(400, 'The body is not what a Parley server sends.');
        }
        $this->checkTime(intdiv($message['time_ms'], 1000));

        return array_values(array_filter($message['events'], 'is_array'));
    }

    private function checkSignature(Request $request, string $body): void
    {
        if ($this->settings->key === '' || $this->settings->secret === '') {
            throw new Refusal(503, 'PARLEY_APP_KEY and PARLEY_APP_SECRET are not set here.');
        }
        if (! hash_equals($this->settings->key, (string) $request->headers->get('X-Pusher-Key', ''))) {
            throw new Refusal(401, 'X-Pusher-Key is not the key of this application.');
        }
        $given = (string) $request->headers->get('X-Pusher-Signature', '');
        foreach (array_filter([$this->settings->secret, $this->settings->secretPrevious]) as $secret) {
            if (hash_equals(hash_hmac('sha256', $body, $secret), $given)) {
                return;
            }
        }
        throw new Refusal(401, 'X-Pusher-Signature does not fit: the secret here and that of the server differ.');
    }

    // An older one than is remembered as seen could be a captured one that is sent again.
    private function checkTime(int $time): void
    {
        $now = ($this->clock)();
        if ($time < $now - $this->ageMax) {
            throw new Refusal(422, "The newest notice is older than {$this->ageMax} seconds (`webhooks.age_max`).");
        }
        if ($time > $now + self::AHEAD_MAX) {
            throw new Refusal(401, 'The notices are from the future: the clock here or that of the server is wrong.');
        }
    }

    private function tooLarge(): Refusal
    {
        return new Refusal(413, "At most {$this->bodyBytesMax} bytes (`webhooks.body_bytes_max`).");
    }
}

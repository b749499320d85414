<?php

namespace Parley\Laravel\Http;

use JsonException;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Settings;

// Calls of the HTTP API: signs, sends, repeats what may be repeated within the time there is, and says what went wrong.
//
// Every call may be sent again: publications carry an idempotency key, and the others end in the same state twice.

class Client
{
    public const VERSION = '0.2.0';

    private const ATTEMPTS_MAX = 3;

    private Settings $settings;

    private Signer $signer;

    private Transport $transport;

    public function __construct(Settings $settings, Signer $signer, ?Transport $transport = null)
    {
        $this->settings = $settings;
        $this->signer = $signer;
        $this->transport = $transport ?? new Transport($settings);
    }

    public function settings(): Settings
    {
        return $this->settings;
    }

    public function signer(): Signer
    {
        return $this->signer;
    }

    public function get(string $path, array $query = []): array
    {
        return $this->call('GET', $path, $query);
    }

    public function post(string $path, array $body = []): array
    {
        return $this->call('POST', $path, [], self::encode($body === [] ? (object) [] : $body));
    }

    public function delete(string $path): array
    {
        return $this->call('DELETE', $path);
    }

    /**
     * JSON as it is sent: short, and never a text that is not UTF-8.
     *
     * @throws ParleyException which names `$what` it was
     */
    public static function encode($value, string $what = 'What is sent'): string
    {
        try {
            return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION);
        } catch (JsonException $error) {
            throw new ParleyException("{$what} cannot be JSON: {$error->getMessage()}.", 'bad_argument', 0, 'Text has to be UTF-8.', $error);
        }
    }

    /**
     * `$path` is below `/apps/{id}/`, and encoded. `$body` is JSON.
     *
     * @throws ParleyException
     */
    public function call(string $method, string $path, array $query = [], string $body = ''): array
    {
        if ($missing = $this->settings->missing()) {
            throw new ParleyException(implode(', ', $missing).' is not set.', 'not_configured', 0,
                'Set it in `.env` as in the configuration of the server, and run `php artisan config:clear`.');
        }
        if ($wrong = $this->settings->wrong) {
            throw new ParleyException(implode(' ', $wrong), 'not_configured');
        }
        $answer = $this->answer($method, $path, $query, $body);
        if (! $answer->ok()) {
            throw $this->refusal($answer);
        }
        $json = $answer->json();
        if ($json === null) {
            // What json() has just tried.
            $why = json_last_error() === JSON_ERROR_NONE ? 'it is no JSON object' : json_last_error_msg();
            throw new ParleyException("What answers at {$this->settings->url()} cannot be read ({$why}). Is it Parley?",
                'bad_answer', $answer->status, $this->addressRemedy());
        }

        return $json;
    }

    /** One attempt, whatever is answered. */
    public function attempt(string $method, string $path, array $query = [], string $body = '', ?float $seconds = null): Answer
    {
        $target = '/apps/'.rawurlencode($this->settings->appId).'/'.$path;
        // Signed anew each time: a server may refuse a signature that it knows.
        $signed = $this->signer->query($method, $target, $query, $body);

        return $this->transport->send($method, "{$target}?{$signed}", $body, $seconds ?? $this->settings->timeout);
    }

    private function answer(string $method, string $path, array $query, string $body): Answer
    {
        $deadline = microtime(true) + $this->settings->timeout;
        for ($attempt = 1;; $attempt++) {
            $answer = null;
            $failure = null;
            try {
                $answer = $this->attempt($method, $path, $query, $body, max(0.001, $deadline - microtime(true)));
                if (! in_array($answer->status, [429, 502, 503, 504], true)) {
                    return $answer;
                }
            } catch (NoAnswer $failure) {
            }
            $pause = $this->pause($attempt, $answer);
            // What is left has to be enough for an answer too.
            $hopeless = $attempt >= self::ATTEMPTS_MAX || ($failure && $failure->final) || microtime(true) + $pause + 0.05 >= $deadline;
            if ($hopeless) {
                if ($failure) {
                    throw $this->unreachable($failure);
                }

                return $answer;
            }
            usleep((int) (1e6 * $pause));
        }
    }

    // A connection that broke is made again at once: mostly it was only old.
    private function pause(int $attempt, ?Answer $answer): float
    {
        if ($answer === null) {
            return $attempt === 1 ? 0.0 : 0.2;
        }

        return is_numeric($answer->headers['retry-after'] ?? null) ? max(0.05, (float) $answer->headers['retry-after']) : 0.2;
    }

    private function unreachable(NoAnswer $failure): ParleyException
    {
        $url = $this->settings->url();
        if ($failure->final) {
            return new ParleyException("The answer of Parley at {$url} cannot be read: {$failure->getMessage()}.", 'bad_answer', 0,
                $failure->untrusted() ? 'WEBSOCKET_VERIFY is the PEM file of the authority that signed its certificate.' : '', $failure);
        }
        if ($failure->timedOut()) {
            return new ParleyException("Parley at {$url} did not answer in time ({$failure->getMessage()}).", 'no_answer', 0,
                'Look at the load of the server and the network between, or raise WEBSOCKET_TIMEOUT. '.$this->addressRemedy(), $failure);
        }
        $what = "Parley at {$url} cannot be reached: {$failure->getMessage()}.";

        return new ParleyException($what, 'unreachable', 0, $this->addressRemedy(), $failure);
    }

    private function refusal(Answer $answer): ParleyException
    {
        $json = $answer->json();
        if (! $answer->isParleyError()) {
            if ($answer->status === 413) {
                // Said before the server knows whose call it is, and so without what its other refusals say.
                $what = "The call is too large for Parley at {$this->settings->url()}, or for a proxy in front of it (status 413).";

                return new ParleyException($what, 'too_large', 413, 'Send less, lower `batch.bytes` of config/parley.php, or raise '.
                    '`limits.http_body_bytes_max` of the server and the limit of the proxy (nginx: client_max_body_size).');
            }
            $what = "What answers at {$this->settings->url()} is not Parley, or a proxy in front of it: status {$answer->status}.";

            return new ParleyException($what, 'bad_answer', $answer->status, $this->addressRemedy());
        }
        $message = "Parley refused it: {$json['message']} ({$json['error']}, {$answer->status})";
        foreach (is_array($json['channels'] ?? null) ? $json['channels'] : [] as $channel => $error) {
            $message .= "; {$channel}: ".(is_string($error) ? $error : json_encode($error));
        }

        return new ParleyException("{$message}.", $json['error'], $answer->status, 'To do: '.$json['remedy'].'.');
    }

    private function addressRemedy(): string
    {
        return 'Is the server running, and do WEBSOCKET_HOST, WEBSOCKET_PORT and WEBSOCKET_SCHEME (or `host`, `port` and `scheme` '.
            'of this connection in config/broadcasting.php) name it? `php artisan parley:check` looks.';
    }
}

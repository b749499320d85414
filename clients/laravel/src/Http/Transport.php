<?php

namespace Parley\Laravel\Http;

use CurlHandle;
use Parley\Laravel\Settings;

// One kept connection to the server. Owned by one Client; a forked process gets a connection of its own.

class Transport
{
    private Settings $settings;

    private ?CurlHandle $handle = null;

    private int $owner = 0;

    /** Handles of a parent process: closing them here would say goodbye on a connection that is still in use there. */
    private static array $inherited = [];

    public function __construct(Settings $settings)
    {
        $this->settings = $settings;
    }

    /** @throws NoAnswer */
    public function send(string $method, string $target, string $body, float $seconds): Answer
    {
        $handle = $this->handle();
        $headers = [];
        $received = '';
        curl_reset($handle);  // keeps the connection
        curl_setopt_array($handle, [
            CURLOPT_URL => $this->settings->url().$this->settings->path.$target,
            CURLOPT_PATH_AS_IS => true,  // it is what was signed
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_TCP_KEEPALIVE => 1,
            CURLOPT_CONNECTTIMEOUT_MS => max(1, (int) (1000 * min($seconds, $this->settings->connectTimeout))),
            CURLOPT_TIMEOUT_MS => max(1, (int) (1000 * $seconds)),
            CURLOPT_SSL_VERIFYPEER => $this->settings->verify !== false,
            CURLOPT_SSL_VERIFYHOST => $this->settings->verify === false ? 0 : 2,
            CURLOPT_USERAGENT => 'parley-laravel/'.Client::VERSION,
            // Without `Expect:` curl asks before it sends a large body, and waits a second for the permission.
            CURLOPT_HTTPHEADER => ['Accept: application/json', 'Content-Type: application/json', 'Expect:'],
            CURLOPT_HEADERFUNCTION => function ($handle, string $line) use (&$headers): int {
                $parts = explode(':', $line, 2);
                if (count($parts) === 2) {
                    $headers[strtolower(trim($parts[0]))] = trim($parts[1]);
                }

                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function ($handle, string $part) use (&$received): int {
                if (strlen($received) + strlen($part) > $this->settings->answerBytesMax) {
                    return -1;  // ends the transfer with CURLE_WRITE_ERROR
                }
                $received .= $part;

                return strlen($part);
            },
        ]);
        if ($body !== '') {
            curl_setopt($handle, CURLOPT_POSTFIELDS, $body);
        }
        if (in_array($this->settings->host, ['127.0.0.1', '::1', 'localhost'], true)) {
            curl_setopt($handle, CURLOPT_NOPROXY, '*');  // a proxy of the environment cannot know who is meant
        }
        if (is_string($this->settings->verify)) {
            curl_setopt($handle, CURLOPT_CAINFO, $this->settings->verify);
        }
        if (curl_exec($handle) === false) {
            throw $this->failure(curl_errno($handle), curl_error($handle));
        }

        return new Answer((int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $headers, $received);
    }

    private function failure(int $code, string $error): NoAnswer
    {
        if ($code === CURLE_WRITE_ERROR) {
            return new NoAnswer("the answer has more than {$this->settings->answerBytesMax} bytes (`answer_bytes_max`)", $code, true);
        }
        $final = in_array($code, [CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE], true);

        return new NoAnswer($error, $code, $final);
    }

    private function handle(): CurlHandle
    {
        if ($this->handle !== null && $this->owner !== getmypid()) {
            self::$inherited[] = $this->handle;
            $this->handle = null;
        }
        if ($this->handle === null) {
            $this->handle = curl_init();
            $this->owner = getmypid();
        }

        return $this->handle;
    }
}

<?php

namespace Parley\Laravel\Console;

use Parley\Laravel\Http\Answer;
use Parley\Laravel\Http\Client;
use Parley\Laravel\Http\NoAnswer;
use Parley\Laravel\Settings;

// The checks of one server that the application publishes to, each of which only makes sense when those before it are
// fine.

final class ServerChecks
{
    /** Calls are refused beyond `limits.signature_window` (600 s); what is a tenth of that will be too much some day. */
    private const SKEW_MAX = 60;

    private Client $client;

    private Settings $settings;

    private Resolver $resolver;

    public function __construct(Client $client, Resolver $resolver)
    {
        $this->client = $client;
        $this->settings = $client->settings();
        $this->resolver = $resolver;
    }

    /** @return iterable<Finding> */
    public function all(): iterable
    {
        foreach (['configuration', 'host', 'port', 'isParley', 'clock', 'credentials', 'publishing'] as $check) {
            try {
                yield $this->$check();
            } catch (NoAnswer $failure) {
                yield Finding::wrong(Finding::PORT, "The server stopped answering: {$failure->getMessage()}.", 'Look at its log.');
            }
        }
    }

    private function configuration(): Finding
    {
        if ($wrong = $this->settings->wrong) {
            return Finding::wrong(Finding::CONFIGURATION, implode(' ', $wrong));
        }
        if ($missing = $this->settings->missing()) {
            return Finding::wrong(Finding::CONFIGURATION, implode(', ', $missing).(count($missing) === 1 ? ' is' : ' are').' not set.',
                'Set in .env what the server has for this application: PARLEY_APP_ID, PARLEY_APP_KEY, PARLEY_APP_SECRET.',
                'If they stand there: `php artisan config:clear`.');
        }

        $risk = $this->settings->verify === false ? '; certificates are not verified (WEBSOCKET_VERIFY is off)' : '';

        return Finding::ok("application {$this->settings->appId} at {$this->settings->url()}{$this->settings->path}{$risk}");
    }

    private function host(): Finding
    {
        $host = $this->settings->host;
        $address = $this->resolver->address($host);
        if ($address === null) {
            return Finding::wrong(Finding::HOST, "The host `{$host}` has no address.",
                'WEBSOCKET_HOST is the name of the server as this machine knows it: 127.0.0.1, or the name of its container.');
        }

        return Finding::ok($address === $host ? "the host is the address {$host}" : "the host {$host} is {$address}");
    }

    private function port(): Finding
    {
        $host = str_contains($this->settings->host, ':') ? "[{$this->settings->host}]" : $this->settings->host;
        $socket = @stream_socket_client("tcp://{$host}:{$this->settings->port}", $code, $error, $this->settings->connectTimeout);
        if ($socket === false) {
            return Finding::wrong(Finding::PORT, "Nothing answers at {$this->settings->host} port {$this->settings->port}: {$error}.",
                'Start the server (`parley serve`), and compare WEBSOCKET_PORT with its `server.port`.',
                'In a container 127.0.0.1 is the container itself: use the name of the server\'s container.');
        }
        fclose($socket);

        return Finding::ok("port {$this->settings->port} is open");
    }

    private function isParley(): Finding
    {
        try {
            $answer = $this->client->attempt('GET', 'status');
        } catch (NoAnswer $failure) {
            if ($failure->timedOut()) {
                $what = "What listens at {$this->settings->url()} takes connections and does not answer within {$this->settings->timeout} seconds.";

                return Finding::wrong(Finding::NOT_PARLEY, $what,
                    'If it is Parley, it hangs or has too much to do: look at its log and its load.',
                    'If it is another program: WEBSOCKET_PORT is the `server.port` of Parley.');
            }
            $what = "What listens at {$this->settings->url()} does not answer as Parley: {$failure->getMessage()}.";

            return Finding::wrong(Finding::NOT_PARLEY, $what,
                'Does WEBSOCKET_SCHEME fit? http and https do not understand one another.',
                'Is it another program? Look with `curl -i '.$this->settings->url().'/up`.');
        }
        if ($answer->status === 404 && ! $answer->isParleyError() && ($answer->headers['server'] ?? '') === 'parley') {
            $where = $this->settings->path === '' ? '/apps' : "{$this->settings->path}/apps";

            return Finding::wrong(Finding::NOT_PARLEY, "Parley is at {$this->settings->url()}, and serves nothing under {$where} there.",
                "WEBSOCKET_PATH is `{$this->settings->path}` here: compare it with the server's `server.path_prefix`.",
                "Or {$this->settings->port} is the server's `metrics.port`: WEBSOCKET_PORT is its `server.port`.");
        }
        if (! $answer->isParleyError() && ! isset($answer->json()['subscription_count'])) {
            $who = isset($answer->headers['server']) ? ", it says it is {$answer->headers['server']}" : '';

            return Finding::wrong(Finding::NOT_PARLEY, "What answers at {$this->settings->url()} is not Parley (status {$answer->status}{$who}).",
                'Compare WEBSOCKET_HOST and WEBSOCKET_PORT with the server. Behind a proxy, /apps has to lead to Parley;',
                'a path in front of everything is WEBSOCKET_PATH.');
        }

        return Finding::ok('it is Parley');
    }

    // Before the credentials: with a wrong clock these are refused as well, and for no fault of theirs.
    private function clock(): Finding
    {
        $theirs = strtotime($this->client->attempt('GET', 'status')->headers['date'] ?? '');
        if ($theirs === false) {
            return Finding::ok('the server does not say what time it is');
        }
        $skew = $this->client->signer()->now() - $theirs;
        if (abs($skew) > self::SKEW_MAX) {
            $where = $skew > 0 ? 'ahead of' : 'behind';

            return Finding::wrong(Finding::CLOCK, 'The clock here is '.abs($skew)." seconds {$where} that of the server.",
                'Set both by NTP: calls are refused when the clocks differ by ten minutes.');
        }

        return Finding::ok('the clocks agree');
    }

    private function credentials(): Finding
    {
        $answer = $this->client->attempt('GET', 'status');
        if ($answer->ok()) {
            return Finding::ok('key and secret are right');
        }
        $said = $this->said($answer);
        if ($answer->status === 404) {
            return Finding::wrong(Finding::CREDENTIALS, "The server has no application `{$this->settings->appId}`. {$said}",
                'PARLEY_APP_ID is the `id` of one of its [[apps]]: `parley check` on the server lists them.');
        }

        return Finding::wrong(Finding::CREDENTIALS, "The server refuses what is signed with this key and secret. {$said}",
            'PARLEY_APP_KEY and PARLEY_APP_SECRET are `key` and `secret` of the application in the server\'s configuration.');
    }

    private function publishing(): Finding
    {
        $event = ['name' => 'check', 'channel' => 'parley-check', 'data' => '{}'];
        $answer = $this->client->attempt('POST', 'events', [], Client::encode($event));
        if (! $answer->ok()) {
            return Finding::wrong(Finding::PUBLISH, "The server does not publish. {$this->said($answer)}");
        }

        return Finding::ok('publishing works');
    }

    private function said(Answer $answer): string
    {
        if (! $answer->isParleyError()) {
            return "The status is {$answer->status}.";
        }
        $json = $answer->json();

        return "It says: {$json['message']} ({$json['error']}).";
    }
}

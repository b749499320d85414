<?php

namespace Parley\Laravel;

// What is needed to talk to one application of one Parley server: an immutable value made of a configuration array.

final class Settings
{
    public string $appId;

    public string $key;

    public string $secret;

    public ?string $secretPrevious;

    public string $scheme;

    public string $host;

    public int $port;

    public string $path;

    /** @var bool|string */
    public $verify;

    public float $connectTimeout;

    public float $timeout;

    public int $batchEvents;

    public int $batchChannels;

    public int $batchBytes;

    public int $answerBytesMax;

    public ?string $masterKey;

    public string $tokenSecret;

    public int $tokenLifetime;

    /** @var list<string> what cannot be meant; calls are refused with it */
    public array $wrong = [];

    public function __construct(
        #[\SensitiveParameter]
        array $config
    ) {
        // Connections copied from a `pusher` one have these below `options`.
        $options = $config['options'] ?? [];
        // Laravel 8 ships `useTLS` with no address at all, which then says nothing of an address from elsewhere.
        if (! isset($options['scheme']) && (isset($options['host']) || isset($options['port']))) {
            $tls = $options['useTLS'] ?? $options['encrypted'] ?? null;
            $options['scheme'] = $tls === null ? null : (filter_var($tls, FILTER_VALIDATE_BOOLEAN) ? 'https' : 'http');
        }
        $config = array_replace($config, array_filter([
            'host' => $options['host'] ?? null,
            'port' => $options['port'] ?? null,
            'scheme' => $options['scheme'] ?? null,
            'encryption_master_key' => $options['encryption_master_key_base64'] ?? null,
        ], fn ($value) => $value !== null && $value !== ''));

        $this->appId = (string) ($config['app_id'] ?? '');
        $this->key = (string) ($config['key'] ?? '');
        $this->secret = (string) ($config['secret'] ?? '');
        $this->secretPrevious = ($config['secret_previous'] ?? null) ?: null;
        $this->scheme = $this->scheme((string) ($config['scheme'] ?? ''));
        $this->host = self::host((string) ($config['host'] ?? ''));
        $this->port = (int) ($config['port'] ?? 0) ?: 6001;
        $this->path = ($path = trim((string) ($config['path'] ?? ''), '/')) === '' ? '' : '/'.$path;
        $this->verify = self::verify($config['verify'] ?? '');
        $this->connectTimeout = self::seconds($config['connect_timeout'] ?? null, 2);
        $this->timeout = self::seconds($config['timeout'] ?? null, 5);
        $this->batchEvents = max(1, (int) ($config['batch']['events'] ?? 10));
        $this->batchChannels = max(1, (int) ($config['batch']['channels'] ?? 100));
        $this->batchBytes = max(1, (int) ($config['batch']['bytes'] ?? 1_000_000));
        $this->answerBytesMax = max(1024, (int) ($config['answer_bytes_max'] ?? 64 * 1024 * 1024));
        $this->masterKey = ($config['encryption_master_key'] ?? null) ?: null;
        $this->tokenSecret = (string) (($config['tokens']['secret'] ?? null) ?: $this->secret);
        $this->tokenLifetime = (int) (($config['tokens']['lifetime'] ?? null) ?: 3600);
    }

    /** The names of what is missing, as they stand in `.env`. */
    public function missing(): array
    {
        return array_keys(array_filter([
            'PARLEY_APP_ID' => $this->appId === '',
            'PARLEY_APP_KEY' => $this->key === '',
            'PARLEY_APP_SECRET' => $this->secret === '',
        ]));
    }

    public function url(): string
    {
        return $this->scheme.'://'.(str_contains($this->host, ':') ? "[{$this->host}]" : $this->host).':'.$this->port;
    }

    /** For dump(): settings are part of what an error page or a log shows. */
    public function __debugInfo(): array
    {
        $shown = get_object_vars($this);
        foreach (['secret', 'secretPrevious', 'masterKey', 'tokenSecret'] as $hidden) {
            $shown[$hidden] = ($shown[$hidden] ?? '') === '' ? $shown[$hidden] : '(hidden)';
        }

        return $shown;
    }

    private function scheme(string $scheme): string
    {
        $scheme = strtolower(trim($scheme));
        if (! in_array($scheme, ['', 'http', 'https', 'ws', 'wss'], true)) {
            // Not one of them: secrets would go over the wire in the open because of a slip of the finger.
            $this->wrong[] = "The scheme `{$scheme}` is not known: WEBSOCKET_SCHEME is http or https.";
        }

        return in_array($scheme, ['https', 'wss'], true) ? 'https' : 'http';
    }

    // One `.env` serves the server too, where a host is what it listens on. Nobody can connect to "everywhere".
    private static function host(string $host): string
    {
        $host = trim($host, '[] ');
        switch ($host) {
            case '':
            case '0.0.0.0':
                return '127.0.0.1';
            case '::':
                return '::1';
            default:
                return $host;
        }
    }

    // From a file of the environment everything is text. A line without a value (`WEBSOCKET_VERIFY=`) turns nothing off.
    private static function verify($value)
    {
        if (is_bool($value)) {
            return $value;
        }
        $value = trim((string) $value);
        if ($value === '') {
            return true;
        }
        $flag = filter_var($value, FILTER_VALIDATE_BOOLEAN, FILTER_NULL_ON_FAILURE);

        return $flag ?? $value;
    }

    private static function seconds($value, float $default): float
    {
        return is_numeric($value) && $value > 0 ? (float) $value : $default;
    }
}

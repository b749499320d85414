<?php

namespace Parley\Laravel\Tests\Support;

use RuntimeException;

// The real program, on a free port and with data of its own. One serves all tests of a run that do not ask for another.

final class ParleyServer
{
    public const ID = '1001';

    public const KEY = 'laravel-key';

    public const SECRET = 'laravel-secret-of-the-tests';

    private static ?self $shared = null;

    public int $port;

    public int $metricsPort;

    private ChildProcess $process;

    private string $folder;

    /**
     * @param string $more TOML behind the application's own keys
     * @param string $before TOML before the application
     */
    public function __construct(string $more = '', string $before = '')
    {
        $this->folder = Folder::temporary();
        file_put_contents("{$this->folder}/parley.toml", sprintf("%s[[apps]]\nid = \"%s\"\nkey = \"%s\"\nsecret = \"%s\"\nwebhook_hold_ms = 50\n%s\n", $before, self::ID, self::KEY, self::SECRET, $more));
        // Settings of the surroundings must not leak in.
        $environment = array_filter(getenv(), fn ($name) => ! preg_match('/^(PARLEY_|WEBSOCKET_|PUSHER_|REVERB_|SOKETI_)/', $name), ARRAY_FILTER_USE_KEY);
        $this->process = new ChildProcess([self::binary(), 'serve', '--host', '127.0.0.1', '--port', '0', '--metrics-port', '0',
            '--data-dir', "{$this->folder}/data", '--config', "{$this->folder}/parley.toml"], $environment, $this->folder);
        $ready = $this->process->waitFor('/^parley ready http=https?:\/\/127\.0\.0\.1:(\d+) metrics=http:\/\/127\.0\.0\.1:(\d+)/m');
        [$this->port, $this->metricsPort] = [(int) $ready[1], (int) $ready[2]];
    }

    public static function binary(): string
    {
        $binary = getenv('PARLEY_BIN') ?: dirname(__DIR__, 4).'/build/release/server/parley';
        if (! is_file($binary)) {
            throw new RuntimeException("{$binary} does not exist: build it, or set PARLEY_BIN");
        }

        return realpath($binary);
    }

    public static function shared(): self
    {
        return self::$shared ??= new self;
    }

    public function log(): string
    {
        return $this->process->log();
    }

    public function stop(): void
    {
        $this->process->end();
        Folder::remove($this->folder);
    }

    public function __destruct()
    {
        $this->stop();
    }
}

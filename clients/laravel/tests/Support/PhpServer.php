<?php

namespace Parley\Laravel\Tests\Support;

use RuntimeException;

// PHP's own web server, on a free port that surely is its own.

final class PhpServer
{
    public int $port;

    private ChildProcess $process;

    /** @param list<string> $arguments behind `php -S ADDRESS` */
    public function __construct(array $arguments, string $folder, array $environment = [])
    {
        // One process: workers (PHP_CLI_SERVER_WORKERS) outlive the one that is ended.
        $inherited = array_filter(getenv(), fn ($name) => ! preg_match('/^(PHP_CLI_|PARLEY_|WEBSOCKET_|PUSHER_|REVERB_|BROADCAST_)/', $name), ARRAY_FILTER_USE_KEY);
        // It cannot pick a port and tell it; somebody may take the one that was free a moment ago.
        for ($try = 1; $try <= 10; $try++) {
            $this->port = self::freePort();
            $this->process = new ChildProcess([PHP_BINARY, '-S', "127.0.0.1:{$this->port}", ...$arguments], $environment + $inherited, $folder);
            $up = Wait::until(function () {
                if (str_contains($this->process->log(), ') started')) {
                    return 'yes';
                }

                return $this->process->running() ? null : 'no';
            }, 'PHP to listen or to give up');
            if ($up === 'yes') {
                return;
            }
        }
        throw new RuntimeException("PHP does not listen: {$this->process->log()}");
    }

    public function end(): void
    {
        $this->process->end();
    }

    private static function freePort(): int
    {
        $probe = stream_socket_server('tcp://127.0.0.1:0');
        $name = stream_socket_get_name($probe, false);
        fclose($probe);

        return (int) substr($name, strrpos($name, ':') + 1);
    }
}

<?php

namespace Parley\Laravel\Tests\Support;

// An application behind PHP's own web server: what the Parley server calls.

final class WebSite
{
    public int $port;

    private ChildProcess $process;

    public function __construct(TestApplication $application, int $port)
    {
        $this->port = $port;
        $environment = array_filter(getenv(), fn ($name) => ! preg_match('/^(PARLEY_|WEBSOCKET_|PUSHER_|REVERB_|BROADCAST_)/', $name), ARRAY_FILTER_USE_KEY);
        $this->process = new ChildProcess([PHP_BINARY, '-S', "127.0.0.1:{$port}", "{$application->folder}/public/index.php"],
            $environment + ['PARLEY_TEST_BOOTSTRAP' => dirname(__DIR__).'/bootstrap.php', 'PHP_CLI_SERVER_WORKERS' => '2'], $application->folder);
        Wait::until(function () use ($port) {
            $socket = @stream_socket_client("tcp://127.0.0.1:{$port}");

            return $socket !== false && fclose($socket);
        }, 'PHP to listen');
    }

    public function end(): void
    {
        $this->process->end(SIGTERM);  // its workers end with it
    }
}

<?php

namespace Parley\Laravel\Tests\Support;

// An application behind a web server: what the Parley server calls. It reads its `.env` with each request, so that it may
// be told the server's port after the server was told this one's.

final class WebSite
{
    public int $port;

    private PhpServer $server;

    public function __construct(TestApplication $application)
    {
        $this->server = new PhpServer(["{$application->folder}/public/index.php"], $application->folder,
            ['PARLEY_TEST_BOOTSTRAP' => dirname(__DIR__).'/bootstrap.php']);
        $this->port = $this->server->port;
    }

    public function end(): void
    {
        $this->server->end();
    }
}

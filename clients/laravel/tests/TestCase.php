<?php

namespace Parley\Laravel\Tests;

use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\TestApplication;
use PHPUnit\Framework\TestCase as PhpUnitTestCase;

// A test with an application that broadcasts to the real server.

abstract class TestCase extends PhpUnitTestCase
{
    /** @var list<TestApplication|object> removed, ended or closed after each test */
    private array $open = [];

    protected function application(array $environment = [], array $files = []): TestApplication
    {
        return $this->later(new TestApplication($environment + self::environment(ParleyServer::shared()->port), $files), 'remove');
    }

    /** The `.env` of the guide. */
    protected static function environment(int $port): array
    {
        return [
            'BROADCAST_DRIVER' => 'websocket',
            'WEBSOCKET_HOST' => '127.0.0.1',
            'WEBSOCKET_PORT' => $port,
            'WEBSOCKET_SCHEME' => 'http',
            'PARLEY_APP_ID' => ParleyServer::ID,
            'PARLEY_APP_KEY' => ParleyServer::KEY,
            'PARLEY_APP_SECRET' => ParleyServer::SECRET,
        ];
    }

    /** Calls `$method` of what a test opened when the test is over. */
    protected function later(object $thing, string $method): object
    {
        $this->open[] = [$thing, $method];

        return $thing;
    }

    protected function tearDown(): void
    {
        foreach (array_reverse($this->open) as [$thing, $method]) {
            $thing->$method();
        }
        $this->open = [];
        restore_error_handler();
        restore_exception_handler();
    }
}

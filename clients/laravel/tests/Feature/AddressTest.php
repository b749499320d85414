<?php

namespace Parley\Laravel\Tests\Feature;

use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Tests\Support\Certificate;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\TestCase;

// Servers with TLS and below a path.

final class AddressTest extends TestCase
{
    public function test_over_tls_the_certificate_is_checked(): void
    {
        $certificate = $this->later(new Certificate, 'remove');
        $server = $this->later(new ParleyServer('', "[server.tls]\ncertificate = \"{$certificate->file}\"\nkey = \"{$certificate->keyFile}\"\n"), 'stop');
        $address = ['WEBSOCKET_PORT' => $server->port, 'WEBSOCKET_SCHEME' => 'wss'];

        $application = $this->application($address + ['WEBSOCKET_VERIFY' => $certificate->file]);
        [$code, $output] = $application->artisan('parley:check');
        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('https://127.0.0.1', $output);

        $this->application($address + ['WEBSOCKET_VERIFY' => 'false'])->app();
        $this->assertSame(0, Parley::connections());

        $this->application($address)->app();
        try {
            Parley::connections();
            $this->fail('it trusted a certificate of nobody');
        } catch (ParleyException $error) {
            $this->assertStringContainsString('WEBSOCKET_VERIFY', $error->getMessage());
        }
    }

    public function test_below_a_path(): void
    {
        $server = $this->later(new ParleyServer('', "[server]\npath_prefix = \"/ws\"\n"), 'stop');
        [$code, $output] = $this->application(['WEBSOCKET_PORT' => $server->port, 'WEBSOCKET_PATH' => '/ws/'])->artisan('parley:check');
        $this->assertSame(0, $code, $output);
    }
}

<?php

namespace Parley\Laravel\Tests\Unit;

use Parley\Laravel\Settings;
use PHPUnit\Framework\TestCase;

final class SettingsTest extends TestCase
{
    /** @dataProvider hosts */
    public function test_a_host_to_listen_on_is_one_to_connect_to(string $host, string $url): void
    {
        $this->assertSame($url, (new Settings(['host' => $host, 'port' => '6001']))->url());
    }

    public function hosts(): array
    {
        return [
            ['0.0.0.0', 'http://127.0.0.1:6001'],
            ['', 'http://127.0.0.1:6001'],
            ['::', 'http://[::1]:6001'],
            ['[::1]', 'http://[::1]:6001'],
            ['2001:db8::7', 'http://[2001:db8::7]:6001'],
            ['ws.example.com', 'http://ws.example.com:6001'],
        ];
    }

    /** @dataProvider schemes */
    public function test_the_scheme_of_clients_is_that_of_calls(string $scheme, string $meant): void
    {
        $this->assertSame($meant, (new Settings(['scheme' => $scheme]))->scheme);
    }

    public function schemes(): array
    {
        return [['http', 'http'], ['ws', 'http'], ['https', 'https'], ['wss', 'https'], ['HTTPS', 'https']];
    }

    public function test_a_connection_copied_from_a_pusher_one_has_its_address_in_options(): void
    {
        $settings = new Settings(['host' => '127.0.0.1', 'port' => 6001, 'options' => ['host' => 'ws.example.com', 'port' => 443, 'scheme' => 'https']]);
        $this->assertSame('https://ws.example.com:443', $settings->url());
    }

    public function test_what_is_missing_is_named_as_in_the_environment(): void
    {
        $this->assertSame(['PARLEY_APP_ID', 'PARLEY_APP_SECRET'], (new Settings(['key' => 'k', 'secret' => '']))->missing());
        $this->assertSame([], (new Settings(['app_id' => 1001, 'key' => 'k', 'secret' => 's']))->missing());
    }

    public function test_text_of_the_environment_becomes_what_it_means(): void
    {
        $settings = new Settings(['verify' => 'false', 'timeout' => '1.5', 'connect_timeout' => 'soon', 'path' => '/ws/']);
        $this->assertFalse($settings->verify);
        $this->assertSame(1.5, $settings->timeout);
        $this->assertSame(2.0, $settings->connectTimeout);
        $this->assertSame('/ws', $settings->path);
        $this->assertSame('/etc/ca.pem', (new Settings(['verify' => '/etc/ca.pem']))->verify);
    }
}

<?php

namespace Parley\Laravel\Tests\Unit;

use Parley\Laravel\ClientFactory;
use Parley\Laravel\Http\Client;
use Parley\Laravel\Http\Signer;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Settings;
use Parley\Laravel\Tokens\ConnectionToken;
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
        return [['http', 'http'], ['ws', 'http'], ['https', 'https'], ['wss', 'https'], ['HTTPS', 'https'], [' https ', 'https'], ['', 'http']];
    }

    public function test_a_scheme_that_is_none_is_refused_and_not_taken_for_http(): void
    {
        $settings = new Settings(['app_id' => 1, 'key' => 'k', 'secret' => 's', 'scheme' => 'htps']);
        try {
            (new Client($settings, new Signer($settings)))->get('status');
            $this->fail('it was asked');
        } catch (ParleyException $error) {
            $this->assertSame('not_configured', $error->error());
            $this->assertStringContainsString('The scheme `htps` is not known', $error->getMessage());
        }
    }

    /** @dataProvider tls */
    public function test_tls_of_a_pusher_connection_counts(string $meant, array $options): void
    {
        $this->assertSame($meant, (new Settings(['scheme' => 'http', 'options' => $options]))->scheme);
    }

    public function tls(): array
    {
        return [
            ['https', ['host' => 'ws.example.com', 'useTLS' => true]],
            ['https', ['host' => 'ws.example.com', 'encrypted' => true]],
            ['http', ['host' => 'ws.example.com', 'useTLS' => false, 'encrypted' => true]],
            ['http', ['host' => 'ws.example.com', 'scheme' => 'http', 'useTLS' => true]],
            ['http', ['host' => 'ws.example.com']],
            'of no address, as Laravel 8 ships it' => ['http', ['cluster' => 'eu', 'useTLS' => true]],
        ];
    }

    /** @dataProvider verifications */
    public function test_certificates_are_checked_unless_it_says_no(string $text, $meant): void
    {
        $this->assertSame($meant, (new Settings(['verify' => $text]))->verify);
    }

    public function verifications(): array
    {
        return [['', true], [' ', true], ['true', true], ['1', true], ['false', false], ['0', false], ['off', false], ['/etc/ca.pem', '/etc/ca.pem']];
    }

    public function test_secrets_are_in_no_dump_and_no_trace(): void
    {
        $config = ['secret' => 'secret-1', 'secret_previous' => 'secret-2', 'encryption_master_key' => 'secret-3', 'tokens' => ['secret' => 'secret-4']];
        [$client, , $cipher] = (new ClientFactory)->parts($config);
        $this->assertStringNotContainsString('secret-', print_r([$client, $cipher], true));
        if (PHP_VERSION_ID < 80200) {
            return;  // what hides arguments came with 8.2
        }
        $before = ini_set('zend.exception_ignore_args', '0');
        try {
            ConnectionToken::encode(['sub' => ''], 'secret-5');
            $this->fail('nobody has a token');
        } catch (ParleyException $error) {
            $this->assertStringNotContainsString('secret-5', print_r($error->getTrace()[0], true));
        } finally {
            ini_set('zend.exception_ignore_args', $before);
        }
    }

    public function test_clients_of_many_settings_are_not_all_kept(): void
    {
        $factory = new ClientFactory;
        [$first] = $factory->parts(['app_id' => 'first']);
        [$second] = $factory->parts(['app_id' => 'second']);
        for ($n = 2; $n <= ClientFactory::KEPT_MAX; $n++) {
            $this->assertSame($first, $factory->parts(['app_id' => 'first'])[0], 'used again and again');
            $factory->parts(['app_id' => "tenant-{$n}"]);
        }
        $this->assertSame($first, $factory->parts(['app_id' => 'first'])[0]);
        $this->assertNotSame($second, $factory->parts(['app_id' => 'second'])[0], 'the one that nobody used for longest went');
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

<?php

namespace Parley\Laravel\Tests\Feature;

use Parley\Laravel\Console\Finding;
use Parley\Laravel\Console\Resolver;
use Parley\Laravel\Http\Client;
use Parley\Laravel\Http\Signer;
use Parley\Laravel\Parley;
use Parley\Laravel\Publishing\ChannelCipher;
use Parley\Laravel\Publishing\IdempotencyKeys;
use Parley\Laravel\Publishing\Publisher;
use Parley\Laravel\Settings;
use Parley\Laravel\Tests\Support\Listener;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\PhpServer;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\TestCase;
use Parley\Laravel\Tokens\TokenClaims;

// parley:check in each state that it knows.

final class CheckCommandTest extends TestCase
{
    private function assertFound(int $code, string $text, TestApplication $application): void
    {
        [$got, $output] = $application->artisan('parley:check');
        $this->assertSame($code, $got, $output);
        $this->assertStringContainsString($text, $output);
    }

    public function test_when_all_is_well_it_says_so(): void
    {
        $application = $this->application();
        [$code, $output] = $application->artisan('parley:check');
        $this->assertSame(0, $code, $output);
        $this->assertSame(9, substr_count($output, ' ok '), $output);
        $this->assertStringNotContainsString('wrong', $output);
        $this->assertStringContainsString('webhooks are taken at /parley/webhooks', $output);
    }

    public function test_missing_configuration(): void
    {
        $this->assertFound(Finding::CONFIGURATION, 'PARLEY_APP_KEY, PARLEY_APP_SECRET are not set', $this->application(['PARLEY_APP_KEY' => '', 'PARLEY_APP_SECRET' => '']));
    }

    public function test_a_host_that_has_no_address(): void
    {
        $application = $this->application(['WEBSOCKET_HOST' => 'parley.invalid']);
        $this->assertFound(Finding::HOST, 'The host `parley.invalid` has no address', $application);
    }

    public function test_a_closed_port(): void
    {
        $closed = Listener::closed();
        $this->assertFound(Finding::PORT, "Nothing answers at 127.0.0.1 port {$closed->port}", $this->application(['WEBSOCKET_PORT' => $closed->port]));
    }

    public function test_another_server_at_the_address(): void
    {
        $folder = dirname(__DIR__).'/Support';
        $server = $this->later(new PhpServer(['-t', $folder], $folder), 'end');
        $this->assertFound(Finding::NOT_PARLEY, 'is not Parley (status 404', $this->application(['WEBSOCKET_PORT' => $server->port]));
    }

    public function test_one_that_does_not_speak_http(): void
    {
        $silent = Listener::silent();
        $application = $this->application(['WEBSOCKET_PORT' => $silent->port, 'WEBSOCKET_TIMEOUT' => '0.3']);
        $this->assertFound(Finding::NOT_PARLEY, 'takes connections and does not answer within 0.3 seconds', $application);
    }

    public function test_a_scheme_that_does_not_fit(): void
    {
        $this->assertFound(Finding::NOT_PARLEY, 'Does WEBSOCKET_SCHEME fit?', $this->application(['WEBSOCKET_SCHEME' => 'https']));
    }

    public function test_a_clock_that_is_wrong(): void
    {
        $application = $this->application();
        $app = $application->app();
        foreach ([[3600, 'ahead of'], [-3600, 'behind']] as [$skew, $word]) {
            $app->singleton(Parley::class, function ($app) use ($skew) {
                $settings = new Settings($app['config']['parley']);
                $client = new Client($settings, new Signer($settings, fn () => time() + $skew));

                return new Parley($client, new Publisher($client, new ChannelCipher(null)), new IdempotencyKeys, new TokenClaims);
            });
            $this->assertFound(Finding::CLOCK, " seconds {$word} that of the server", $application);
        }
    }

    public function test_an_application_that_the_server_does_not_have(): void
    {
        $this->assertFound(Finding::CREDENTIALS, 'The server has no application `9999`', $this->application(['PARLEY_APP_ID' => '9999']));
    }

    public function test_a_wrong_key_and_a_wrong_secret(): void
    {
        $this->assertFound(Finding::CREDENTIALS, 'refuses what is signed', $this->application(['PARLEY_APP_KEY' => 'another']));
        $this->assertFound(Finding::CREDENTIALS, 'refuses what is signed', $this->application(['PARLEY_APP_SECRET' => 'another']));
    }

    public function test_a_server_that_does_not_publish(): void
    {
        $server = $this->later(new ParleyServer('limits = { event_name_chars_max = 3 }'), 'stop');
        $this->assertFound(Finding::PUBLISH, 'The server does not publish', $this->application(['WEBSOCKET_PORT' => $server->port]));
    }

    public function test_a_cache_that_forgets(): void
    {
        $this->assertFound(Finding::WEBHOOKS, 'The cache `array` forgets', $this->application(['CACHE_DRIVER' => 'array']));
    }

    public function test_a_cache_that_forgets_does_not_hide_that_events_go_elsewhere(): void
    {
        $this->assertFound(Finding::BROADCASTING, 'Events are broadcast to `log`', $this->application(['CACHE_DRIVER' => 'array', 'BROADCAST_DRIVER' => 'log']));
    }

    public function test_the_connection_that_broadcasts_is_checked_and_not_the_facade_alone(): void
    {
        $closed = Listener::closed();
        $own = "<?php return ['default' => 'own', 'connections' => ['own' => ['driver' => 'parley', 'port' => {$closed->port}]]];";
        $this->assertFound(Finding::PORT, "connection `own`: Nothing answers at 127.0.0.1 port {$closed->port}", $this->application([], ['config/broadcasting.php' => $own]));
    }

    public function test_the_facade_is_checked_too_when_it_has_another_server(): void
    {
        $closed = Listener::closed();
        $port = ParleyServer::shared()->port;
        $own = "<?php return ['default' => 'own', 'connections' => ['own' => ['driver' => 'parley', 'port' => {$port}]]];";
        $application = $this->application(['WEBSOCKET_PORT' => $closed->port], ['config/broadcasting.php' => $own]);
        $this->assertFound(Finding::PORT, "facade `Parley`: Nothing answers at 127.0.0.1 port {$closed->port}", $application);
        [, $output] = $application->artisan('parley:check');
        $this->assertStringContainsString('connection `own`: publishing works', $output);
    }

    public function test_a_wrong_path_and_the_port_of_metrics(): void
    {
        $text = 'serves nothing under /elsewhere/apps';
        $this->assertFound(Finding::NOT_PARLEY, $text, $this->application(['WEBSOCKET_PATH' => 'elsewhere']));
        $port = ParleyServer::shared()->metricsPort;
        $this->assertFound(Finding::NOT_PARLEY, "Or {$port} is the server's `metrics.port`", $this->application(['WEBSOCKET_PORT' => $port]));
    }

    public function test_an_unknown_scheme(): void
    {
        $this->assertFound(Finding::CONFIGURATION, 'The scheme `htps` is not known', $this->application(['WEBSOCKET_SCHEME' => 'htps']));
    }

    public function test_it_says_when_certificates_are_not_verified(): void
    {
        $this->assertFound(0, 'certificates are not verified', $this->application(['WEBSOCKET_VERIFY' => 'false']));
        [, $output] = $this->application(['WEBSOCKET_VERIFY' => ''])->artisan('parley:check');
        $this->assertStringNotContainsString('not verified', $output);
    }

    public function test_events_that_are_broadcast_elsewhere(): void
    {
        $this->assertFound(Finding::BROADCASTING, 'Events are broadcast to `log`, not to Parley', $this->application(['BROADCAST_DRIVER' => 'log']));
    }

    public function test_webhooks_that_are_off_are_fine(): void
    {
        $off = '<?php return ["webhooks" => ["enabled" => false]] + (require '.var_export(dirname(__DIR__, 2).'/config/parley.php', true).');';
        $this->assertFound(0, 'webhooks are off', $this->application([], ['config/parley.php' => $off]));
    }

    public function test_names_have_addresses(): void
    {
        $resolver = new Resolver;
        $this->assertSame('127.0.0.1', $resolver->address('127.0.0.1'));
        $this->assertSame('::1', $resolver->address('::1'));
        $this->assertNotNull($resolver->address('localhost'));
    }
}

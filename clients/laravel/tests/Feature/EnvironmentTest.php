<?php

namespace Parley\Laravel\Tests\Feature;

use Illuminate\Broadcasting\BroadcastManager;
use Illuminate\Support\Facades\Broadcast;
use Parley\Laravel\Broadcasting\ParleyBroadcaster;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\Support\TestApplication;
use Parley\Laravel\Tests\TestCase;
use ReflectionFunction;
use ReflectionProperty;

// What stands in `.env` is all that it needs.

final class EnvironmentTest extends TestCase
{
    private function only(array $environment, array $files = []): TestApplication
    {
        $application = $this->later(new TestApplication($environment, $files), 'remove');
        $application->app();

        return $application;
    }

    private static function url(): string
    {
        return Broadcast::connection()->client()->settings()->url();
    }

    /** @dataProvider drivers */
    public function test_the_environment_of_the_guide_works_as_it_stands(string $driver): void
    {
        $this->application(['BROADCAST_DRIVER' => $driver, 'WEBSOCKET_HOST' => '0.0.0.0'])->app();
        $this->assertInstanceOf(ParleyBroadcaster::class, Broadcast::connection());
        $channel = "domain.{$driver}";
        Broadcast::connection()->broadcast([$channel], 'message.sent', ['text' => 'hello']);
        $this->assertSame('{"text":"hello"}', Parley::history($channel)['publications'][0]['data']);
    }

    public function drivers(): array
    {
        return [['websocket'], ['parley']];
    }

    public function test_credentials_of_pusher_count_where_there_are_no_others(): void
    {
        $environment = ['PUSHER_APP_ID' => ParleyServer::ID, 'PUSHER_APP_KEY' => ParleyServer::KEY, 'PUSHER_APP_SECRET' => ParleyServer::SECRET] +
            array_filter(self::environment(ParleyServer::shared()->port), fn ($name) => ! str_starts_with($name, 'PARLEY_'), ARRAY_FILTER_USE_KEY);
        $this->only($environment);
        $this->assertSame(0, Parley::connections());
    }

    public function test_sets_of_credentials_are_not_mixed(): void
    {
        $this->only(['PARLEY_APP_ID' => '1', 'PUSHER_APP_ID' => '2', 'PUSHER_APP_KEY' => 'key', 'PUSHER_APP_SECRET' => 'secret', 'BROADCAST_DRIVER' => 'parley']);
        $settings = Broadcast::connection()->client()->settings();
        $this->assertSame(['2', 'key', 'secret'], [$settings->appId, $settings->key, $settings->secret]);
    }

    public function test_the_address_of_reverb_counts_where_none_is_given(): void
    {
        $credentials = ['REVERB_APP_ID' => '1', 'REVERB_APP_KEY' => 'key', 'REVERB_APP_SECRET' => 'secret'];
        $this->only($credentials + ['BROADCAST_DRIVER' => 'parley', 'REVERB_HOST' => 'ws.example.com', 'REVERB_PORT' => '443', 'REVERB_SCHEME' => 'https', 'PUSHER_HOST' => 'x']);
        $this->assertSame('https://ws.example.com:443', self::url());
    }

    /** @dataProvider leftovers */
    public function test_the_address_of_a_server_whose_credentials_do_not_count_is_not_taken(array $environment): void
    {
        $this->only(['BROADCAST_DRIVER' => 'parley'] + $environment);
        $this->assertSame('http://127.0.0.1:6001', self::url());
    }

    public function leftovers(): array
    {
        $credentials = fn (string $family) => ["{$family}_APP_ID" => '1', "{$family}_APP_KEY" => 'key', "{$family}_APP_SECRET" => 'secret'];
        $stock = ['PUSHER_HOST' => '', 'PUSHER_PORT' => '443', 'PUSHER_SCHEME' => 'https'];

        return [
            'of Reverb, and what Laravel 10 ships' => [$credentials('REVERB') + $stock],
            'of Parley, and an old host' => [$credentials('PARLEY') + ['PUSHER_HOST' => 'api.example.com', 'PUSHER_PORT' => '443', 'PUSHER_SCHEME' => 'https']],
            'of Pusher, as Laravel 10 ships it' => [$credentials('PUSHER') + $stock],
        ];
    }

    public function test_without_an_address_it_is_here(): void
    {
        $this->only(['BROADCAST_DRIVER' => 'parley']);
        $this->assertSame('http://127.0.0.1:6001', self::url());
    }

    // Laravel 11 reads BROADCAST_CONNECTION; applications that were upgraded may have either in their `.env`.
    public function test_the_name_of_laravel_11_works_and_the_old_one_does_there_too(): void
    {
        $eleven = ['config/broadcasting.php' => "<?php return ['default' => env('BROADCAST_CONNECTION', 'null'), 'connections' => ['log' => ['driver' => 'log'], 'null' => ['driver' => 'null']]];"];
        foreach (['BROADCAST_CONNECTION', 'BROADCAST_DRIVER'] as $name) {
            $this->only([$name => 'websocket'], $eleven);
            $this->assertSame('websocket', config('broadcasting.default'));
            $this->assertInstanceOf(ParleyBroadcaster::class, Broadcast::connection());
        }
        $this->only(['BROADCAST_CONNECTION' => 'log', 'BROADCAST_DRIVER' => 'websocket'], $eleven);
        $this->assertSame('log', config('broadcasting.default'), 'what the application says itself stays');
    }

    public function test_a_connection_of_the_application_stays_and_adds_what_it_does_not_say(): void
    {
        $this->only(self::environment(7001), ['config/broadcasting.php' => "<?php return ['default' => 'websocket', 'connections' => [
            'websocket' => ['driver' => 'parley', 'port' => 7002], 'other' => ['driver' => 'websocket', 'app_id' => 'another']]];"]);
        $this->assertSame('http://127.0.0.1:7002', self::url());
        $other = Broadcast::connection('other')->client()->settings();
        $this->assertSame(['another', ParleyServer::KEY, 'http://127.0.0.1:7001'], [$other->appId, $other->key, $other->url()]);
    }

    public function test_a_cached_configuration_and_cached_routes_work_the_same(): void
    {
        $application = $this->application(['BROADCAST_DRIVER' => 'websocket']);
        foreach (['config:cache', 'route:cache'] as $command) {
            [$code, $output] = $application->artisan($command);
            $this->assertSame(0, $code, $output);
        }
        $application->environment([]);  // the cache is what counts from here on
        $application->app();
        $this->assertSame(0, Parley::connections());
        $this->assertSame(401, $application->request('POST', '/parley/webhooks')->getStatusCode());
        $this->assertSame(400, $application->request('POST', '/broadcasting/auth', ['channel_name' => 'private-domain.1'], 'user-1')->getStatusCode());
    }

    public function test_the_facade_and_the_drivers_share_a_connection(): void
    {
        $this->application()->app();
        $this->assertSame(Parley::client(), Broadcast::connection()->client());
        $this->assertSame(Parley::client(), Broadcast::connection('parley')->client());
    }

    // Laravel 13 binds closures to the manager, which a closure with an object of its own would not survive.
    public function test_the_driver_can_be_bound_to_the_manager(): void
    {
        $app = $this->application()->app();
        $creators = new ReflectionProperty(BroadcastManager::class, 'customCreators');
        $creators->setAccessible(true);
        foreach ($creators->getValue($app->make(BroadcastManager::class)) as $creator) {
            $this->assertTrue((new ReflectionFunction($creator))->isStatic());
            $bound = $creator->bindTo(null, BroadcastManager::class);
            $this->assertInstanceOf(ParleyBroadcaster::class, $bound($app, ['driver' => 'parley']));
        }
    }

    public function test_the_configuration_can_be_published(): void
    {
        $application = $this->application();
        [$code] = $application->artisan('vendor:publish', ['--tag' => 'parley-config']);
        $this->assertSame(0, $code);
        $this->assertFileEquals(dirname(__DIR__, 2).'/config/parley.php', "{$application->folder}/config/parley.php");
    }
}

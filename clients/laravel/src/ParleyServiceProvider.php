<?php

namespace Parley\Laravel;

use Illuminate\Broadcasting\BroadcastManager;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Illuminate\Queue\Events\JobExceptionOccurred;
use Illuminate\Queue\Events\JobProcessed;
use Illuminate\Queue\Events\JobProcessing;
use Illuminate\Support\ServiceProvider;
use Parley\Laravel\Broadcasting\ParleyBroadcaster;
use Parley\Laravel\Console\CheckCommand;
use Parley\Laravel\Console\Checks;
use Parley\Laravel\Console\Resolver;
use Parley\Laravel\Publishing\Batch;
use Parley\Laravel\Publishing\IdempotencyKeys;
use Parley\Laravel\Publishing\Rounds;
use Parley\Laravel\Tokens\TokenClaims;
use Parley\Laravel\Webhooks\Delivery;
use Parley\Laravel\Webhooks\Gatekeeper;
use Parley\Laravel\Webhooks\NoticeReader;
use Parley\Laravel\Webhooks\WebhookController;

// Puts the package into an application: configuration, driver, routes, commands.

class ParleyServiceProvider extends ServiceProvider
{
    /** The driver's names, and those of the connections that are made for it. */
    public const NAMES = ['parley', 'websocket'];

    public function register()
    {
        $this->mergeConfigFrom(__DIR__.'/../config/parley.php', 'parley');
        $this->registerConnections();
        // Instances, so that the copies of the application that Octane makes for each request share them.
        $this->app->instance(Batch::class, $batch = new Batch);
        $this->app->instance(ClientFactory::class, new ClientFactory($batch));
        $this->app->instance(IdempotencyKeys::class, new IdempotencyKeys(new Rounds(fn () => app('cache')->store())));
        $this->app->instance(TokenClaims::class, new TokenClaims);
        $this->app->singleton(Parley::class, function ($app) {
            $factory = $app->make(ClientFactory::class);
            [$client, $publisher] = $factory->parts($app['config']['parley']);

            return new Parley($client, $publisher, $app->make(IdempotencyKeys::class), $app->make(TokenClaims::class));
        });
        $this->app->bind(Checks::class, fn ($app) => new Checks(
            $app->make(Parley::class)->client(), $app->make(BroadcastManager::class), $app['config'], $app['router'], new Resolver
        ));
        $this->app->bind(Gatekeeper::class, fn ($app) => new Gatekeeper(
            new Settings($app['config']['parley']), $app['config']['parley.webhooks']
        ));
        $this->app->bind(Delivery::class, fn ($app) => new Delivery(
            $app->make('cache')->store($app['config']['parley.webhooks']['cache'] ?? null), $app['events'], new NoticeReader,
            (int) ($app['config']['parley.webhooks']['age_max'] ?? 2 * 86400)
        ));
        $this->callAfterResolving(BroadcastManager::class, function ($manager) {
            foreach (self::NAMES as $name) {
                // Static, and without `self`: newer versions of Laravel bind what is given here to the manager.
                $manager->extend($name, static fn ($app, array $config) => ParleyServiceProvider::broadcaster($app, $config));
            }
        });
    }

    public function boot()
    {
        $this->publishes([__DIR__.'/../config/parley.php' => $this->app->configPath('parley.php')], 'parley-config');
        $this->listenToJobs();
        $this->routeWebhooks();
        if ($this->app->runningInConsole()) {
            $this->commands([CheckCommand::class]);
        }
    }

    // So that BROADCAST_DRIVER=websocket works with no file edited. What the application says itself stays.
    private function registerConnections(): void
    {
        $config = $this->app['config'];
        foreach (self::NAMES as $name) {
            if ($config->get("broadcasting.connections.{$name}") === null) {
                $config->set("broadcasting.connections.{$name}", ['driver' => 'parley']);
            }
        }
        $wanted = $config->get('parley.default');
        if (in_array($wanted, self::NAMES, true) && in_array($config->get('broadcasting.default'), [null, 'null'], true)) {
            $config->set('broadcasting.default', $wanted);
        }
    }

    public static function broadcaster(
        $app,
        #[\SensitiveParameter]
        array $config
    ): ParleyBroadcaster {
        $factory = $app->make(ClientFactory::class);
        $config = array_replace($app['config']['parley'], array_filter($config, fn ($value) => $value !== null));

        [$client, $publisher, $cipher] = $factory->parts($config);

        return new ParleyBroadcaster($client, $publisher, $cipher, $app->make(IdempotencyKeys::class));
    }

    private function listenToJobs(): void
    {
        $events = $this->app['events'];
        $events->listen(JobProcessing::class, fn ($event) => $this->app->make(IdempotencyKeys::class)->jobBegins($event->job));
        $events->listen(JobProcessed::class, fn ($event) => $this->app->make(IdempotencyKeys::class)->jobIsThrough($event->job));
        $events->listen(JobExceptionOccurred::class, fn ($event) => $this->app->make(IdempotencyKeys::class)->jobEnds($event->job));
    }

    private function routeWebhooks(): void
    {
        $webhooks = $this->app['config']['parley.webhooks'];
        if (! ($webhooks['enabled'] ?? false) || ($webhooks['path'] ?? '') === '') {
            return;
        }
        if ($this->app instanceof CachesRoutes && $this->app->routesAreCached()) {
            return;
        }
        // Outside of the group `web`: the signature is the proof, and there is neither session nor CSRF token.
        // The name is in the action: a name given afterwards is not found until somebody refreshes the router's list.
        $this->app['router']->post($webhooks['path'], ['uses' => WebhookController::class, 'as' => 'parley.webhooks'])
            ->middleware($webhooks['middleware'] ?? []);
    }
}

<?php

namespace Parley\Laravel\Console;

use Illuminate\Contracts\Broadcasting\Factory;
use Illuminate\Contracts\Config\Repository;
use Illuminate\Contracts\Routing\Registrar;
use Parley\Laravel\Http\Client;
use Parley\Laravel\ParleyServiceProvider;

// The checks of parley:check: of each server that the application publishes to, and of what is set in the application.

final class Checks
{
    private Client $facade;

    private Factory $broadcasts;

    private Repository $config;

    private Registrar $router;

    private Resolver $resolver;

    public function __construct(Client $facade, Factory $broadcasts, Repository $config, Registrar $router, Resolver $resolver)
    {
        $this->facade = $facade;
        $this->broadcasts = $broadcasts;
        $this->config = $config;
        $this->router = $router;
        $this->resolver = $resolver;
    }

    /** @return iterable<Finding> ends with the first that is wrong */
    public function all(): iterable
    {
        foreach ($this->findings() as $finding) {
            yield $finding;
            if (! $finding->ok) {
                return;
            }
        }
    }

    private function findings(): iterable
    {
        foreach ($this->clients() as $whose => $client) {
            foreach ((new ServerChecks($client, $this->resolver))->all() as $finding) {
                yield $whose === '' ? $finding : $finding->of($whose);
            }
        }
        yield $this->broadcasting();
        yield $this->webhooks();
    }

    /**
     * Events go by the default connection, which may have settings of its own; the facade has those of config/parley.php.
     *
     * @return array<string, Client> by whose it is, where there are two
     */
    private function clients(): array
    {
        if (! $this->broadcastsToParley()) {
            return ['' => $this->facade];
        }
        $name = $this->config->get('broadcasting.default');
        $client = $this->broadcasts->connection()->client();
        if ($client->settings() == $this->facade->settings()) {
            return ['' => $this->facade];
        }

        return ["connection `{$name}`" => $client, 'facade `Parley`' => $this->facade];
    }

    private function broadcastsToParley(): bool
    {
        $name = $this->config->get('broadcasting.default');

        return in_array($this->config->get("broadcasting.connections.{$name}.driver"), ParleyServiceProvider::NAMES, true);
    }

    private function broadcasting(): Finding
    {
        $name = $this->config->get('broadcasting.default');
        if (! $this->broadcastsToParley()) {
            $where = $name === null ? 'nobody' : "`{$name}`";

            return Finding::wrong(Finding::BROADCASTING, "Events are broadcast to {$where}, not to Parley.",
                'Set BROADCAST_DRIVER=websocket, or BROADCAST_CONNECTION=websocket from Laravel 11 on.',
                'If it stands there: `php artisan config:clear`, and see that config/broadcasting.php reads that variable.');
        }

        return Finding::ok("events are broadcast to `{$name}`");
    }

    private function webhooks(): Finding
    {
        if (! $this->config->get('parley.webhooks.enabled')) {
            return Finding::ok('webhooks are off (`parley.webhooks.enabled`)');
        }
        $route = $this->router->getRoutes()->getByName('parley.webhooks');
        if ($route === null) {
            return Finding::wrong(Finding::WEBHOOKS, 'There is no route for webhooks.',
                'If routes are cached: `php artisan route:cache` again.');
        }
        $store = $this->config->get('parley.webhooks.cache') ?? $this->config->get('cache.default');
        if (in_array($this->config->get("cache.stores.{$store}.driver"), ['array', 'null'], true)) {
            return Finding::wrong(Finding::WEBHOOKS,
                "The cache `{$store}` forgets with the process which notices were seen: one that is sent twice is dispatched twice.",
                'Set WEBSOCKET_WEBHOOK_CACHE to a store that all processes share: file, redis, database.');
        }

        return Finding::ok("webhooks are taken at /{$route->uri()}, signed with the application's secret");
    }
}

<?php

namespace Parley\Laravel\Tests\Support;

use Illuminate\Container\Container;
use Illuminate\Contracts\Console\Kernel as ConsoleKernel;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Support\Env;
use Illuminate\Support\Facades\Facade;
use Symfony\Component\Console\Output\BufferedOutput;
use Symfony\Component\HttpFoundation\Response;

// A Laravel application in a folder of its own, made of tests/app and a `.env`. It finds the package as Laravel does: by
// what `vendor/composer/installed.json` says of it.

final class TestApplication
{
    public string $folder;

    private ?Application $app = null;

    public function __construct(array $environment, array $files = [])
    {
        $this->folder = Folder::temporary();
        Folder::copy(dirname(__DIR__).'/app', $this->folder);
        foreach (['storage/framework/cache', 'storage/framework/views', 'storage/logs', 'bootstrap/cache', 'vendor/composer', 'resources/views', 'database'] as $folder) {
            @mkdir("{$this->folder}/{$folder}", 0700, true);
        }
        touch("{$this->folder}/database/database.sqlite");
        $package = json_decode(file_get_contents(dirname(__DIR__, 2).'/composer.json'), true);
        file_put_contents("{$this->folder}/vendor/composer/installed.json", json_encode(['packages' => [$package]]));
        file_put_contents("{$this->folder}/composer.json", '{}');
        foreach ($files as $name => $text) {
            file_put_contents("{$this->folder}/{$name}", $text);
        }
        $this->environment($environment);
    }

    /** Writes `.env`; counts from the next start of the application on. */
    public function environment(array $environment): void
    {
        $text = '';
        foreach ($environment as $name => $value) {
            $text .= "{$name}={$value}\n";
        }
        file_put_contents("{$this->folder}/.env", $text);
        $this->app = null;
    }

    /** Another process would see what stands in files and tables, and nothing else. */
    public function restart(): void
    {
        $this->app = null;
    }

    public function app(): Application
    {
        if ($this->app === null) {
            $this->forgetEnvironment();
            $basePath = $this->folder;
            $this->app = require "{$this->folder}/bootstrap/app.php";
            Facade::clearResolvedInstances();
            $this->app->make(ConsoleKernel::class)->bootstrap();
        }

        return $this->app;
    }

    /** @return array{0: int, 1: string} exit code and output */
    public function artisan(string $command, array $arguments = []): array
    {
        $output = new BufferedOutput;
        $code = $this->app()->make(ConsoleKernel::class)->call($command, $arguments, $output);

        return [$code, $output->fetch()];
    }

    public function request(string $method, string $path, array $input = [], ?string $as = null, array $server = [], ?string $body = null): Response
    {
        $server = ($as === null ? [] : ['HTTP_AUTHORIZATION' => "Bearer {$as}"]) + ['HTTP_ACCEPT' => 'application/json'] + $server;
        $this->app()->make('auth')->forgetGuards();  // each request asks anew who somebody is

        return $this->app()->make(HttpKernel::class)->handle(Request::create($path, $method, $input, [], [], $server, $body));
    }

    public function json(string $method, string $path, array $input, ?string $as = null): Response
    {
        return $this->request($method, $path, [], $as, ['CONTENT_TYPE' => 'application/json'], json_encode($input));
    }

    /** What came by webhooks. */
    public function notices(): array
    {
        $file = "{$this->folder}/storage/notices.jsonl";

        return is_file($file) ? array_map(fn ($line) => json_decode($line, true), file($file)) : [];
    }

    public function remove(): void
    {
        if ($this->app !== null) {
            $this->app->flush();
            Container::setInstance(null);
            Facade::clearResolvedInstances();
            Facade::setFacadeApplication(null);
        }
        $this->forgetEnvironment();
        Folder::remove($this->folder);
    }

    // What an earlier application read of its `.env` is in the process' environment, and comes before the next one's.
    private function forgetEnvironment(): void
    {
        foreach (array_keys(getenv() + $_ENV + $_SERVER) as $name) {
            if (preg_match('/^(PARLEY_APP|WEBSOCKET_|PUSHER_|REVERB_|BROADCAST_|QUEUE_|CACHE_)/', $name)) {
                putenv($name);
                unset($_ENV[$name], $_SERVER[$name]);
            }
        }
        Env::enablePutenv();  // a new repository
    }
}

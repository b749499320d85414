<?php

$app = new Illuminate\Foundation\Application(dirname(__DIR__));

// Where the .env stands and where logs and caches go, when not here: the launcher keeps what a run makes out of the
// sources.
if ($directory = getenv('APP_ENV_DIRECTORY')) {
    $app->useEnvironmentPath($directory);
}
if ($directory = getenv('LARAVEL_STORAGE_PATH')) {
    $app->useStoragePath($directory);
}

$app->singleton(Illuminate\Contracts\Http\Kernel::class, App\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, App\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, App\Exceptions\Handler::class);

return $app;

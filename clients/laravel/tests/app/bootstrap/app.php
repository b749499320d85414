<?php

// The application of the tests, as `laravel new` makes one: the folder that it stands in is copied for each test.

use App\Exceptions\Handler;
use Illuminate\Contracts\Console\Kernel as ConsoleKernel;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Foundation\Application;

return (function (string $basePath): Application {
    $app = new Application($basePath);
    $app->singleton(HttpKernel::class, App\HttpKernel::class);
    $app->singleton(ConsoleKernel::class, Illuminate\Foundation\Console\Kernel::class);
    $app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);

    return $app;
})($basePath ?? dirname(__DIR__));

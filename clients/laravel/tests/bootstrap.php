<?php

// Laravel from Composer (`vendor/`, where the tests were installed so) or from Debian's php-laravel-framework.

error_reporting(E_ALL);

// Ended from outside, it ends what it started all the same: that is done in shutdown functions.
if (PHP_SAPI === 'cli') {
    pcntl_async_signals(true);
    foreach ([SIGTERM, SIGINT, SIGHUP] as $signal) {
        pcntl_signal($signal, fn () => exit(1));
    }
}

$composer = __DIR__.'/../vendor/autoload.php';
if (is_file($composer)) {
    require_once $composer;
} else {
    // Debian's Laravel 8 is older than its PHP 8.2, whose deprecations in there are not ours.
    set_error_handler(fn ($level, $text, $file) => str_starts_with($file, '/usr/share/php/'), E_DEPRECATED | E_USER_DEPRECATED);
    require_once 'Illuminate/autoload.php';
    require_once 'Illuminate/Foundation/helpers.php';
    foreach (['Parley\Laravel\Tests\\' => __DIR__.'/', 'Parley\Laravel\\' => __DIR__.'/../src/'] as $prefix => $folder) {
        spl_autoload_register(static function (string $class) use ($prefix, $folder): void {
            $file = $folder.str_replace('\\', '/', substr($class, strlen($prefix))).'.php';
            if (str_starts_with($class, $prefix) && is_file($file)) {
                require_once $file;
            }
        });
    }
    restore_error_handler();
}

spl_autoload_register(static function (string $class): void {
    $file = __DIR__.'/app/app/'.str_replace('\\', '/', substr($class, 4)).'.php';
    if (str_starts_with($class, 'App\\') && is_file($file)) {
        require_once $file;
    }
});

<?php

// Composer's autoloader where somebody ran `composer install`; else Debian's php-laravel-framework, which is in PHP's
// include path, and three namespaces by hand.

if (is_file($composer = __DIR__.'/../vendor/autoload.php')) {
    return require $composer;
}

if (stream_resolve_include_path('Illuminate/autoload.php') === false || stream_resolve_include_path('Illuminate/Foundation/Application.php') === false) {
    $why = "Laravel is missing: `apt-get install php-laravel-framework php-sqlite3`, or `composer install` in this folder.\n";
    if (PHP_SAPI === 'cli') {
        fwrite(STDERR, $why);
    } else {
        http_response_code(500);
        error_log($why);
    }
    exit(1);
}

require_once 'Illuminate/autoload.php';

spl_autoload_register(static function (string $class): void {
    static $folders = [
        'App\\' => __DIR__.'/../app/',
        'Database\\Seeders\\' => __DIR__.'/../database/seeders/',
        'Parley\\Laravel\\' => __DIR__.'/../../../../clients/laravel/src/',
    ];
    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix) && is_file($file = $folder.strtr(substr($class, strlen($prefix)), '\\', '/').'.php')) {
            require $file;

            return;
        }
    }
});

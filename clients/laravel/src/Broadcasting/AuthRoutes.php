<?php

namespace Parley\Laravel\Broadcasting;

use Illuminate\Broadcasting\BroadcastController;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Parley\Laravel\Tokens\TokenController;

// The routes that pages ask. `/broadcasting/auth` is the one of Broadcast::routes(); Laravel 8 has no `user-auth` yet.

final class AuthRoutes
{
    // The names of Laravel's check over its versions, which Broadcast::routes() leaves out too: nothing is changed here, and
    // the answer is not readable for pages of other origins.
    private const CSRF = [
        'Illuminate\Foundation\Http\Middleware\VerifyCsrfToken',
        'Illuminate\Foundation\Http\Middleware\ValidateCsrfToken',
        'Illuminate\Foundation\Http\Middleware\PreventRequestForgery',
    ];

    public static function register(array $attributes): void
    {
        $app = app();
        if ($app instanceof CachesRoutes && $app->routesAreCached()) {
            return;
        }
        $app['router']->group($attributes, function ($router): void {
            $ask = ['get', 'post'];
            $router->match($ask, '/broadcasting/auth', '\\'.BroadcastController::class.'@authenticate')
                ->withoutMiddleware(self::CSRF);
            $router->match($ask, '/broadcasting/user-auth', UserAuthController::class)->withoutMiddleware(self::CSRF);
            $router->get('/broadcasting/token', TokenController::class);
        });
    }
}

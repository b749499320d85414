<?php

namespace App\Providers;

use App\Database\SQLiteConnector;
use Illuminate\Console\Events\CommandStarting;
use Illuminate\Support\Facades\Artisan;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\ServiceProvider;

class AppServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->app->bind('db.connector.sqlite', SQLiteConnector::class);
    }

    public function boot(): void
    {
        // AUTO_MIGRATE: whatever of the application starts first brings the database up to date.
        Event::listen(function (CommandStarting $starting) {
            if (config('chat.auto_migrate') && in_array($starting->command, ['serve', 'queue:work'], true)) {
                Artisan::call('chat:prepare', [], $starting->output);
            }
        });
    }
}

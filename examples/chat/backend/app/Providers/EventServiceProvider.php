<?php

namespace App\Providers;

use App\Listeners\TellAdmins;
use App\Listeners\TidyUp;
use Illuminate\Foundation\Support\Providers\EventServiceProvider as ServiceProvider;
use Illuminate\Queue\Events\Looping;
use Parley\Laravel\Events\MemberAdded;
use Parley\Laravel\Events\MemberRemoved;
use Parley\Laravel\Events\UserStatusChanged;

class EventServiceProvider extends ServiceProvider
{
    protected $listen = [
        // What Parley's webhook tells (/parley/webhooks).
        UserStatusChanged::class => [[TellAdmins::class, 'status']],
        MemberAdded::class => [[TellAdmins::class, 'people']],
        MemberRemoved::class => [[TellAdmins::class, 'people']],

        Looping::class => [TidyUp::class],
    ];

    public function register(): void
    {
        parent::register();
        $this->app->singleton(TidyUp::class); // it remembers when it was there last
    }
}

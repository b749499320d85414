<?php

namespace App\Providers;

use App\Listeners\TellAdmins;
use Illuminate\Foundation\Support\Providers\EventServiceProvider as ServiceProvider;
use Parley\Laravel\Events\MemberAdded;
use Parley\Laravel\Events\MemberRemoved;
use Parley\Laravel\Events\UserStatusChanged;

class EventServiceProvider extends ServiceProvider
{
    /** What Parley's webhook tells (/parley/webhooks). */
    protected $listen = [
        UserStatusChanged::class => [[TellAdmins::class, 'status']],
        MemberAdded::class => [[TellAdmins::class, 'people']],
        MemberRemoved::class => [[TellAdmins::class, 'people']],
    ];
}

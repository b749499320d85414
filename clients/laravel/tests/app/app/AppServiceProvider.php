<?php

namespace App;

use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\ServiceProvider;
use Parley\Laravel\Events\Notice;
use Parley\Laravel\Events\UserStatusChanged;
use Parley\Laravel\Facades\Parley;

class AppServiceProvider extends ServiceProvider
{
    public function boot()
    {
        Auth::viaRequest('bearer', fn ($request) => User::byToken($request->bearerToken()));
        Parley::tokenUsing(fn ($user) => ['domains' => $user->domains, 'info' => ['name' => $user->name]]);
        require base_path('routes/channels.php');
        // What came by webhooks, one line each, for the test that waits for it.
        Event::listen(Notice::class, fn (Notice $notice) => $this->tell(['event' => get_class($notice)] + $notice->all()));
        Event::listen(UserStatusChanged::class, fn ($change) => $this->tell(['event' => get_class($change)] + (array) $change));
    }

    private function tell(array $what): void
    {
        file_put_contents(storage_path('notices.jsonl'), json_encode($what)."\n", FILE_APPEND | LOCK_EX);
    }
}

<?php

namespace App\Providers;

use App\Models\User;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;
use Illuminate\Support\ServiceProvider;
use Parley\Laravel\Facades\Parley;

class BroadcastServiceProvider extends ServiceProvider
{
    public function boot(): void
    {
        // Who a connection is: `pusher.signin()` asks /broadcasting/user-auth. The domains say who hears of this
        // person's status.
        Broadcast::resolveAuthenticatedUserUsing(fn (Request $request) => [
            'id' => $request->user()->id,
            'user_info' => $request->user()->card(),
            'domains' => self::domains($request->user()),
        ]);

        // The same for clients that connect with a token: /broadcasting/token.
        Parley::tokenUsing(fn (User $user) => [
            'domains' => self::domains($user),
            'admin' => $user->admin ? [$user->id] : null,
            'info' => $user->card(),
        ]);

        require base_path('routes/channels.php');
    }

    /** @return list<string> */
    private static function domains(User $user): array
    {
        return array_map('strval', $user->domains()->pluck('domains.id')->all());
    }
}

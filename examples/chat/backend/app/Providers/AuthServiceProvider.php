<?php

namespace App\Providers;

use App\Models\Token;
use Illuminate\Foundation\Support\Providers\AuthServiceProvider as ServiceProvider;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Auth;

class AuthServiceProvider extends ServiceProvider
{
    public function boot(): void
    {
        // A bearer token counts alone: a wrong one is not made good by a cookie.
        Auth::viaRequest('chat-token', fn (Request $request) => Token::findLive($request->bearerToken() ?? $request->cookie('chat_token'))?->user);
    }
}

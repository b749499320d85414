<?php

namespace App\Http\Controllers;

use App\Models\Token;
use App\Models\User;
use Illuminate\Cache\RateLimiter;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Hash;

class LoginController extends Controller
{
    public function login(Request $request, RateLimiter $limiter): JsonResponse
    {
        $given = $this->validate($request, ['email' => 'required|string|max:255', 'password' => 'required|string|max:255']);
        $tries = 'login:'.sha1(mb_strtolower($given['email']).'|'.$request->ip());
        if ($limiter->tooManyAttempts($tries, config('chat.wrong_passwords_max'))) {
            $seconds = $limiter->availableIn($tries);

            return response()->json(['message' => "Too many wrong passwords: try again in $seconds seconds"], 429, ['Retry-After' => $seconds]);
        }

        $user = User::query()->where('email', mb_strtolower($given['email']))->first();
        if ($user === null || ! Hash::check($given['password'], $user->password)) {
            $limiter->hit($tries);

            return response()->json(['message' => 'Wrong e-mail address or password'], 401);
        }
        $limiter->clear($tries);

        $token = Token::issue($user);
        $minutes = config('chat.token_days') * 24 * 60;

        return response()->json(['token' => $token, 'user' => $this->card($user)])
            ->cookie('chat_token', $token, $minutes, '/', null, $request->isSecure(), true, false, 'Lax');
    }

    public function logout(Request $request): Response
    {
        Token::findLive($request->bearerToken() ?? $request->cookie('chat_token'))?->delete();

        return response()->noContent()->withoutCookie('chat_token');
    }

    public function me(Request $request): JsonResponse
    {
        $domains = $request->user()->domains->map->only('id', 'name')->values();

        return response()->json(['user' => $this->card($request->user()), 'domains' => $domains]);
    }

    private function card(User $user): array
    {
        return [...$user->card(), 'admin' => $user->admin];
    }
}

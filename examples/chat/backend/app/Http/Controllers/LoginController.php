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
    // A hash that no password has: checking one takes as long for an account that does not exist as for one that does.
    private const NOBODY = '$2y$10$FMG0SjxgGb8.y3QdL0TZxOEayzXDCuktVQuD5pUqOLwEHe4FR1W2y';

    public function login(Request $request, RateLimiter $limiter): JsonResponse
    {
        // A form on any page could send its own name and password here, and sign its visitor in as somebody else. JSON it
        // cannot send without being allowed to (config/cors.php); `isJson()` takes `text/plain; x=/json`, which it can.
        $json = preg_match('#^application/json\s*(;|\z)#i', (string) $request->header('Content-Type')) === 1;
        abort_unless($json, 415, 'Sign in with JSON: Content-Type: application/json');
        $given = $this->validate($request, ['email' => 'required|string|max:255', 'password' => 'required|string|max:255']);
        $tries = 'login:'.sha1(mb_strtolower($given['email']).'|'.$request->ip());
        // Who tries one password with many accounts.
        $ofAddress = 'login:'.$request->ip();
        foreach ([$tries => 'wrong_passwords_max', $ofAddress => 'wrong_passwords_of_address_max'] as $counter => $most) {
            if ($limiter->tooManyAttempts($counter, config("chat.$most"))) {
                $seconds = $limiter->availableIn($counter);

                return response()->json(['message' => "Too many wrong passwords: try again in $seconds seconds"], 429, ['Retry-After' => $seconds]);
            }
        }

        $user = User::query()->where('email', mb_strtolower($given['email']))->first();
        $right = Hash::check($given['password'], $user->password ?? self::NOBODY);
        if ($user === null || ! $right) {
            $limiter->hit($tries);
            $limiter->hit($ofAddress);

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

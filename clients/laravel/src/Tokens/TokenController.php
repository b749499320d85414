<?php

namespace Parley\Laravel\Tokens;

use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Parley\Laravel\Parley;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

// GET /broadcasting/token: a connection token for the visitor.

final class TokenController
{
    public function __invoke(Request $request, Parley $parley): JsonResponse
    {
        if (! $user = $request->user()) {
            throw new AccessDeniedHttpException;
        }

        return (new JsonResponse(['token' => $parley->tokenFor($user)]))->header('Cache-Control', 'no-store');
    }
}

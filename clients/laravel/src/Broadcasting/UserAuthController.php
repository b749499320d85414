<?php

namespace Parley\Laravel\Broadcasting;

use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

// /broadcasting/user-auth: the sign-in of pusher-js, as Laravel's own controller answers it from version 9 on.

final class UserAuthController
{
    public function __invoke(Request $request)
    {
        $answer = Broadcast::resolveAuthenticatedUser($request);
        if (! $answer) {
            throw new AccessDeniedHttpException;
        }

        return $answer;
    }
}

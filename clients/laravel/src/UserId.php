<?php

namespace Parley\Laravel;

// The id of a user, as the application has it: a number stays a number.

final class UserId
{
    /** @param mixed $user a user of Laravel, or an id */
    public static function of($user)
    {
        if (! is_object($user)) {
            return $user;
        }

        return method_exists($user, 'getAuthIdentifierForBroadcasting')
            ? $user->getAuthIdentifierForBroadcasting()
            : $user->getAuthIdentifier();
    }
}

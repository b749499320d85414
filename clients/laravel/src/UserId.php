<?php

namespace Parley\Laravel;

use Illuminate\Contracts\Support\Jsonable;

// The id of a user, as the application has it: a number stays a number.

final class UserId
{
    /** @param mixed $user a user of Laravel, or an id (an object such as a UUID is its text) */
    public static function of($user)
    {
        if (! is_object($user)) {
            return $user;
        }
        foreach (['getAuthIdentifierForBroadcasting', 'getAuthIdentifier'] as $method) {
            if (method_exists($user, $method)) {
                $id = $user->$method();

                return is_object($id) ? self::text($id) : $id;
            }
        }

        return self::text($user);
    }

    private static function text(object $id): string
    {
        // The text of a model or a collection is all of it as JSON.
        if (! method_exists($id, '__toString') || $id instanceof Jsonable) {
            throw new ParleyException(get_class($id).' is neither a user nor an id.', 'bad_argument');
        }

        return (string) $id;
    }
}

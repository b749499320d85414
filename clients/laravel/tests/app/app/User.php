<?php

namespace App;

use Illuminate\Auth\GenericUser;

// Known by a bearer token, `user-1` and so on, so that no test needs a session.

class User extends GenericUser
{
    public static function byToken(?string $token): ?self
    {
        $people = [
            'user-1' => ['id' => 1, 'name' => 'Ada', 'domains' => [1]],
            'user-2' => ['id' => 2, 'name' => 'Ben', 'domains' => [1, 2]],
        ];

        return isset($people[$token]) ? new self($people[$token]) : null;
    }
}

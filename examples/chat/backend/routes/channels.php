<?php

use App\Models\User;
use Illuminate\Support\Facades\Broadcast;

// Of "domain." Laravel 8 calls these with the user alone; so the ids have defaults, which nothing has.

// private-domain.{domainId} carries all events of a domain, presence-domain.{domainId} says who looks at it.
Broadcast::channel('domain.{domainId}', function (User $user, string $domainId = '') {
    abort_unless($user->isMemberOf($domainId), 403, 'You are not a member of this domain');

    return $user->card();
});

Broadcast::channel('user.{userId}', fn (User $user, string $userId = '') => (string) $user->id === $userId);

Broadcast::channel('admin.{adminId}', fn (User $user, string $adminId = '') => $user->admin && (string) $user->id === $adminId);

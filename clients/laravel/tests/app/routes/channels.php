<?php

use Illuminate\Support\Facades\Broadcast;

// Domain 1 is for everybody, domain 2 for user 2 alone.
Broadcast::channel('domain.{domain}', fn ($user, $domain) => in_array((int) $domain, $user->domains, true) ? ['name' => $user->name] : false);
Broadcast::channel('user.{id}', fn ($user, $id) => (int) $id === $user->getAuthIdentifier());
Broadcast::channel('secret.{domain}', fn ($user, $domain) => in_array((int) $domain, $user->domains, true));
Broadcast::channel('broken', fn ($user) => throw new RuntimeException('a mistake in a callback'));

<?php

namespace Parley\Laravel\Tokens;

use Closure;

// What the application says a visitor's token holds. One for the process; set in a service provider.

final class TokenClaims
{
    private ?Closure $claims = null;

    public function using(Closure $claims): void
    {
        $this->claims = $claims;
    }

    /** Arguments of Parley::token() by name. Without a closure: who it is, and nothing else. */
    public function of($user): array
    {
        return $this->claims === null ? [] : ($this->claims)($user);
    }
}

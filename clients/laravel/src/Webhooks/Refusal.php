<?php

namespace Parley\Laravel\Webhooks;

use RuntimeException;

// Why a request of the server was not taken, and the HTTP status that says so. The server's log shows the text.

final class Refusal extends RuntimeException
{
    private ?int $retryAfter;

    public function __construct(int $status, string $why, ?int $retryAfter = null)
    {
        parent::__construct($why, $status);
        $this->retryAfter = $retryAfter;
    }

    public function headers(): array
    {
        return $this->retryAfter === null ? [] : ['Retry-After' => (string) $this->retryAfter];
    }
}

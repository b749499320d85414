<?php

namespace Parley\Laravel;

use Illuminate\Broadcasting\BroadcastException;
use Throwable;

// A call that failed: what is wrong and what to do. Laravel expects BroadcastException of a broadcast.

class ParleyException extends BroadcastException
{
    /** A name of docs/errors.md, or `unreachable`, `no_answer`, `bad_answer`, `not_configured`, `bad_argument`. */
    private string $error;

    private int $status;

    private string $remedy;

    public function __construct(string $message, string $error, int $status = 0, string $remedy = '', ?Throwable $previous = null)
    {
        parent::__construct($remedy === '' ? $message : "{$message} {$remedy}", 0, $previous);
        $this->error = $error;
        $this->status = $status;
        $this->remedy = $remedy;
    }

    public function error(): string
    {
        return $this->error;
    }

    /** Of HTTP; 0 when there was no answer. */
    public function status(): int
    {
        return $this->status;
    }

    public function remedy(): string
    {
        return $this->remedy;
    }
}

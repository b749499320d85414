<?php

namespace Parley\Laravel\Events;

// What the server told by a webhook. A listener for this interface hears all of them.

interface Notice
{
    /** The same each time the notice is sent. */
    public function id(): string;

    /** `user_online`, `member_added`, … */
    public function name(): string;

    /** When it happened, in Unix milliseconds. */
    public function timeMs(): int;

    /** Everything that was sent. */
    public function all(): array;
}

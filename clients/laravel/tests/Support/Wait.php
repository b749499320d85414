<?php

namespace Parley\Laravel\Tests\Support;

use RuntimeException;

// Waits for something that has to come, and says what did not.

final class Wait
{
    /** A machine under load is slow, not wrong. */
    public const SECONDS = 30.0;

    /** Asks until the answer is not null or false. */
    public static function until(callable $ask, string $what, float $seconds = self::SECONDS)
    {
        $deadline = microtime(true) + $seconds;
        for (;;) {
            $answer = $ask();
            if ($answer !== null && $answer !== false) {
                return $answer;
            }
            if (microtime(true) > $deadline) {
                throw new RuntimeException("waited {$seconds} s for {$what}");
            }
            usleep(5000);
        }
    }
}

<?php

namespace Parley\Laravel\Tests\Support;

// The proxy of proxy.php, as a process that a test controls.

final class Proxy
{
    public int $port;

    private ChildProcess $process;

    public function __construct(int $upstreamPort)
    {
        $this->process = new ChildProcess([PHP_BINARY, __DIR__.'/proxy.php', (string) $upstreamPort]);
        $this->port = (int) $this->process->waitFor('/^proxy (\d+)$/m')[1];
    }

    /** Loses the next answers, until told otherwise when no number is given. */
    public function loseAnswers(int $count = PHP_INT_MAX): void
    {
        $this->tell("lose {$count}");
    }

    public function passAnswers(): void
    {
        $this->tell('lose 0');
    }

    public function closeAll(): void
    {
        $this->tell('close');
    }

    public function connections(): int
    {
        return preg_match_all('/^connection$/m', $this->process->output());
    }

    /** The paths that were asked, in order, as soon as there are so many. */
    public function requests(int $count): array
    {
        return Wait::until(function () use ($count) {
            preg_match_all('/^request (.+)$/m', $this->process->output(), $found);

            return count($found[1]) >= $count ? $found[1] : null;
        }, "{$count} requests");
    }

    public function end(): void
    {
        $this->process->end();
    }

    // Until it has heard.
    private function tell(string $what): void
    {
        $told = bin2hex(random_bytes(4));
        $this->process->tell("{$what} {$told}");
        $this->process->waitFor("/^told {$told}$/m");
    }
}

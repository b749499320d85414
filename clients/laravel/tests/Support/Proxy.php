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

    public function loseAnswers(int $count): void
    {
        $this->process->tell("lose {$count}");
        $this->process->waitFor("/^told {$count}$/m");
    }

    public function closeAll(): void
    {
        $this->process->tell('close');
        $this->process->waitFor('/^closed$/m');
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
}

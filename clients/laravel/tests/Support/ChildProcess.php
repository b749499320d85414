<?php

namespace Parley\Laravel\Tests\Support;

use RuntimeException;

// A program that a test started; ended by its id, also when the test run ends early.

final class ChildProcess
{
    /** @var resource */
    private $process;

    /** @var resource[] */
    private array $pipes = [];

    private string $output = '';

    private string $log;

    public function __construct(array $command, ?array $environment = null, ?string $folder = null)
    {
        $this->log = tempnam(sys_get_temp_dir(), 'parley-laravel-log-');
        $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['file', $this->log, 'a']], $this->pipes, $folder, $environment);
        if ($process === false) {
            throw new RuntimeException('cannot start '.$command[0]);
        }
        $this->process = $process;
        stream_set_blocking($this->pipes[1], false);
        register_shutdown_function(fn () => $this->end());
    }

    /** Waits for a line of the program's output that fits, and returns the match. */
    public function waitFor(string $pattern): array
    {
        return Wait::until(function () use ($pattern) {
            $this->output .= (string) stream_get_contents($this->pipes[1]);
            if (preg_match($pattern, $this->output, $found)) {
                return $found;
            }
            if (! $this->running()) {
                throw new RuntimeException("it ended before it said {$pattern}: {$this->output}{$this->log()}");
            }

            return null;
        }, "output like {$pattern}; there is {$this->output}{$this->log()}");
    }

    /** What it has printed so far. */
    public function output(): string
    {
        return $this->output .= (string) stream_get_contents($this->pipes[1]);
    }

    public function running(): bool
    {
        return proc_get_status($this->process)['running'];
    }

    public function tell(string $line): void
    {
        fwrite($this->pipes[0], $line."\n");
        fflush($this->pipes[0]);
    }

    public function log(): string
    {
        return (string) file_get_contents($this->log);
    }

    public function end(int $signal = SIGKILL): void
    {
        if (! is_resource($this->process)) {
            return;
        }
        proc_terminate($this->process, $signal);
        foreach ($this->pipes as $pipe) {
            fclose($pipe);
        }
        proc_close($this->process);  // waits
        unlink($this->log);
    }
}

<?php

namespace Parley\Laravel\Console;

// What one check found: fine, or what is wrong, what to do, and the command's exit code for it.

final class Finding
{
    // Exit codes, for scripts. Documented in README.md.
    public const CONFIGURATION = 2;

    public const HOST = 3;

    public const PORT = 4;

    public const NOT_PARLEY = 5;

    public const CLOCK = 6;

    public const CREDENTIALS = 7;

    public const PUBLISH = 8;

    public const WEBHOOKS = 9;

    public const BROADCASTING = 10;

    public bool $ok;

    public string $text;

    /** @var list<string> */
    public array $remedies;

    public int $exitCode;

    private function __construct(bool $ok, string $text, array $remedies, int $exitCode)
    {
        $this->ok = $ok;
        $this->text = $text;
        $this->remedies = $remedies;
        $this->exitCode = $exitCode;
    }

    public static function ok(string $text): self
    {
        return new self(true, $text, [], 0);
    }

    /** The same, told of one of several servers. */
    public function of(string $whose): self
    {
        return new self($this->ok, "{$whose}: {$this->text}", $this->remedies, $this->exitCode);
    }

    public static function wrong(int $exitCode, string $text, string ...$remedies): self
    {
        return new self(false, $text, $remedies, $exitCode);
    }
}

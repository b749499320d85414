<?php

namespace Parley\Laravel\Console;

use Illuminate\Console\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;

// php artisan parley:check: is everything set so that broadcasts arrive, and if not, what is the first thing to do?

class CheckCommand extends Command
{
    protected $signature = 'parley:check';

    protected $description = 'Say whether broadcasts reach the Parley server, and what to do if not';

    public function handle(Checks $checks): int
    {
        foreach ($checks->all() as $finding) {
            $text = OutputFormatter::escape($finding->text);
            if ($finding->ok) {
                $this->line("  <info>ok</info>    {$text}");

                continue;
            }
            $this->line("  <error>wrong</error> {$text}");
            foreach ($finding->remedies as $remedy) {
                $this->line('        '.OutputFormatter::escape($remedy));
            }

            return $finding->exitCode;
        }

        return 0;
    }
}

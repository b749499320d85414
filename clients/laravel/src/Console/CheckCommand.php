<?php

namespace Parley\Laravel\Console;

use Illuminate\Console\Command;

// php artisan parley:check: is everything set so that broadcasts arrive, and if not, what is the first thing to do?

class CheckCommand extends Command
{
    protected $signature = 'parley:check';

    protected $description = 'Say whether broadcasts reach the Parley server, and what to do if not';

    public function handle(Checks $checks): int
    {
        foreach ($checks->all() as $finding) {
            if ($finding->ok) {
                $this->line("  <info>ok</info>    {$finding->text}");

                continue;
            }
            $this->line("  <error>wrong</error> {$finding->text}");
            foreach ($finding->remedies as $remedy) {
                $this->line("        {$remedy}");
            }

            return $finding->exitCode;
        }

        return 0;
    }
}

<?php

namespace App\Jobs;

use App\Events\MessageSentNow;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Parley\Laravel\Queue\BatchBroadcasts;
use RuntimeException;

// Broadcasts some texts; fails behind the first of them when told so by a file that it then removes.

class Announce implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public $tries = 3;

    private array $texts;

    private bool $together;

    private ?string $failOnce;

    public function __construct(array $texts, bool $together, ?string $failOnce = null)
    {
        $this->texts = $texts;
        $this->together = $together;
        $this->failOnce = $failOnce;
    }

    public function middleware()
    {
        return $this->together ? [new BatchBroadcasts] : [];
    }

    public function handle()
    {
        foreach ($this->texts as $text) {
            event(new MessageSentNow($text));
            if ($this->failOnce !== null && is_file($this->failOnce)) {
                unlink($this->failOnce);
                throw new RuntimeException('as it was told');
            }
        }
    }
}

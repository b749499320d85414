<?php

namespace App\Listeners;

use App\Models\Token;
use Illuminate\Queue\Events\Looping;
use Illuminate\Support\Facades\DB;

/** What has ended is removed by the worker, once an hour: sign-ins, and what the cache remembers (notices of webhooks, wrong passwords). */
class TidyUp
{
    private const EVERY_SECONDS = 3600;

    private int $due = 0;

    public function handle(Looping $looping): void
    {
        if (time() < $this->due) {
            return;
        }
        $this->due = time() + self::EVERY_SECONDS;
        // Not done is done in an hour; a worker must not end of it.
        rescue(function () {
            Token::query()->where('expires_at', '<', now())->delete();
            DB::table('cache')->where('expiration', '<=', time())->delete();
        });
    }
}

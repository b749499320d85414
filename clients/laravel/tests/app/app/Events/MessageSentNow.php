<?php

namespace App\Events;

use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;

class MessageSentNow extends MessageSent implements ShouldBroadcastNow
{
}

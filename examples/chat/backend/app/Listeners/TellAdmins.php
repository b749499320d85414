<?php

namespace App\Listeners;

use App\Events\PeopleChanged;
use App\Events\UserStatusChanged;
use App\Support\Statuses;
use Parley\Laravel\Events\UserStatusChanged as Told;

class TellAdmins
{
    public function status(Told $told): void
    {
        event(new UserStatusChanged((string) $told->userId, $told->status, Statuses::iso($told->lastSeen)));
        $this->people();
    }

    public function people(): void
    {
        event(new PeopleChanged);
    }
}

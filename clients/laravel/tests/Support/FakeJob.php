<?php

namespace Parley\Laravel\Tests\Support;

use Illuminate\Queue\Jobs\Job;

// A job as a worker hands it to listeners: an id that stays over its tries, and what it runs.

final class FakeJob extends Job implements \Illuminate\Contracts\Queue\Job
{
    private string $id;

    private string $command;

    public function __construct(string $id, string $command = 'App\Jobs\Announce')
    {
        $this->id = $id;
        $this->command = $command;
    }

    public function getJobId()
    {
        return $this->id;
    }

    public function getRawBody()
    {
        return json_encode(['uuid' => $this->id, 'data' => ['commandName' => $this->command]]);
    }

    public function attempts()
    {
        return 1;
    }
}

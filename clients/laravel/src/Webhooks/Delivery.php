<?php

namespace Parley\Laravel\Webhooks;

use Illuminate\Contracts\Cache\Repository;
use Illuminate\Contracts\Events\Dispatcher;
use Parley\Laravel\Events\UserStatusChanged;
use Throwable;

// Turns one notice into Laravel events, once: the server sends a notice again when it did not hear that it was taken.
//
// A notice is marked as begun, then as done. One that fails is unmarked and comes again; one whose process died in the
// middle is begun for LEASE seconds, and then comes again too.

final class Delivery
{
    private const LEASE = 60;

    private Repository $cache;

    private Dispatcher $events;

    private NoticeReader $reader;

    private int $rememberSeconds;

    public function __construct(Repository $cache, Dispatcher $events, NoticeReader $reader, int $rememberSeconds)
    {
        $this->cache = $cache;
        $this->events = $events;
        $this->reader = $reader;
        $this->rememberSeconds = $rememberSeconds;
    }

    /** @throws Refusal when another process is at it just now */
    public function deliver(array $notice): void
    {
        $id = is_string($notice['id'] ?? null) ? $notice['id'] : '';
        if ($id === '') {
            $this->dispatch($notice);

            return;
        }
        $key = 'parley:notice:'.hash('sha256', $id);  // whatever an id is, a key it can be
        if (! $this->cache->add($key, 'begun', self::LEASE)) {
            if ($this->cache->get($key) === 'done') {
                return;
            }
            throw new Refusal(503, 'A notice is being handled by another process.', 1);
        }
        try {
            $this->dispatch($notice);
        } catch (Throwable $error) {
            $this->cache->forget($key);
            throw $error;
        }
        $this->cache->put($key, 'done', $this->rememberSeconds);
    }

    private function dispatch(array $notice): void
    {
        $event = $this->reader->read($notice);
        $this->events->dispatch($event);
        if ($change = UserStatusChanged::of($event)) {
            $this->events->dispatch($change);
        }
    }
}

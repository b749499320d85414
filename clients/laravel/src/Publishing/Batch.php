<?php

namespace Parley\Laravel\Publishing;

use Closure;
use Throwable;

// What was published within batch() and waits for its end, of all publishers: an application may broadcast by a connection
// whose settings are not those of the facade. One for the process. All of it is in memory until then.

final class Batch
{
    /** @var list<array{0: Publisher, 1: Publication}>|null null outside of a batch */
    private ?array $waiting = null;

    public function isOpen(): bool
    {
        return $this->waiting !== null;
    }

    public function add(Publisher $publisher, Publication $publication): void
    {
        $this->waiting[] = [$publisher, $publication];
    }

    /**
     * What is published inside is sent at its end, in order. When it throws, nothing of it is: a job that is tried again
     * begins anew. A batch within a batch is sent with the outer one.
     *
     * @param (callable(): bool)|null $wanted asked at the end: false drops what was published inside
     * @return mixed what the closure returns
     */
    public function gather(Closure $inside, ?callable $wanted = null)
    {
        $outermost = $this->waiting === null;
        $this->waiting ??= [];
        $before = count($this->waiting);
        try {
            $result = $inside();
            if ($wanted !== null && ! $wanted()) {
                array_splice($this->waiting, $before);
            }
            $ready = $outermost ? $this->waiting : [];
        } catch (Throwable $error) {
            array_splice($this->waiting, $before);
            throw $error;
        } finally {
            if ($outermost) {
                $this->waiting = null;
            }
        }
        $this->send($ready);

        return $result;
    }

    private function send(array $ready): void
    {
        $publishers = [];
        $publications = [];
        foreach ($ready as [$publisher, $publication]) {
            $id = spl_object_id($publisher);
            $publishers[$id] = $publisher;
            $publications[$id][] = $publication;
        }
        foreach ($publishers as $id => $publisher) {
            $publisher->send($publications[$id]);
        }
    }
}

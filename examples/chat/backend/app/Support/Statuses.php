<?php

namespace App\Support;

use App\Models\User;
use Illuminate\Support\Carbon;
use Parley\Laravel\Facades\Parley;
use Parley\Laravel\ParleyException;

/** How people are, asked of Parley in one call. While it is away nobody is known to be here. */
final class Statuses
{
    private function __construct(private array $users)
    {
    }

    /** @param iterable<User> $people */
    public static function of(iterable $people): self
    {
        $ids = collect($people)->pluck('id')->all();
        try {
            return new self($ids === [] ? [] : Parley::status($ids));
        } catch (ParleyException $away) {
            report($away);

            return new self([]);
        }
    }

    public function for(User $user): array
    {
        $known = $this->users[$user->id] ?? [];

        return ['status' => $known['status'] ?? 'offline', 'last_seen' => self::iso($known['last_seen'] ?? null)];
    }

    public static function iso(?int $milliseconds): ?string
    {
        return $milliseconds === null ? null : Carbon::createFromTimestampMs($milliseconds)->utc()->format('Y-m-d\TH:i:s.v\Z');
    }
}

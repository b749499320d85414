<?php

namespace Parley\Laravel\Facades;

use Illuminate\Support\Facades\Facade;

/**
 * @method static void trigger($channels, string $event, $data = [], ?string $socketId = null, ?string $key = null)
 * @method static void sendToUser($userId, string $event, $data = [])
 * @method static mixed batch(\Closure $inside)
 * @method static array history($channel, int $limit = 100, ?string $after = null, ?string $before = null, $from = null, $to = null, bool $newest = false)
 * @method static ?string position($channel)
 * @method static int deleteHistory($channel)
 * @method static bool deletePublication($channel, string $position)
 * @method static array channels(?string $prefix = null, array $info = [])
 * @method static array channel($channel, array $info = [])
 * @method static array members($channel)
 * @method static int connections()
 * @method static array status(iterable $userIds)
 * @method static array users(?string $status = null, int $limit = 100, ?string $after = null)
 * @method static array domainMembers($domain, int $limit = 100, ?string $after = null)
 * @method static ?array user($userId)
 * @method static array sessions($userId)
 * @method static ?int kick($userId, $channel, $until = null)
 * @method static int ban($userId, $until, ?string $reason = null)
 * @method static void unban($userId)
 * @method static void disconnect($userId, bool $revokeTokens = false)
 * @method static void forget($userId)
 * @method static string token($user, ?array $domains = null, $admin = null, array $channels = [], $info = null, array $watchlist = [], ?int $lifetime = null)
 * @method static void tokenUsing(\Closure $claims)
 * @method static string tokenFor($user)
 * @method static void routes(?array $attributes = null)
 * @method static \Parley\Laravel\Http\Client client()
 *
 * @see \Parley\Laravel\Parley
 */
class Parley extends Facade
{
    protected static function getFacadeAccessor()
    {
        return \Parley\Laravel\Parley::class;
    }
}

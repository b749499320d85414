<?php

namespace Parley\Laravel;

use Closure;
use DateInterval;
use DateTimeInterface;
use Parley\Laravel\Broadcasting\AuthRoutes;
use Parley\Laravel\Http\Client;
use Parley\Laravel\Publishing\IdempotencyKeys;
use Parley\Laravel\Publishing\Publication;
use Parley\Laravel\Publishing\Publisher;
use Parley\Laravel\Tokens\ConnectionToken;
use Parley\Laravel\Tokens\TokenClaims;

// What the facade offers: the server's HTTP API (docs/http-api.md) in Laravel's words. Channels are given by their whole
// names, "private-domain.7", or as Laravel's objects, `new PrivateChannel('domain.7')`. Times are Unix milliseconds.

class Parley
{
    /** `limits.users_per_call_max` of the server. */
    private const USERS_PER_CALL_MAX = 1000;

    private Client $client;

    private Publisher $publisher;

    private IdempotencyKeys $keys;

    private TokenClaims $tokenClaims;

    public function __construct(Client $client, Publisher $publisher, IdempotencyKeys $keys, TokenClaims $tokenClaims)
    {
        $this->client = $client;
        $this->publisher = $publisher;
        $this->keys = $keys;
        $this->tokenClaims = $tokenClaims;
    }

    // --- Publishing ---

    /**
     * Publishes without an event class.
     *
     * @param mixed $channels one or several
     * @param string|null $socketId the connection that is left out
     * @param string|null $key an idempotency key of your own: repeated within ten minutes this event happens once on a channel
     */
    public function trigger($channels, string $event, $data = [], ?string $socketId = null, ?string $key = null): void
    {
        $names = array_map([self::class, 'channelName'], is_array($channels) ? array_values($channels) : [$channels]);
        $json = Client::encode($data, "The data of {$event}");
        if ($key === '') {
            throw new ParleyException('The idempotency key is empty.', 'bad_argument', 0, 'Leave it out, or name what happens once.');
        }
        // The server knows a key for a channel; one order may be both `placed` and `paid` there.
        $key = $key === null ? $this->keys->next($names, $event, $json) : hash('sha256', "{$event}\n{$key}");
        // As in broadcast(): a page that is not connected yet has nobody to leave out.
        $socketId = SocketId::isOne($socketId) ? $socketId : null;
        $this->publisher->publish(new Publication($names, $event, $json, $socketId, $key));
    }

    /** To each connection that is signed in as this user (`pusher.user.bind` in the page). */
    public function sendToUser($userId, string $event, $data = []): void
    {
        $this->trigger('#server-to-user-'.self::id($userId), $event, $data);
    }

    /**
     * What is broadcast inside, at once (ShouldBroadcastNow), is sent together at the end; when it throws, nothing is. It
     * waits in memory: import a million rows in several batches.
     */
    public function batch(Closure $inside)
    {
        return $this->publisher->batch()->gather($inside);
    }

    // --- History ---

    /**
     * A page of what was said, oldest first; with `before` or `newest` newest first.
     *
     * @param string|null $after a position: what came after it
     * @param string|null $before a position: what came before it
     * @param int|DateTimeInterface|null $from Unix milliseconds
     * @param int|DateTimeInterface|null $to
     * @return array{channel: string, epoch: ?string, newest: int, oldest: int, publications: array, more: bool, gap: bool, next: ?string}
     */
    public function history(
        $channel,
        int $limit = 100,
        ?string $after = null,
        ?string $before = null,
        $from = null,
        $to = null,
        bool $newest = false
    ): array {
        if ($after !== null && $before !== null) {
            throw new ParleyException('Give `after` or `before`, not both.', 'bad_argument');
        }

        return $this->client->get(self::channelPath($channel).'/history', self::given([
            'limit' => $limit,
            'since' => $after ?? $before,
            'from' => self::milliseconds($from),
            'to' => self::milliseconds($to),
            'direction' => $before !== null || $newest ? 'backward' : 'forward',
        ]));
    }

    /**
     * Where the channel is, `epoch:offset`: a page that is given this, and data read after it, subscribes with it and
     * misses nothing. Null for a channel that keeps no history.
     */
    public function position($channel): ?string
    {
        $page = $this->history($channel, 1, null, null, null, null, true);
        if ($page['epoch'] !== null) {
            return $page['epoch'].':'.$page['newest'];
        }

        // Nothing was said yet. The first would get offset 1 here; where there is no history it gets none.
        return $page['oldest'] === 1 ? '0000000000000000:0' : null;
    }

    /** @return int how many publications were deleted */
    public function deleteHistory($channel): int
    {
        return (int) $this->client->delete(self::channelPath($channel).'/history')['deleted'];
    }

    /** @return bool whether there was one at this position */
    public function deletePublication($channel, string $position): bool
    {
        $path = self::channelPath($channel).'/history/'.self::segment($position);

        return $this->foundOr(false, fn () => $this->client->delete($path)['deleted'] > 0);
    }

    // --- Channels ---

    /** The occupied channels by name. `info`: `user_count` (with a presence prefix), `subscription_count`. */
    public function channels(?string $prefix = null, array $info = []): array
    {
        return $this->client->get('channels', self::given([
            'filter_by_prefix' => $prefix,
            'info' => implode(',', $info) ?: null,
        ]))['channels'];
    }

    public function channel($channel, array $info = []): array
    {
        return $this->client->get(self::channelPath($channel), $info === [] ? [] : ['info' => implode(',', $info)]);
    }

    /** The ids of who is in a presence channel. */
    public function members($channel): array
    {
        return array_column($this->client->get(self::channelPath($channel).'/users')['users'], 'id');
    }

    /** How many connections the application has. */
    public function connections(): int
    {
        return (int) $this->client->get('connections')['connections'];
    }

    // --- Users ---

    /**
     * By id: `status` (online, away or offline), `since`, `last_seen` (null: never here), `domains`. Any number of users.
     *
     * @param iterable $userIds
     */
    public function status(iterable $userIds): array
    {
        $ids = [];
        foreach ($userIds as $id) {
            $ids[] = self::id($id);
        }
        $users = [];
        foreach (array_chunk(array_values(array_unique($ids)), self::USERS_PER_CALL_MAX) as $some) {
            $users += $this->client->post('users/status', ['ids' => $some])['users'];
        }

        return $users;
    }

    /** A page of users: `users`, and `next`, which as `after` gives the next page until it is null. */
    public function users(?string $status = null, int $limit = 100, ?string $after = null): array
    {
        return $this->client->get('users', self::given(['status' => $status, 'limit' => $limit, 'after' => $after]));
    }

    /** A page of who belongs to a domain, online or not. */
    public function domainMembers($domain, int $limit = 100, ?string $after = null): array
    {
        $path = 'domains/'.self::segment((string) $domain).'/members';

        return $this->client->get($path, self::given(['limit' => $limit, 'after' => $after]));
    }

    /** The record of a user, or null for one who was never here. */
    public function user($userId): ?array
    {
        return $this->foundOr(null, fn () => $this->client->get(self::userPath($userId)));
    }

    /** The connections of a user, with the presence channels that each is in. */
    public function sessions($userId): array
    {
        return $this->client->get(self::userPath($userId).'/sessions')['sessions'];
    }

    /**
     * Takes a user off a channel. Without `$until` the user may come back at once.
     *
     * @param int|DateInterval|DateTimeInterface|null $until seconds, an interval, or a moment
     * @return int|null until when
     */
    public function kick($userId, $channel, $until = null): ?int
    {
        $body = ['channel' => self::channelName($channel)] + self::until($until);

        return $this->client->post(self::userPath($userId).'/kick', $body)['until'];
    }

    /**
     * Ends all connections of a user and refuses new ones until then.
     *
     * @param int|DateInterval|DateTimeInterface $until seconds, an interval, or a moment
     * @return int until when
     */
    public function ban($userId, $until, ?string $reason = null): int
    {
        return $this->client->post(self::userPath($userId).'/ban', self::until($until) + self::given(['reason' => $reason]))['until'];
    }

    public function unban($userId): void
    {
        $this->client->delete(self::userPath($userId).'/ban');
    }

    /** Ends all connections of a user, who may sign in again; with `revokeTokens` not with a token made until now. */
    public function disconnect($userId, bool $revokeTokens = false): void
    {
        $this->client->post(self::userPath($userId).'/terminate_connections', $revokeTokens ? ['revoke_tokens' => true] : []);
    }

    /** For one who left for good: record, last seen and places in domains are removed, connections ended. */
    public function forget($userId): void
    {
        $this->client->delete(self::userPath($userId));
    }

    // --- Tokens and routes ---

    /**
     * A connection token: who connects and what this user may join, without a call for each channel.
     *
     * @param mixed $user a user, or an id
     * @param array|null $domains ids: may join `domain.{id}`, and belongs to them; null: what is known stays
     * @param array|bool|null $admin ids: may join `admin.{id}`; true: every one
     * @param list<string> $channels patterns, as `orders.*`
     * @param mixed $info what others see of the user
     * @param list<int|string> $watchlist users whose coming and going is told
     */
    public function token(
        $user,
        ?array $domains = null,
        $admin = null,
        array $channels = [],
        $info = null,
        array $watchlist = [],
        ?int $lifetime = null
    ): string {
        $settings = $this->client->settings();
        $now = time();

        return ConnectionToken::encode(self::given([
            'sub' => UserId::of($user),
            'iat' => $now,
            'exp' => $now + ($lifetime ?? $settings->tokenLifetime),
            'info' => $info,
            'domains' => $domains === null ? null : array_values(array_map('strval', $domains)),
            'admin' => is_array($admin) ? array_values(array_map('strval', $admin)) : ($admin ?: null),
            'channels' => $channels === [] ? null : array_values($channels),
            'watchlist' => $watchlist === [] ? null : array_values(array_map('strval', $watchlist)),
        ]), $settings->tokenSecret);
    }

    /**
     * What `GET /broadcasting/token` puts into the token of the visitor: the arguments of token() by name.
     *
     *     Parley::tokenUsing(fn ($user) => ['domains' => $user->domains->modelKeys()]);
     */
    public function tokenUsing(Closure $claims): void
    {
        $this->tokenClaims->using($claims);
    }

    /** The token that tokenUsing() describes. */
    public function tokenFor($user): string
    {
        return $this->token($user, ...$this->tokenClaims->of($user));
    }

    /** `/broadcasting/auth`, `/broadcasting/user-auth` and `/broadcasting/token`. */
    public function routes(?array $attributes = null): void
    {
        AuthRoutes::register($attributes ?? ['middleware' => ['web']]);
    }

    /** For calls that are not here. */
    public function client(): Client
    {
        return $this->client;
    }

    private static function channelPath($channel): string
    {
        return 'channels/'.self::segment(self::channelName($channel));
    }

    private static function channelName($channel): string
    {
        if ((string) $channel === '') {
            throw new ParleyException('The name of a channel is empty.', 'bad_argument');
        }

        return (string) $channel;
    }

    // `.` and `..` are names here, and steps through folders to everything between here and the server.
    private static function segment(string $name): string
    {
        return $name === '.' || $name === '..' ? str_replace('.', '%2E', $name) : rawurlencode($name);
    }

    private static function userPath($userId): string
    {
        $id = self::segment(self::id($userId));

        return 'users/'.($id === 'status' ? '%73tatus' : $id);  // `users/status` is a path of its own
    }

    private static function id($user): string
    {
        $user = UserId::of($user);
        if (! is_int($user) && ! is_string($user) && ! is_float($user) || $user === '') {
            throw new ParleyException('The id of a user is empty, or neither text nor a number.', 'bad_argument');
        }

        return (string) $user;
    }

    private static function until($until): array
    {
        if ($until === null) {
            return [];
        }
        if ($until instanceof DateInterval) {
            $until = (new \DateTimeImmutable)->add($until);
        }

        if ($until instanceof DateTimeInterface) {
            return ['until' => self::milliseconds($until)];
        }
        if (! is_numeric($until)) {
            throw new ParleyException('Until when is seconds, a DateInterval or a DateTimeInterface.', 'bad_argument');
        }

        return ['for_seconds' => (int) $until];
    }

    private static function milliseconds($time): ?int
    {
        if ($time instanceof DateTimeInterface) {
            return (int) $time->format('Uv');
        }

        if ($time !== null && ! is_numeric($time)) {
            throw new ParleyException('A time is Unix milliseconds or a DateTimeInterface.', 'bad_argument');
        }

        return $time === null ? null : (int) $time;
    }

    // What was given: the server takes no nulls.
    private static function given(array $arguments): array
    {
        return array_filter($arguments, fn ($value) => $value !== null);
    }

    private function foundOr($otherwise, Closure $call)
    {
        try {
            return $call();
        } catch (ParleyException $error) {
            if ($error->error() === 'not_found') {
                return $otherwise;
            }
            throw $error;
        }
    }
}

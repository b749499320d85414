<?php

namespace Parley\Laravel\Tests\Unit;

use Illuminate\Cache\ArrayStore;
use Illuminate\Cache\Repository;
use Illuminate\Events\Dispatcher;
use Parley\Laravel\Events;
use Parley\Laravel\Webhooks\Delivery;
use Parley\Laravel\Webhooks\NoticeReader;
use Parley\Laravel\Webhooks\Refusal;
use PHPUnit\Framework\TestCase;
use RuntimeException;

final class DeliveryTest extends TestCase
{
    private Dispatcher $events;

    private Delivery $delivery;

    /** @var list<object> */
    private array $heard = [];

    protected function setUp(): void
    {
        $this->events = new Dispatcher;
        $this->delivery = new Delivery(new Repository(new ArrayStore), $this->events, new NoticeReader, 3600);
        $this->events->listen(Events\Notice::class, function ($event) {
            $this->heard[] = $event;
        });
    }

    private static function notice(array $more = []): array
    {
        return $more + ['name' => 'user_online', 'id' => 'a0', 'user_id' => 42, 'domains' => ['7'], 'time_ms' => 1_760_000_000_123];
    }

    public function test_a_notice_that_comes_twice_is_dispatched_once(): void
    {
        $this->delivery->deliver(self::notice());
        $this->delivery->deliver(self::notice());
        $this->assertCount(1, $this->heard);
        $this->delivery->deliver(self::notice(['id' => 'a1']));
        $this->assertCount(2, $this->heard);
    }

    public function test_one_without_an_id_is_dispatched_each_time(): void
    {
        $this->delivery->deliver(self::notice(['id' => null]));
        $this->delivery->deliver(self::notice(['id' => null]));
        $this->assertCount(2, $this->heard);
    }

    public function test_one_whose_listener_fails_comes_again(): void
    {
        $fail = true;
        $this->events->listen(Events\UserOnline::class, function () use (&$fail) {
            if ($fail) {
                throw new RuntimeException('the database is away');
            }
        });
        try {
            $this->delivery->deliver(self::notice());
            $this->fail('the failure was kept from the server');
        } catch (RuntimeException $error) {
            $this->assertSame('the database is away', $error->getMessage());
        }
        $fail = false;
        $this->assertSame([], $this->heard);
        $this->delivery->deliver(self::notice());
        $this->assertCount(1, $this->heard);
    }

    public function test_one_that_is_being_handled_is_put_off(): void
    {
        $status = null;
        $this->events->listen(Events\UserOnline::class, function () use (&$status) {
            try {
                $this->delivery->deliver(self::notice());  // as the second delivery, in another process
            } catch (Refusal $refusal) {
                $status = [$refusal->getCode(), $refusal->headers()];
            }
        });
        $this->delivery->deliver(self::notice());
        $this->assertSame([503, ['Retry-After' => '1']], $status);
        $this->assertCount(1, $this->heard);
    }

    /** @dataProvider kinds */
    public function test_each_notice_is_its_event(array $notice, string $class, array $fields): void
    {
        $this->delivery->deliver($notice + ['id' => 'x', 'time_ms' => 5]);
        $this->assertInstanceOf($class, $this->heard[0]);
        $this->assertSame([$notice['name'] ?? '', 'x', 5], [$this->heard[0]->name(), $this->heard[0]->id(), $this->heard[0]->timeMs()]);
        foreach ($fields as $name => $value) {
            $this->assertSame($value, $this->heard[0]->$name);
        }
    }

    public function kinds(): array
    {
        $channel = ['channel' => 'presence-domain.7'];
        $member = $channel + ['user_id' => 42];
        $user = ['user_id' => 'ada', 'domains' => ['7']];

        return [
            [['name' => 'channel_occupied'] + $channel, Events\ChannelOccupied::class, $channel],
            [['name' => 'channel_vacated'] + $channel, Events\ChannelVacated::class, $channel],
            [['name' => 'cache_miss'] + $channel, Events\CacheMiss::class, $channel],
            [['name' => 'member_added'] + $member, Events\MemberAdded::class, $channel + ['userId' => 42]],
            [['name' => 'member_removed'] + $member, Events\MemberRemoved::class, $channel + ['userId' => 42]],
            [['name' => 'subscription_count', 'subscription_count' => 3] + $channel, Events\SubscriptionCount::class, $channel + ['count' => 3]],
            [['name' => 'client_event', 'event' => 'client-typing', 'data' => '{"on":true}', 'socket_id' => '1.2'] + $member, Events\ClientEvent::class,
                $channel + ['event' => 'client-typing', 'data' => '{"on":true}', 'socketId' => '1.2', 'userId' => 42]],
            [['name' => 'client_event', 'event' => 'client-typing'] + $channel, Events\ClientEvent::class, ['data' => null, 'userId' => null]],
            [['name' => 'user_online'] + $user, Events\UserOnline::class, ['userId' => 'ada', 'domains' => ['7']]],
            [['name' => 'user_away'] + $user, Events\UserAway::class, ['userId' => 'ada', 'domains' => ['7']]],
            [['name' => 'user_offline', 'last_seen' => 4] + $user, Events\UserOffline::class, ['userId' => 'ada', 'lastSeen' => 4, 'domains' => ['7']]],
            [['name' => 'user_connected', 'socket_id' => '1.2'] + $user, Events\UserConnected::class, ['userId' => 'ada', 'socketId' => '1.2']],
            [['name' => 'user_disconnected', 'socket_id' => '1.2'] + $user, Events\UserDisconnected::class, ['userId' => 'ada', 'socketId' => '1.2']],
            [['name' => 'moon_landed', 'where' => 'there'], Events\OtherNotice::class, []],
            [['where' => 'there'], Events\OtherNotice::class, []],
            [['name' => 'user_online'], Events\UserOnline::class, ['userId' => null, 'domains' => []]],
        ];
    }

    public function test_an_unknown_notice_can_be_read(): void
    {
        $this->delivery->deliver($notice = ['name' => 'moon_landed', 'id' => 'x', 'where' => 'there']);
        $this->assertSame($notice, $this->heard[0]->all());
    }

    public function test_changes_of_status_are_also_one_event(): void
    {
        $changes = [];
        $this->events->listen(Events\UserStatusChanged::class, function ($change) use (&$changes) {
            $changes[] = [$change->userId, $change->status, $change->lastSeen, $change->domains];
        });
        $this->delivery->deliver(self::notice());
        $this->delivery->deliver(self::notice(['id' => '2', 'name' => 'user_away', 'time_ms' => 7]));
        $this->delivery->deliver(self::notice(['id' => '3', 'name' => 'user_offline', 'last_seen' => 8, 'time_ms' => 9]));
        $this->delivery->deliver(self::notice(['id' => '4', 'name' => 'user_connected']));
        $this->assertSame([[42, 'online', 1_760_000_000_123, ['7']], [42, 'away', 7, ['7']], [42, 'offline', 8, ['7']]], $changes);
    }
}

<?php

namespace Parley\Laravel\Webhooks;

use Parley\Laravel\Events;

// The Laravel event of each notice. One that is not known, of a newer server, is an OtherNotice and never an error.

final class NoticeReader
{
    private const EVENTS = [
        'channel_occupied' => Events\ChannelOccupied::class,
        'channel_vacated' => Events\ChannelVacated::class,
        'cache_miss' => Events\CacheMiss::class,
        'member_added' => Events\MemberAdded::class,
        'member_removed' => Events\MemberRemoved::class,
        'client_event' => Events\ClientEvent::class,
        'subscription_count' => Events\SubscriptionCount::class,
        'user_online' => Events\UserOnline::class,
        'user_away' => Events\UserAway::class,
        'user_offline' => Events\UserOffline::class,
        'user_connected' => Events\UserConnected::class,
        'user_disconnected' => Events\UserDisconnected::class,
    ];

    public function read(array $notice): Events\Notice
    {
        $name = is_string($notice['name'] ?? null) ? $notice['name'] : '';
        $class = self::EVENTS[$name] ?? Events\OtherNotice::class;

        return new $class($notice);
    }
}

#include "actors/channel/channel_actor.h"

namespace parley::actors {

ChannelActor::ChannelActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, ChannelKey key,
                           std::shared_ptr<ActorStats> stats)
    : event_based_actor(config),
      context_(std::move(context)),
      stats_(std::move(stats)),
      key_(key),
      idle_time_(context_->settings.current()->limits.channel_idle),
      channel_(std::move(key), context_->settings.current(), context_->channel_metrics, *this) {
  const auto shard = shard_of(key_, context_->shards->count());
  shard_ = context_->shard_actors.at(shard.value);
  shard_stats_ = context_->shard_stats.at(shard.value);
  context_->metrics.channels.add(1);
}

ChannelActor::~ChannelActor() { context_->metrics.channels.add(-1); }

caf::behavior ChannelActor::make_behavior() {
  set_exception_handler([this](std::exception_ptr& failure) { return context_->failed_by(*stats_, failure); });
  schedule();
  return {
      [this](ToChannel& message) {
        context_->taken_out(*stats_, message.credit);
        ++handled_;
        channel_.handle(std::move(message.request), now(), wall());
        schedule();
      },
      [this](Applied& message) {
        for (auto& [token, effect] : message.effects) channel_.applied(token, effect, now());
        schedule();
      },
      [this](NotApplied& message) {
        for (const auto token : message.tokens) channel_.refused(token, message.error, now());
        schedule();
      },
      [this](Opened& message) {
        channel_.opened(std::move(message.state), now(), wall());
        schedule();
      },
      [this](HistoryRead& message) {
        channel_.history_read(message.read, std::move(message.page), now(), wall());
        schedule();
      },
      [this](Reserved& message) {
        channel_.reserved(message.read, std::move(message.held), now(), wall());
        schedule();
      },
      [this](CursorRead& message) {
        channel_.cursor_read(message.read, std::move(message.offset), now(), wall());
        schedule();
      },
      [this](const Describe& message) {
        send(context_->router, ChannelDescribed{message.list, channel_.describe(wall())});
      },
      [this](Tick) {
        tick_.came();
        context_->metrics.actor_ticks.add();
        channel_.tick(now(), wall());
        // Who asks is put to sleep, or a request is on its way that schedules anew: a tick would only keep the
        // memory of who sleeps until it comes.
        if (!asks_for_sleep()) schedule();
      },
      [this](const Reconfigured& message) {
        idle_time_ = message.settings->limits.channel_idle;
        channel_.configure(message.settings);
        schedule();
      },
      [this](Attend) {
        channel_.attend();
        schedule();
      },
      [this](const NodeGone& message) {
        channel_.node_gone(message.node, now());
        schedule();
      },
      [this](const Deposed& message) {
        channel_.depose(message.why, now(), wall());
        quit();
      },
      [this](Sleep) {
        context_->metrics.passivations.add();
        quit();
      },
  };
}

bool ChannelActor::asks_for_sleep() {
  if (!channel_.idle(wall())) {
    idle_since_.reset();
    return false;
  }
  if (!idle_since_) idle_since_ = now();
  if (*idle_since_ + idle_time_ > now()) return false;
  send(context_->router, ChannelIdle{key_, handled_});
  idle_since_.reset();
  return true;
}

void ChannelActor::schedule() {
  // A channel looks after itself at least once in its idle time: that is how it falls asleep. The time of its sleep
  // counts from when nothing is left to do, not from the tick that notices it.
  const auto time = now();
  if (!channel_.idle(wall())) {
    idle_since_.reset();
  } else if (!idle_since_) {
    idle_since_ = time;
  }
  auto at = idle_since_.value_or(time) + idle_time_;
  if (const auto due = channel_.deadline(); due && *due < at) at = *due;
  if (const auto wait = tick_.wish(at, time)) delayed_send(this, *wait, Tick{});
}

void ChannelActor::reply(Reply reply) { context_->reply(std::move(reply)); }

void ChannelActor::tell(const SessionAddress& hub, const ChannelEventPtr& event) { context_->tell(hub, event); }

void ChannelActor::tell(const NodeAddress& node, std::vector<HubId> hubs, const ChannelEventPtr& event) {
  context_->tell(node, std::move(hubs), event);
}

void ChannelActor::propose(Command command, CommandToken token, WaitForDisk wait) {
  context_->came_in(*shard_stats_);
  send(shard_, Propose{caf::actor(this), token, std::move(command), wait});
}

void ChannelActor::open() {
  context_->shards->open_channel(key_, [self = caf::actor(this)](Result<cluster::ChannelState> state) {
    if (!state) return caf::anon_send(self, Opened{state.error()});
    caf::anon_send(self, Opened{DurableState{state->newest, state->oldest, state->cached, std::move(state->told)}});
  });
}

Status ChannelActor::may_join(const std::string& user_id) {
  return context_->revocations.check_channel({std::string(key_.app()), user_id}, key_.name(), wall());
}

void ChannelActor::read_history(GetHistory query, std::uint64_t read) {
  context_->shards->read_history(std::move(query), [self = caf::actor(this), read](Result<HistoryPage> page) {
    caf::anon_send(self, HistoryRead{read, std::move(page)});
  });
}

Result<std::shared_ptr<const void>> ChannelActor::reserve(Origin origin, std::size_t bytes, std::uint64_t read) {
  const auto bytes_max = context_->settings.current()->limits.catch_up_bytes_max;
  auto taken =
      context_->catch_up->take(origin, bytes, bytes_max, [self = caf::actor(this), read](ByteBudget::Hold held) {
        caf::anon_send(self, Reserved{read, std::move(held)});
      });
  if (taken.refused) return make_error(Errc::overloaded, "too many subscribers catch up");
  return std::move(taken.hold);
}

void ChannelActor::read_cursor(const std::string& client_id, std::uint64_t read) {
  context_->shards->read_cursor(key_, client_id, [self = caf::actor(this), read](Result<CursorFound> offset) {
    caf::anon_send(self, CursorRead{read, std::move(offset)});
  });
}

}  // namespace parley::actors

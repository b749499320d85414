#include "actors/people/user_actor.h"

#include "core/revocations.h"

#include <fmt/format.h>

namespace parley::actors {
namespace {

// A user who left is forgotten after this; whoever asks later reads the record.
constexpr auto kIdleTime = seconds(10);

}  // namespace

UserActor::UserActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, UserKey key,
                     std::shared_ptr<ActorStats> stats)
    : event_based_actor(config),
      context_(std::move(context)),
      stats_(std::move(stats)),
      key_(key),
      user_(std::move(key), context_->settings.current(), context_->user_metrics, *this) {}

caf::behavior UserActor::make_behavior() {
  set_exception_handler([this](std::exception_ptr& failure) { return context_->failed_by(*stats_, failure); });
  schedule();
  const auto now = [this] { return context_->clock.now(); };
  const auto wall = [this] { return context_->clock.wall(); };
  return {
      [this, now, wall](ToUser& message) {
        context_->taken_out(*stats_, message.credit);
        ++handled_;
        user_.handle(std::move(message.request), now(), wall());
        schedule();
      },
      [this](Attend) {
        user_.attend();
        schedule();
      },
      [this, now, wall](UserOpened& message) {
        const auto shard = shard_of(user_place(key_), context_->shards->count());
        user_.opened(std::move(message.about), WallTime{context_->alive_before[shard.value]}, now(), wall());
        schedule();
      },
      [this, now, wall](const Applied& message) {
        for (const auto& [token, effect] : message.effects) user_.applied(token, now(), wall());
        schedule();
      },
      [this, now, wall](const NotApplied& message) {
        for (const auto token : message.tokens) user_.refused(token, message.error, now(), wall());
        schedule();
      },
      [this, now, wall](Tick) {
        tick_.came();
        context_->metrics.actor_ticks.add();
        user_.tick(now(), wall());
        if (!asks_for_sleep()) schedule();  // who asks is put to sleep, or a request is on its way
      },
      [this, now, wall](const NodeGone& message) {
        user_.node_gone(message.node, now(), wall());
        schedule();
      },
      [this](const Reconfigured& message) { user_.configure(message.settings); },
      [this](const Deposed& message) {
        user_.depose(message.why);
        quit();
      },
      [this](Sleep) { quit(); },
  };
}

bool UserActor::asks_for_sleep() {
  if (!user_.idle()) {
    idle_since_.reset();
    return false;
  }
  const auto now = context_->clock.now();
  if (!idle_since_) idle_since_ = now;
  if (*idle_since_ + kIdleTime > now) return false;
  send(context_->router, UserIdle{key_, handled_});
  idle_since_.reset();
  return true;
}

void UserActor::schedule() {
  const auto now = context_->clock.now();
  auto due = user_.deadline();
  // Who is here needs no looking after; who left shall fall asleep.
  if (user_.session_count() == 0 && (!due || now + kIdleTime < *due)) due = now + kIdleTime;
  if (const auto wait = tick_.wish(due, now)) delayed_send(this, *wait, Tick{});
}

void UserActor::reply(Reply reply) { context_->reply(std::move(reply)); }

void UserActor::publish(Publish publish) {
  publish.accepted = context_->clock.now();
  context_->submit({.from = {}, .what = std::move(publish)});
}

void UserActor::propose(Command command, CommandToken token) {
  const auto shard = shard_of(command.channel, context_->shards->count());
  context_->came_in(*context_->shard_stats[shard.value]);
  send(context_->shard_actors[shard.value], Propose{caf::actor(this), token, std::move(command), WaitForDisk::yes});
}

void UserActor::open() {
  context_->shards->read_users({key_}, [self = caf::actor(this)](Result<std::vector<UserAbout>> found) {
    if (!found) return caf::anon_send(self, UserOpened{found.error()});
    caf::anon_send(self, UserOpened{std::move(found->front())});
  });
}

void UserActor::block(const UserBlocks& blocks) { context_->revocations.set(key_, blocks); }

std::string UserActor::notice_id() { return context_->notice_id(); }

}  // namespace parley::actors

#include "actors/shard_actor.h"

#include "actors/refusal.h"
#include "actors/session_command.h"
#include "core/check.h"

namespace parley::actors {
namespace {

// One entry on its way to the disk, one being gathered: more only delays the gathering.
constexpr std::size_t kEntriesInFlight = 1;

std::size_t weight(const Command& command) {
  constexpr std::size_t overhead = 128;
  const auto* append = std::get_if<AppendPublication>(&command.what);
  if (append != nullptr) return overhead + append->data.size() + append->event.size();
  const auto weigh = [](const std::vector<Notice>& notices) {
    auto bytes = overhead;
    for (const auto& notice : notices) bytes += overhead + notice.data.size();
    return bytes;
  };
  if (const auto* user = std::get_if<SaveUser>(&command.what)) return weigh(user->notices);
  if (const auto* session = std::get_if<SaveSession>(&command.what)) return overhead + session->record.size();
  if (const auto* channel = std::get_if<SaveNotices>(&command.what)) return weigh(channel->notices);
  return overhead;
}

}  // namespace

ShardActor::ShardActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, ShardId shard,
                       std::shared_ptr<ActorStats> stats)
    : event_based_actor(config),
      context_(std::move(context)),
      shard_(shard),
      stats_(std::move(stats)),
      settings_(context_->settings.current()) {}

caf::behavior ShardActor::make_behavior() {
  return {
      [this](Propose& message) {
        context_->taken_out(*stats_);
        take({{std::move(message.origin), message.token, nullptr}, std::move(message.command), message.wait});
      },
      [this](ToShard& message) {
        context_->taken_out(*stats_, message.credit);
        take(std::move(message.request));
      },
      [this](const Leading&) { leading_ = true; },
      [this](const Following& message) {
        leading_ = false;
        leader_ = message.leader ? std::optional(message.leader->node) : std::nullopt;
        // What is in flight is refused by the log, which alone knows.
        for (const auto& waiting : std::exchange(waiting_, {})) refuse(waiting.origin, not_leader(leader_));
      },
      [this](Gathered) {
        gathering_ = false;
        propose_waiting();
      },
      [this](EntryApplied& message) { applied(message); },
      [this](const Reconfigured& message) { settings_ = message.settings; },
      [this](const EntryRefused& message) {
        const auto place = in_flight_.find(message.entry);
        if (place == in_flight_.end()) return;
        const auto origins = std::move(place->second);
        in_flight_.erase(place);
        context_->failed(*stats_, message.error.message);
        for (const auto& origin : origins) refuse(origin, message.error);
        propose_waiting();
      },
  };
}

// Who proposed holds our handle, and we theirs.
void ShardActor::on_exit() {
  waiting_.clear();
  in_flight_.clear();
}

void ShardActor::take(Request&& request) {
  auto command = session_command(request, context_->clock.wall(), *settings_);
  if (!command) return context_->refuse(request, command.error());
  const auto wait = session_waits_for_disk(request) ? WaitForDisk::yes : WaitForDisk::no;
  take({{{}, 0, std::make_unique<Request>(std::move(request))}, std::move(*command), wait});
}

void ShardActor::take(Waiting waiting) {
  const auto& asked = waiting.origin.asked;
  const bool refusable = asked == nullptr || may_be_refused(*asked);
  if (!leading_) return refuse(waiting.origin, not_leader(leader_));
  if (waiting_.size() >= settings_->limits.shard_pending_commands_max && refusable) {
    return refuse(waiting.origin, make_error(Errc::overloaded));
  }
  waiting_.push_back(std::move(waiting));
  // Not at once: others that stand in the mailbox already shall share the entry.
  if (gathering_ || in_flight_.size() >= kEntriesInFlight) return;
  gathering_ = true;
  send(this, Gathered{});
}

void ShardActor::propose_waiting() {
  if (waiting_.empty() || in_flight_.size() >= kEntriesInFlight) return;
  const auto bytes_max = settings_->limits.shard_entry_bytes_max;
  std::vector<Command> commands;
  std::vector<Origin> origins;
  auto sync = storage::Sync::no;
  for (std::size_t bytes = 0; !waiting_.empty() && (commands.empty() || bytes < bytes_max);) {
    auto& next = waiting_.front();
    bytes += weight(next.command);
    if (next.wait == WaitForDisk::yes) sync = storage::Sync::yes;
    origins.push_back(std::move(next.origin));
    commands.push_back(std::move(next.command));
    waiting_.pop_front();
  }
  const auto entry = next_entry_++;
  in_flight_.emplace(entry, std::move(origins));
  context_->shards->propose(shard_, entry, std::move(commands), sync);
}

void ShardActor::applied(EntryApplied& message) {
  const auto place = in_flight_.find(message.entry);
  if (place == in_flight_.end()) {
    // Not one of ours. Of a shard that is led elsewhere it is the leader's to tell.
    if (!leading_) return;
    // Else found in the log after the disk failed. The channels that are awake must tell it.
    for (auto& effect : message.effects) {
      forward_notices(effect);
      if (std::holds_alternative<Effect::Appended>(effect.what)) send(context_->router, Untold{std::move(effect)});
    }
    return;
  }
  const auto origins = std::move(place->second);
  in_flight_.erase(place);
  propose_waiting();  // first: the disk should not wait for our telling
  CHECK(origins.size() == message.effects.size());
  // One message for each channel of the entry, effects in order.
  std::vector<std::pair<caf::actor, Applied>> parcels;
  std::unordered_map<caf::actor_id, std::size_t> by_channel;
  for (std::size_t i = 0; i < origins.size(); ++i) {
    forward_notices(message.effects[i]);
    if (origins[i].asked != nullptr) {
      auto answer = session_answer(*origins[i].asked, std::move(message.effects[i]));
      if (answer) context_->reply(std::move(*answer));
      continue;
    }
    const auto [row, added] = by_channel.try_emplace(origins[i].channel.id(), parcels.size());
    if (added) parcels.emplace_back(origins[i].channel, Applied{});
    parcels[row->second].second.effects.emplace_back(origins[i].token, std::move(message.effects[i]));
  }
  for (auto& [channel, parcel] : parcels) send(channel, std::move(parcel));
}

// Notices that wait now are the webhook actor's to deliver; who proposed them need not know more.
void ShardActor::forward_notices(Effect& effect) {
  auto* noted = std::get_if<Effect::Noted>(&effect.what);
  if (noted != nullptr) send(context_->webhooks, NoticesStored{shard_, std::move(noted->rows), std::move(noted->died)});
}

void ShardActor::refuse(const Origin& origin, const Error& error) {
  if (origin.asked != nullptr) return context_->refuse(*origin.asked, error);
  send(origin.channel, NotApplied{{origin.token}, error});
}

}  // namespace parley::actors

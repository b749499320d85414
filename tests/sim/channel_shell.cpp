#include "tests/sim/channel_shell.h"

#include <fmt/format.h>

namespace parley::sim {

ChannelShell::ChannelShell(Node& node, ChannelKey key)
    : node_(node),
      key_(key),
      shard_(shard_of(key, node.shards_.count())),
      channel_(std::move(key), node.settings_.current(), node.channel_metrics_, *this),
      to_hub_(node.hubs_.size()),
      answers_(node.hubs_.size()) {}

void ChannelShell::request(Request request) {
  ++handled_;
  node_.watch_.channel_handles(request);
  channel_.handle(std::move(request), now(), wall());
  schedule();
}

void ChannelShell::applied(const std::vector<std::pair<CommandToken, Effect>>& effects) {
  for (const auto& [token, effect] : effects) channel_.applied(token, effect, now());
  schedule();
}

void ChannelShell::refused(CommandToken token, const Error& error) {
  node_.scheduler_.note("refused", fmt::format("{} of {}", token, key_.name()));
  channel_.refused(token, error, now());
  schedule();
}

void ChannelShell::reply(Reply reply) {
  node_.watch_.channel_answers(reply);
  if (auto* subscribed = std::get_if<Subscribed>(&reply.what);
      subscribed != nullptr && node_.plan_.bug == Bug::gap_too_far && subscribed->resume == ResumeOutcome::gap) {
    ++subscribed->gap_before.value;
  }
  if (auto* missed = std::get_if<Missed>(&reply.what);
      missed != nullptr && node_.plan_.bug == Bug::last_page_too_early && !missed->error) {
    missed->last = true;
  }
  const auto hub = reply.to.hub;
  auto& lanes = node_.plan_.bug == Bug::answers_overtake ? answers_ : to_hub_;
  node_.push(lanes[hub.value], hub, std::move(reply));
}

void ChannelShell::tell(const SessionAddress& to, const ChannelEventPtr& event) {
  if (const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&event->what))
    node_.watch_.member_removed(key_, removed->user_id);
  const auto hub = to.hub;
  node_.push(to_hub_[hub.value], hub, event);
  if (node_.plan_.bug == Bug::published_twice && node_.scheduler_.chance(0.02))
    node_.push(to_hub_[hub.value], hub, event);
}

void ChannelShell::propose(Command command, CommandToken token, actors::WaitForDisk wait) {
  if (const auto* save = std::get_if<SaveCursors>(&command.what)) {
    for (const auto& cursor : save->cursors) {
      node_.scheduler_.note("saves",
                            fmt::format("{} on {} {} as {}", cursor.client_id, key_.name(),
                                        cursor.forget ? "nothing" : std::to_string(cursor.offset.value), token));
    }
  }
  to_shard_.post(node_.scheduler_, node_.hop(), node_.alive_,
                 [this_node = &node_, shard = shard_, self = weak_from_this(), command = std::move(command), token,
                  wait]() mutable {
                   this_node->propose(shard, {{self, token}, std::move(command), wait});
                 });
}

template <class Then>
void ChannelShell::from_reader(Then then) {
  from_reader_.post(node_.scheduler_, node_.hop(), weak_from_this(), [this, then = std::move(then)]() mutable {
    then();
    schedule();
  });
}

void ChannelShell::read_history(GetHistory query, std::uint64_t read) {
  node_.shards_.read_history(std::move(query), [self = weak_from_this(), read](Result<HistoryPage> page) {
    const auto shell = self.lock();
    if (shell == nullptr) return;
    shell->from_reader([to = shell.get(), read, page = std::move(page)]() mutable {
      to->channel_.history_read(read, std::move(page), to->now(), to->wall());
    });
  });
}

// Others have the node's bound now and then.
Result<std::shared_ptr<const void>> ChannelShell::reserve(Origin, std::size_t bytes, std::uint64_t read) {
  std::shared_ptr<const void> hold = std::make_shared<const std::size_t>(bytes);
  if (!node_.scheduler_.chance(node_.plan_.slow_readers)) return hold;
  const auto when = now() + node_.scheduler_.between(milliseconds(1), milliseconds(800));
  node_.scheduler_.at(when, weak_from_this(), [this, read, hold] {
    channel_.reserved(read, hold, now(), wall());
    schedule();
  });
  return std::shared_ptr<const void>();
}

void ChannelShell::read_cursor(const std::string& client_id, std::uint64_t read) {
  node_.shards_.read_cursor(key_, client_id, [self = weak_from_this(), read](Result<CursorFound> offset) {
    const auto shell = self.lock();
    if (shell == nullptr) return;
    shell->from_reader([to = shell.get(), read, offset = std::move(offset)] {
      to->channel_.cursor_read(read, offset, to->now(), to->wall());
    });
  });
}

actors::VisitMemory& ChannelShell::visits() { return node_.visits_; }

void ChannelShell::open() {
  node_.shards_.open_channel(key_, [self = weak_from_this()](Result<cluster::ChannelState> state) {
    const auto shell = self.lock();
    if (shell == nullptr) return;
    using actors::DurableState;
    auto opened = state ? Result<DurableState>(DurableState{state->newest, state->oldest, state->cached, state->told})
                        : Result<DurableState>(state.error());
    shell->from_reader(
        [to = shell.get(), opened = std::move(opened)] { to->channel_.opened(opened, to->now(), to->wall()); });
  });
}

std::uint64_t ChannelShell::random() { return node_.scheduler_.dice().next(); }

Status ChannelShell::may_join(const std::string& user_id) {
  return node_.revocations_.check_channel({std::string(key_.app()), user_id}, key_.name(), wall());
}

void ChannelShell::tick() {
  channel_.tick(now(), wall());
  if (!channel_.idle(wall()) && node_.plan_.bug != Bug::asleep_too_early) {
    idle_since_.reset();
  } else {
    if (!idle_since_) idle_since_ = now();
    if (*idle_since_ + node_.settings_.current()->limits.channel_idle <= now()) {
      node_.scheduler_.after(node_.hop(), node_.alive_,
                             [node = &node_, key = key_, handled = handled_] { node->may_sleep(key, handled); });
      idle_since_ = now();
    }
  }
  schedule();
}

void ChannelShell::schedule() {
  auto at = now() + node_.settings_.current()->limits.channel_idle;
  if (const auto due = channel_.deadline(); due && *due < at) at = std::max(*due, now());
  const auto wait = tick_.wish(at, now());
  if (!wait) return;
  node_.scheduler_.after(*wait, weak_from_this(), [this] {
    tick_.came();
    tick();
  });
}

}  // namespace parley::sim

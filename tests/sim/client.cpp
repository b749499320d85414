#include "tests/sim/client.h"

#include "core/channel_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::sim {

namespace json = boost::json;

std::string text(const json::value& value) { return std::string(value.get_string()); }
std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }

Client::Client(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network, ClientSpec spec)
    : scheduler_(scheduler), plan_(plan), checker_(checker), spec_(std::move(spec)), network_(network) {
  for (const auto& channel : spec_.channels) views_[channel].channel = channel;
}

void Client::begin() {
  scheduler_.after(scheduler_.between(milliseconds(1), milliseconds(2'000)), weak_from_this(), [this] { connect(); });
  publish_sometimes();
}

// ---- the connection ----

void Client::connect() {
  if (gone_) return;
  ++connections_;
  for (auto& [name, view] : views_) {
    view.asked = view.subscribed = view.left = false;
    view.last_on_connection = 0;
  }
  on_connecting();
  connection_ = network_.connect(shared_from_this(), address());
}

void Client::on_closed() {
  connection_.reset();
  scheduler_.note("closed", spec_.name);
  for (auto& [name, view] : views_) view.asked = view.subscribed = false;
  on_disconnected();
  const auto away = scheduler_.chance(0.2) ? milliseconds(8'000) : milliseconds(1'500);
  scheduler_.after(scheduler_.between(milliseconds(20), away), weak_from_this(), [this] { connect(); });
}

void Client::cut() {
  if (connection_ == nullptr) return;
  const auto silence = scheduler_.chance(0.5) ? nanoseconds(0) : scheduler_.between(nanoseconds(0), seconds(10));
  scheduler_.note("cut", spec_.name);
  if (scheduler_.chance(0.15)) {  // the page is closed in order, and opened again
    say_goodbye();
    connection_->close_by_client();
    connection_->abandon();
    const auto old = connection_;
    scheduler_.after(seconds(2), old, [old] { old->cut(nanoseconds(0), nanoseconds(0)); });
    connection_.reset();
    return on_closed();
  }
  connection_->cut(scheduler_.between(nanoseconds(0), milliseconds(200)), silence);
}

void Client::quit() {
  gone_ = true;
  unacked_.clear();
  for (auto& [name, view] : views_) view.wanted = view.asked = view.subscribed = false;
  if (connection_ == nullptr) return;
  scheduler_.note("quits", spec_.name);
  connection_->abandon();
  connection_->cut(nanoseconds(0), scheduler_.between(nanoseconds(0), seconds(10)));
  connection_.reset();
}

void Client::send(std::string payload) {
  if (connection_ != nullptr) connection_->to_server(std::move(payload));
}

// ---- subscribing ----

void Client::subscribe_later(nanoseconds least, nanoseconds most) {
  scheduler_.after(scheduler_.between(least, most), weak_from_this(), [this] { subscribe_wanted(); });
}

ChannelView* Client::some_view() {
  if (connection_ == nullptr || views_.empty()) return nullptr;
  auto place = views_.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(scheduler_.below(views_.size())));
  return place->second.subscribed ? &place->second : nullptr;
}

std::optional<std::string> Client::channel_data(std::string_view channel) const {
  if (!channel_traits(channel).presence) return std::nullopt;
  return fmt::format(R"({{"user_id":"{}","user_info":{{"tab":"{}"}}}})", spec_.user_id, spec_.name);
}

std::string Client::since_of(const ChannelView& view) const {
  return fmt::format("{}:{}", view.epoch.empty() ? epoch_text({}) : view.epoch, view.offset);
}

void Client::on_entered(ChannelView& view, Position newest, std::optional<bool> recovered) {
  view.subscribed = true;
  view.gap_due = false;
  if (!plan_.has_history(view.channel)) {
    view.visited = true;
    return;
  }
  const auto epoch = newest.exists() ? epoch_text(newest.epoch) : std::string();
  if (spec_.kind != ClientKind::stock && view.resuming) {
    if (!recovered) violated("no_hole", view, "a resume was asked and not answered");
    view.gap_due = recovered == false;
  } else if (!recovered) {
    // Taken for a first visit.
    if (view.visited && newest.offset.value > view.offset && !view.ahead.contains(newest.offset.value)) {
      violated("no_hole", view,
               fmt::format("who had {} was taken for a stranger at {}", view.offset, newest.offset.value));
    }
    if (epoch != view.epoch) view.received.clear();  // what was lost may be published again
    view.epoch = epoch;
    view.offset = newest.offset.value;
    view.ahead.clear();
    view.adopts = false;
  } else if (!view.visited || (spec_.kind == ClientKind::stock && plan_.unsynced(view.channel) && !view.epoch.empty() &&
                               epoch != view.epoch)) {
    // The leaving did not arrive: the server goes on where the client was. Or the tail was lost, and it goes on where
    // the client is in what is left.
    view.epoch = epoch;
    view.ahead.clear();
    view.offset = newest.offset.value;
    view.adopts = true;
  }
  view.visited = true;
  if (view.epoch.empty() && view.offset == 0) view.epoch = epoch;
  if (spec_.kind == ClientKind::stock) checker_.client_has(spec_.name, view.channel, Offset{view.offset});
}

void Client::on_roster(ChannelView& view, std::set<std::string> users) {
  view.roster = std::move(users);
  if (plan_.people_promised && !view.roster.contains(spec_.user_id))
    violated("roster", view, "the snapshot lacks the subscriber itself");
}

// ---- receiving ----

void Client::on_gap(ChannelView& view, const json::object& gap) {
  const auto before = number(gap.at("before"));
  view.gap_due = false;
  // Who visited a channel before its first publication, and before a crash, is not known: all who come without a
  // position are told so.
  const bool unsure = spec_.kind == ClientKind::stock && number(gap.at("after")) == 0 && checker_.crashes() > 0 &&
                      (view.offset == 0 || view.adopts);
  // Until the server knows that it was heard, it is told again: whoever has more by then has lost nothing by it.
  const bool again = spec_.kind == ClientKind::stock && before <= view.gap_told;
  view.gap_told = std::max(view.gap_told, before);
  if (!unsure && !again && !plan_.may_have_gaps(view.channel)) {
    violated("gap_needs_reason", view,
             fmt::format("a gap up to {} was announced after {}, and nothing was ever deleted", before, view.offset));
  }
  auto epoch = text(gap.at("epoch"));
  if (epoch == epoch_text({})) epoch.clear();
  if (!view.epoch.empty() && epoch != view.epoch) {  // another life: it says where it begins
    if (!plan_.unsynced(view.channel)) violated("one_name", view, "a synced channel began a new life");
    view.epoch = epoch;
    view.offset = view.last_on_connection = before - 1;
    view.gap_told = before;
    view.own_in_doubt.clear();
    view.ahead = std::exchange(view.ahead_elsewhere[view.epoch], {});
    view.received.clear();
    view.adopts = false;
    return advance(view, view.offset);
  }
  view.epoch = epoch;
  if (before > view.offset + 1) view.offset = before - 1;
  view.last_on_connection = std::max(view.last_on_connection, before - 1);  // what is announced as gone never comes
  view.adopts = false;
  advance(view, view.offset);
}

void Client::advance(ChannelView& view, std::uint64_t offset) {
  view.offset = std::max(view.offset, offset);
  while (!view.ahead.empty() && *view.ahead.begin() <= view.offset + 1) {
    view.offset = std::max(view.offset, *view.ahead.begin());
    view.ahead.erase(view.ahead.begin());
  }
  if (spec_.kind == ClientKind::stock) checker_.client_has(spec_.name, view.channel, Offset{view.offset});
}

// One that was refused may be stored all the same: nobody sends it back to its publisher, who has its offset when it
// asks again. Of Socket.IO's one that is on its way: its place may be told before the answer, or that got lost with a
// connection and the session went on with another. The same of whoever's leader may have died before it answered.
bool Client::in_doubt(const Pending& pending) const {
  return pending.refused || ((spec_.kind == ClientKind::socketio || plan_.is_cluster()) && pending.tries > 0);
}

void Client::doubt(Pending& pending) {
  if (!std::exchange(pending.doubted, true)) checker_.own_in_doubt(spec_.name, pending.channel);
}

bool Client::may_be_own(ChannelView& view, std::uint64_t offset) {
  if (view.own_in_doubt.contains(offset)) return true;
  const auto doubtful = std::count_if(unacked_.begin(), unacked_.end(), [&](const auto& row) {
    return row.second.channel == view.channel && in_doubt(row.second);
  });
  if (view.own_in_doubt.size() >= static_cast<std::size_t>(doubtful)) return false;
  view.own_in_doubt.insert(offset);
  return true;
}

bool Client::has_up_to(ChannelView& view, std::uint64_t offset) {
  for (auto missing = view.offset + 1; missing <= offset; ++missing) {
    if (!view.ahead.contains(missing) && !may_be_own(view, missing)) return false;
  }
  return true;
}

void Client::on_publication(ChannelView& view, const std::string& message, Position position) {
  const auto offset = position.offset.value;
  const auto epoch = epoch_text(position.epoch);
  checker_.seen(view.channel, message, position);

  if (offset <= view.last_on_connection) {
    violated("in_order", view, fmt::format("{} came after {}", offset, view.last_on_connection));
  }
  view.last_on_connection = offset;
  const bool fresh = view.received.insert(message).second;
  if (spec_.kind != ClientKind::stock && !fresh)
    violated("no_double", view, fmt::format("{} at {} came twice", message, offset));
  if (view.gap_due) violated("no_hole", view, "what is not to be had was not told");
  if (view.adopts) {
    view.adopts = false;
    view.offset = offset - 1;
  }
  if (view.epoch.empty()) view.epoch = epoch;
  if (epoch != view.epoch)
    return violated("no_hole", view, fmt::format("epoch {} after {} without a gap", epoch, view.epoch));
  if (!has_up_to(view, offset - 1)) {
    return violated(
        "no_hole", view,
        fmt::format("{} at {} came, the client has {} and was told of no gap", message, offset, view.offset));
  }
  if (spec_.kind != ClientKind::stock && offset <= view.offset && !mine(message)) {
    violated("no_double", view, fmt::format("{} at {} came, the client has {}", message, offset, view.offset));
  }
  advance(view, offset);
}

void Client::on_member(ChannelView& view, const std::string& user, bool added) {
  const bool news = added ? view.roster.insert(user).second : view.roster.erase(user) > 0;
  if (!news && plan_.people_promised) {
    violated("alternates", view, fmt::format("{} was {} twice", user, added ? "added" : "removed"));
  }
}

// ---- publishing ----

void Client::publish_sometimes() {
  scheduler_.after(scheduler_.between(milliseconds(10), 2 * plan_.publish_every), weak_from_this(), [this] {
    if (!publishing_) return;
    publish_sometimes();
    std::vector<const ChannelView*> choice;
    for (const auto& [name, view] : views_) {
      if (view.subscribed && name.find("domain") != std::string::npos && channel_traits(name).needs_auth)
        choice.push_back(&view);
    }
    if (choice.empty()) return;
    // Several at once: pipelined.
    for (auto left = 1 + scheduler_.below(3); left > 0; --left) {
      const auto ack = next_ack_++;
      const auto& channel = choice[scheduler_.below(choice.size())]->channel;
      auto& pending = unacked_[ack];
      pending = {channel, fmt::format("{}:{}", spec_.name, ack)};
      checker_.invoked(channel, pending.message);
      try_publish(ack);
    }
  });
}

void Client::try_publish(std::uint64_t ack) {
  const auto place = unacked_.find(ack);
  if (place == unacked_.end()) return;  // answered, or given up
  auto& pending = place->second;
  if (views_.at(pending.channel).subscribed) {
    ++pending.tries;
    if (in_doubt(pending)) doubt(pending);
    pending.connection = connections_;
    say_publish(ack, pending);
  }
  try_later(ack, seconds(3));
}

void Client::try_later(std::uint64_t ack, nanoseconds delay) {
  const auto place = unacked_.find(ack);
  if (place == unacked_.end()) return;
  scheduler_.after(delay + scheduler_.between(nanoseconds(0), milliseconds(500)), weak_from_this(),
                   [this, ack, wait = ++place->second.waits] {
                     const auto waiting = unacked_.find(ack);
                     if (waiting != unacked_.end() && waiting->second.waits == wait) try_publish(ack);
                   });
}

const Client::Pending* Client::pending_of(std::uint64_t ack) const {
  const auto found = unacked_.find(ack);
  return found == unacked_.end() ? nullptr : &found->second;
}

void Client::on_not_published(std::uint64_t ack) {
  const auto place = unacked_.find(ack);
  if (place == unacked_.end()) return;
  place->second.refused = true;
  doubt(place->second);
  ++place->second.tries;  // its order among others is no longer its own
  try_later(ack, milliseconds(300));
}

void Client::on_published(std::uint64_t ack, const std::string& channel, Position position) {
  const auto place = unacked_.find(ack);
  if (!plan_.has_history(channel)) {
    unacked_.erase(ack);
    return;
  }
  const auto offset = position.offset.value;
  checker_.acked(channel, fmt::format("{}:{}", spec_.name, ack), position);
  auto& view = views_.at(channel);
  if (place != unacked_.end()) {
    auto& last = last_acks_[channel];
    if (!plan_.unsynced(channel) && place->second.tries == 1 && last.connection == place->second.connection &&
        (plan_.is_cluster() ? (ack < last.ack) != (offset < last.offset) : ack < last.ack || offset < last.offset)) {
      violated("pipelined", view, fmt::format("{} is at {}, {} was at {}", ack, offset, last.ack, last.offset));
    }
    if (place->second.tries == 1) last = {place->second.connection, ack, offset};
    if (place->second.doubted) checker_.own_settled(spec_.name, channel);
    unacked_.erase(place);
    view.own_in_doubt.erase(offset);
    const bool any = std::any_of(unacked_.begin(), unacked_.end(), [&](const auto& row) {
      return row.second.channel == channel && in_doubt(row.second);
    });
    if (!any && !view.own_in_doubt.empty()) {
      violated("no_hole", view, fmt::format("{} never came", *view.own_in_doubt.begin()));
    }
  }
  // A session of Socket.IO's is not told its own ones when it goes on after it has left and come back either.
  if (!view.subscribed && spec_.kind != ClientKind::socketio) return;
  const auto epoch = epoch_text(position.epoch);
  if (view.epoch.empty()) view.epoch = epoch;
  if (view.epoch != epoch) {
    view.ahead_elsewhere[epoch].insert(offset);
    return;
  }
  if (offset > view.offset) view.ahead.insert(offset);
  advance(view, view.offset);
}

void Client::violated(std::string_view invariant, const ChannelView& view, std::string_view what) {
  checker_.violated(invariant, fmt::format("{} on {}: {}", spec_.name, view.channel, what));
}

}  // namespace parley::sim

#include "tests/sim/client.h"

#include "core/channel_name.h"
#include "net/auth/pusher_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::sim {

namespace json = boost::json;

namespace {

json::object object_in(const json::value& data) {
  return data.is_string() ? json::parse(data.get_string()).as_object() : data.as_object();
}
std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }
std::string text(const json::value& value) { return std::string(value.get_string()); }

// The position before a channel's first publication.
constexpr std::string_view kNoEpoch = "0000000000000000";

}  // namespace

Client::Client(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network, ClientSpec spec)
    : scheduler_(scheduler), plan_(plan), checker_(checker), network_(network), spec_(std::move(spec)) {
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
  socket_ = {};
  for (auto& [name, view] : views_) {
    view.asked = view.subscribed = view.left = false;
    view.last_on_connection = 0;
  }
  connection_ = network_.connect(shared_from_this(), spec_.kind == ClientKind::stock
                                                         ? fmt::format("/r/{}/app/{}", spec_.name, kAppKey)
                                                         : fmt::format("/app/{}", kAppKey));
}

void Client::on_closed() {
  connection_.reset();
  scheduler_.note("closed", spec_.name);
  for (auto& [name, view] : views_) view.asked = view.subscribed = false;
  const auto away = scheduler_.chance(0.2) ? milliseconds(8'000) : milliseconds(1'500);
  scheduler_.after(scheduler_.between(milliseconds(20), away), weak_from_this(), [this] { connect(); });
}

void Client::cut() {
  if (connection_ == nullptr) return;
  const auto silence = scheduler_.chance(0.5) ? nanoseconds(0) : scheduler_.between(nanoseconds(0), seconds(10));
  scheduler_.note("cut", spec_.name);
  if (scheduler_.chance(0.15)) {  // the page is closed in order, and opened again
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

void Client::on_frame(std::string_view payload) {
  if (connection_ == nullptr) return;
  scheduler_.note(spec_.name, payload);
  const auto frame = json::parse(payload).as_object();
  const auto event = text(frame.at("event"));
  if (event == "pusher:connection_established") {
    socket_ = SocketId::parse(text(object_in(frame.at("data")).at("socket_id"))).value();
    if (!spec_.user_id.empty()) sign_in();
    return subscribe_wanted();
  }
  if (event == "pusher:ping") return send(R"({"event":"pusher:pong","data":{}})");
  if (event == "parley:ack") return on_ack(frame.at("data").as_object());
  const auto* channel = frame.if_contains("channel");
  if (channel == nullptr) return;  // pusher:error
  auto& view = views_.at(text(*channel));
  if (event == "pusher:subscription_error") {
    view.asked = view.subscribed = false;
    scheduler_.after(scheduler_.between(milliseconds(200), seconds(1)), weak_from_this(),
                     [this] { subscribe_wanted(); });
    return;
  }
  if (!view.asked) return;  // left, and the server does not know yet
  if (event == "pusher_internal:subscription_succeeded") return on_succeeded(view, frame);
  if (!view.subscribed && view.left) return;
  if (!view.subscribed) return violated("in_order", view, fmt::format("{} came before subscription_succeeded", event));
  if (event == "parley:gap") return on_gap(view, frame);
  if (event == "pusher_internal:member_added") return on_member(view, frame, true);
  if (event == "pusher_internal:member_removed") return on_member(view, frame, false);
  on_publication(view, frame);
}

// ---- subscribing ----

void Client::subscribe_wanted() {
  if (connection_ == nullptr || !socket_.exists()) return;
  for (auto& [name, view] : views_) {
    if (view.wanted && !view.asked) subscribe(view);
  }
}

void Client::sign_in() {
  const auto user = fmt::format(R"({{"id":"{}"}})", spec_.user_id);
  const auto auth = net::auth::sign_user(kAppKey, kAppSecret, socket_.text(), user);
  send(json::serialize(
      json::object{{"event", "pusher:signin"}, {"data", json::object{{"auth", auth}, {"user_data", user}}}}));
}

void Client::subscribe(ChannelView& view) {
  view.asked = true;
  view.subscribed = false;
  view.roster.clear();
  view.last_on_connection = 0;
  view.resuming = false;
  const auto traits = channel_traits(view.channel);
  json::object data{{"channel", view.channel}};
  std::optional<std::string> member;
  if (traits.presence) {
    member = fmt::format(R"({{"user_id":"{}","user_info":{{"tab":"{}"}}}})", spec_.user_id, spec_.name);
    data["channel_data"] = *member;
  }
  if (traits.needs_auth)
    data["auth"] = net::auth::sign_channel(kAppKey, kAppSecret, socket_.text(), view.channel, member);
  if (spec_.kind == ClientKind::own && view.visited && plan_.has_history(view.channel)) {
    view.resuming = true;
    data["since"] = fmt::format("{}:{}", view.epoch.empty() ? kNoEpoch : view.epoch, view.offset);
  }
  send(json::serialize(json::object{{"event", "pusher:subscribe"}, {"data", data}}));
}

void Client::on_succeeded(ChannelView& view, const json::object& frame) {
  view.subscribed = true;
  const auto data = object_in(frame.at("data"));
  if (const auto* presence = data.if_contains("presence")) {
    for (const auto& id : presence->at("ids").as_array()) view.roster.insert(text(id));
    if (!view.roster.contains(spec_.user_id)) violated("roster", view, "the snapshot lacks the subscriber itself");
  }
  if (!plan_.has_history(view.channel)) {
    view.visited = true;
    return;
  }
  const auto* at = frame.if_contains("offset");
  const auto newest = at == nullptr ? 0 : number(*at);
  auto epoch = at == nullptr ? std::string() : text(frame.at("epoch"));
  if (epoch == kNoEpoch) epoch.clear();
  const auto* recovered = frame.if_contains("recovered");
  if (spec_.kind == ClientKind::own && view.resuming) {
    if (recovered == nullptr) violated("no_hole", view, "a resume was asked and not answered");
  } else if (recovered == nullptr) {
    // Taken for a first visit.
    if (view.visited && newest > view.offset && !view.ahead.contains(newest)) {
      violated("no_hole", view, fmt::format("who had {} was taken for a stranger at {}", view.offset, newest));
    }
    view.epoch = epoch;
    view.offset = newest;
    view.ahead.clear();
    view.adopts = false;
  } else if (!view.visited || (spec_.kind == ClientKind::stock && plan_.unsynced(view.channel) && !view.epoch.empty() &&
                               epoch != view.epoch)) {
    // The leaving did not arrive: the server goes on where the client was. Or the tail was lost, and it goes on where
    // the client is in what is left.
    view.epoch = epoch;
    view.ahead.clear();
    view.offset = newest;
    view.adopts = true;
  }
  view.visited = true;
  if (view.epoch.empty() && view.offset == 0) view.epoch = epoch;
  if (spec_.kind == ClientKind::stock) checker_.client_has(spec_.name, view.channel, Offset{view.offset});
}

void Client::leave_a_channel() {
  if (connection_ == nullptr || views_.empty()) return;
  auto place = views_.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(scheduler_.below(views_.size())));
  auto& view = place->second;
  if (!view.subscribed) return;
  send(json::serialize(
      json::object{{"event", "pusher:unsubscribe"}, {"data", json::object{{"channel", view.channel}}}}));
  view.wanted = view.asked = view.subscribed = false;
  view.left = true;
  if (spec_.kind == ClientKind::stock) view.visited = false;
  scheduler_.after(scheduler_.between(milliseconds(10), seconds(4)), weak_from_this(), [this, &view] {
    view.wanted = true;
    subscribe_wanted();
  });
}

// ---- receiving ----

void Client::on_gap(ChannelView& view, const json::object& frame) {
  const auto data = object_in(frame.at("data"));
  const auto before = number(data.at("before"));
  // Who visited a channel before its first publication, and before a crash, is not known: all who come without a
  // position are told so.
  const bool unsure = spec_.kind == ClientKind::stock && number(data.at("after")) == 0 && checker_.crashes() > 0 &&
                      (view.offset == 0 || view.adopts);
  // Until the server knows that it was heard, it is told again: whoever has more by then has lost nothing by it.
  const bool again = spec_.kind == ClientKind::stock && before <= view.gap_told;
  view.gap_told = std::max(view.gap_told, before);
  if (!unsure && !again && !plan_.may_have_gaps(view.channel)) {
    violated("gap_needs_reason", view,
             fmt::format("a gap up to {} was announced after {}, and nothing was ever deleted", before, view.offset));
  }
  const auto epoch = text(data.at("epoch"));
  if (!view.epoch.empty() && epoch != view.epoch) {  // another life: it says where it begins
    if (!plan_.unsynced(view.channel)) violated("one_name", view, "a synced channel began a new life");
    view.epoch = epoch == kNoEpoch ? std::string() : epoch;
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
// asks again.
bool Client::may_be_own(ChannelView& view, std::uint64_t offset) {
  if (view.own_in_doubt.contains(offset)) return true;
  const auto in_doubt = std::count_if(unacked_.begin(), unacked_.end(), [&](const auto& row) {
    return row.second.channel == view.channel && row.second.refused;
  });
  if (view.own_in_doubt.size() >= static_cast<std::size_t>(in_doubt)) return false;
  view.own_in_doubt.insert(offset);
  return true;
}

void Client::on_publication(ChannelView& view, const json::object& frame) {
  const auto* at = frame.if_contains("offset");
  if (at == nullptr) return;  // of an ephemeral channel
  const auto offset = number(*at);
  const auto epoch = text(frame.at("epoch"));
  const auto message = text(frame.at("data"));
  checker_.seen(view.channel, message, {parse_epoch(epoch).value(), Offset{offset}});

  if (offset <= view.last_on_connection) {
    violated("in_order", view, fmt::format("{} came after {}", offset, view.last_on_connection));
  }
  view.last_on_connection = offset;
  const bool fresh = view.received.insert(message).second;
  if (spec_.kind == ClientKind::own && !fresh)
    violated("no_double", view, fmt::format("{} at {} came twice", message, offset));
  if (spec_.kind == ClientKind::stock && !plan_.unsynced(view.channel) &&
      offset <= checker_.confirmed_before(socket_, view.channel).value && !mine(message)) {
    violated("confirmed_stays", view, fmt::format("{} at {} was confirmed and came again", message, offset));
  }
  if (view.adopts) {
    view.adopts = false;
    view.offset = offset - 1;
  }
  if (view.epoch.empty()) view.epoch = epoch;
  if (epoch != view.epoch)
    return violated("no_hole", view, fmt::format("epoch {} after {} without a gap", epoch, view.epoch));
  bool hole = false;
  for (auto missing = view.offset + 1; missing < offset && !hole; ++missing) {
    hole = !view.ahead.contains(missing) && !may_be_own(view, missing);
  }
  if (hole) {
    return violated(
        "no_hole", view,
        fmt::format("{} at {} came, the client has {} and was told of no gap", message, offset, view.offset));
  }
  if (spec_.kind == ClientKind::own && offset <= view.offset && !mine(message)) {
    violated("no_double", view, fmt::format("{} at {} came, the client has {}", message, offset, view.offset));
  }
  advance(view, offset);
}

void Client::on_member(ChannelView& view, const json::object& frame, bool added) {
  const auto user = text(object_in(frame.at("data")).at("user_id"));
  if (added ? !view.roster.insert(user).second : view.roster.erase(user) == 0) {
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
    pending.connection = connections_;
    send(fmt::format(R"({{"event":"client-message","channel":"{}","data":"{}","ack":{},"idempotency_key":"{}"}})",
                     pending.channel, pending.message, ack, pending.message));
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

void Client::on_ack(const json::object& data) {
  const auto ack = number(data.at("ack"));
  const auto place = unacked_.find(ack);
  if (data.contains("error")) {
    if (place != unacked_.end()) {
      if (!std::exchange(place->second.refused, true)) checker_.own_in_doubt(spec_.name, place->second.channel);
      ++place->second.tries;  // its order among others is no longer its own
      try_later(ack, milliseconds(300));
    }
    return;
  }
  const auto channel = text(data.at("channel"));
  if (!plan_.has_history(channel)) {
    unacked_.erase(ack);
    return;
  }
  const auto offset = number(data.at("offset"));
  const auto message = fmt::format("{}:{}", spec_.name, ack);
  checker_.acked(channel, message, {parse_epoch(text(data.at("epoch"))).value(), Offset{offset}});
  auto& view = views_.at(channel);
  if (place != unacked_.end()) {
    auto& last = last_acks_[channel];
    if (!plan_.unsynced(channel) && place->second.tries == 1 && last.connection == place->second.connection &&
        (ack < last.ack || offset < last.offset)) {
      violated("pipelined", view, fmt::format("{} is at {}, {} was at {}", ack, offset, last.ack, last.offset));
    }
    if (place->second.tries == 1) last = {place->second.connection, ack, offset};
    if (place->second.refused) checker_.own_settled(spec_.name, channel);
    unacked_.erase(place);
    view.own_in_doubt.erase(offset);
    const bool any = std::any_of(unacked_.begin(), unacked_.end(),
                                 [&](const auto& row) { return row.second.channel == channel && row.second.refused; });
    if (!any && !view.own_in_doubt.empty()) {
      violated("no_hole", view, fmt::format("{} never came", *view.own_in_doubt.begin()));
    }
  }
  if (!view.subscribed) return;
  if (view.epoch.empty()) view.epoch = text(data.at("epoch"));
  if (view.epoch != text(data.at("epoch"))) {
    view.ahead_elsewhere[text(data.at("epoch"))].insert(offset);
    return;
  }
  if (offset > view.offset) view.ahead.insert(offset);
  advance(view, view.offset);
}

void Client::violated(std::string_view invariant, const ChannelView& view, std::string_view what) {
  checker_.violated(invariant, fmt::format("{} on {}: {}", spec_.name, view.channel, what));
}

}  // namespace parley::sim

#include "tests/sim/socketio_client.h"

#include "core/channel_name.h"
#include "net/auth/pusher_signature.h"
#include "net/socketio/encoder.h"
#include "net/socketio/kept.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace parley::sim {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kFirstQuestion = 1'000'000;  // above the numbers of what is published
constexpr std::string_view kUnsettled = "?";

std::optional<Offset> named(const std::vector<net::socketio::TaggedOffset>& told, const std::string& tag) {
  const auto found = std::find_if(told.begin(), told.end(), [&](const auto& one) { return one.tag == tag; });
  return found == told.end() ? std::nullopt : std::optional(found->offset);
}

Position position_in(const json::object& answer) {
  const auto* at = answer.if_contains("position");
  return at == nullptr ? Position{} : parse_position(text(*at)).value();
}

}  // namespace

SocketIoClient::SocketIoClient(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network,
                               ClientSpec spec)
    : Client(scheduler, plan, checker, network, std::move(spec)), next_question_(kFirstQuestion) {
  for (const auto& [name, view] : views_) places_[name] = Place::off;
}

// ---- the session ----

void SocketIoClient::on_connecting() {
  connected_ = false;
  ++visits_;
  early_.clear();
  asked_.clear();
}

// A page that is closed says so, or its WebSocket alone is closed.
void SocketIoClient::say_goodbye() {
  if (scheduler_.chance(0.5)) send("41");
}

void SocketIoClient::on_frame(std::string_view payload) {
  if (!connected()) return;
  scheduler_.note(spec_.name, payload);
  if (payload.starts_with('0')) {
    json::object brought;
    if (!pid_.empty()) brought["pid"] = pid_;
    if (!pid_.empty() && !offset_.empty()) brought["offset"] = offset_;
    return send("40" + json::serialize(brought));
  }
  if (payload == "2") return send("3");
  if (payload.starts_with("40")) return on_connect(json::parse(payload.substr(2)).as_object());
  if (payload.starts_with("42")) {
    auto event = json::parse(payload.substr(2)).as_array();
    if (connected_) return on_event(event);
    return early_.push_back(std::move(event));
  }
  if (payload.starts_with("43")) {
    std::uint64_t ack = 0;
    const auto* end = payload.data() + payload.size();
    const auto* rest = std::from_chars(payload.data() + 2, end, ack).ptr;
    const auto arguments = json::parse(std::string_view(rest, end)).as_array();
    return on_answer(ack, arguments.at(0).as_object());
  }
  checker_.violated("converges", fmt::format("{} was told {}", spec_.name, payload));
}

void SocketIoClient::on_connect(const json::object& session) {
  const auto pid = text(session.at("pid"));
  const auto sid = text(session.at("sid"));
  const bool recovered = pid == pid_;
  if (recovered && (sid != sid_ || offset_ == kUnsettled)) {
    checker_.violated("recovered_is_whole",
                      fmt::format("{} was {} and is {}, its offset was {}", spec_.name, sid_, sid, offset_));
  }
  if (!recovered && !early_.empty()) {
    checker_.violated("recovered_is_whole", spec_.name + " was told what was missed, and has a new session");
  }
  pid_ = pid;
  sid_ = sid;
  connected_ = true;
  go_on(recovered);
  for (const auto& event : std::exchange(early_, {})) on_event(event);
  subscribe_wanted();
  for (auto backlog = backlogs_.begin(); backlog != backlogs_.end(); ++backlog) load(backlog);
}

void SocketIoClient::go_on(bool recovered) {
  if (recovered) ++recovered_;
  for (auto& [name, view] : views_) {
    auto& place = places_.at(name);
    view.roster.clear();
    if (!recovered) {
      published_.clear();
      place = Place::off;
    } else if (place == Place::on && !view.gap_due) {
      view.asked = view.subscribed = true;
    } else if (place != Place::off) {  // it cannot know where it is: it sees to it that it is off
      unsubscribe(view);
    }
  }
}

// ---- subscribing ----

void SocketIoClient::emit(std::uint64_t ack, std::string_view event, const json::object& argument) {
  send(fmt::format("42{}[\"{}\",{}]", ack, event, json::serialize(argument)));
}

void SocketIoClient::ask(Question question, std::string_view event, const json::object& argument) {
  const auto ack = next_question_++;
  asked_[ack] = std::move(question);
  emit(ack, event, argument);
}

void SocketIoClient::subscribe_wanted() {
  if (!connected() || !connected_) return;
  for (auto& [name, view] : views_) {
    if (view.wanted && places_.at(name) == Place::off) subscribe(view);
  }
}

void SocketIoClient::subscribe(ChannelView& view) {
  places_.at(view.channel) = Place::joining;
  published_.erase(view.channel);
  view.asked = true;
  view.subscribed = false;
  view.roster.clear();
  view.last_on_connection = 0;
  json::object argument{{"channel", view.channel}};
  const auto member = channel_data(view.channel);
  if (member) argument["channel_data"] = *member;
  if (channel_traits(view.channel).needs_auth)
    argument["auth"] = net::auth::sign_channel(kAppKey, kAppSecret, sid_, view.channel, member);
  view.resuming = view.visited && plan_.has_history(view.channel) && !scheduler_.chance(0.3);
  if (view.resuming) argument["since"] = since_of(view);
  ask({Ask::subscribe, view.channel}, "subscribe", argument);
}

void SocketIoClient::unsubscribe(ChannelView& view) {
  places_.at(view.channel) = Place::leaving;
  view.asked = view.subscribed = false;
  ask({Ask::unsubscribe, view.channel}, "unsubscribe", json::object{{"channel", view.channel}});
}

void SocketIoClient::leave_a_channel() {
  auto* view = some_view();
  if (view == nullptr) return;
  unsubscribe(*view);
  view->wanted = false;
  scheduler_.after(scheduler_.between(milliseconds(10), seconds(4)), weak_from_this(), [this, view] {
    view->wanted = true;
    subscribe_wanted();
  });
}

void SocketIoClient::on_answer(std::uint64_t ack, const json::object& answer) {
  const bool refused = answer.contains("error");
  if (const auto found = asked_.find(ack); found != asked_.end()) {
    const auto question = found->second;
    asked_.erase(found);
    if (question.what == Ask::history) {
      if (!refused) return on_page(question.backlog, answer);
      return scheduler_.after(milliseconds(500), weak_from_this(), [this, question, visit = visits_] {
        if (visit == visits_) load(question.backlog);  // else it was asked for anew
      });
    }
    const bool joins = question.what == Ask::subscribe;
    auto& view = views_.at(question.channel);
    auto& place = places_.at(question.channel);
    if (place != (joins ? Place::joining : Place::leaving)) return;  // it has thought otherwise since
    if (joins && !refused) return on_subscribed(view, answer);
    place = Place::off;
    view.asked = false;
    return subscribe_later(milliseconds(joins ? 200 : 0), seconds(1));
  }
  if (refused) return on_not_published(ack);
  const auto* pending = pending_of(ack);
  if (pending == nullptr) return;
  const auto [channel, message] = std::pair(pending->channel, pending->message);
  const auto position = position_in(answer);
  const auto* again = answer.if_contains("duplicate");
  // Durability async: of another life of the channel it is told everything, of its own too.
  const bool here = places_.at(channel) == Place::on && !plan_.unsynced(channel);
  if (here && again != nullptr && !again->as_bool()) published_[channel].insert(message);
  on_published(ack, channel, position);
}

void SocketIoClient::on_subscribed(ChannelView& view, const json::object& answer) {
  places_.at(view.channel) = Place::on;
  const auto newest = position_in(answer);
  if (view.visited && !view.resuming && newest.exists()) {
    const auto since = parse_position(since_of(view)).value();
    // Where another life began it need not look back: that it has all of the one before nobody can say any more.
    if (since.offset < newest.offset && (!since.exists() || since.epoch == newest.epoch)) {
      load(backlogs_.emplace(backlogs_.end(), spec_.name, view.channel, since, newest));
    }
    view.visited = false;
  }
  const auto* recovered = answer.if_contains("recovered");
  on_entered(view, newest, recovered == nullptr ? std::nullopt : std::optional(recovered->as_bool()));
}

// ---- loading what was missed ----

void SocketIoClient::load(std::list<Backlog>::iterator backlog) {
  ask({Ask::history, backlog->channel(), backlog}, "history", backlog->question());
}

void SocketIoClient::on_page(std::list<Backlog>::iterator backlog, const json::object& page) {
  auto& view = views_.at(backlog->channel());
  for (auto& message : backlog->take(page, plan_, checker_)) {
    if (!view.received.insert(message).second && !mine(message)) {
      violated("no_double", view, message + " was loaded, and had come before");
    }
  }
  if (!backlog->whole()) return load(backlog);
  backlogs_.erase(backlog);
}

// ---- receiving ----

void SocketIoClient::on_event(const json::array& event) {
  const auto name = text(event.at(0));
  const bool of_channel = event.size() > 2 && event.at(1).is_string();
  if (of_channel && name != "subscription_error") on_event_of(views_.at(text(event.at(1))), event);
  // Whatever ends with a string, the library remembers it.
  if (event.size() > 1 && event.back().is_string()) on_offset(text(event.back()));
}

void SocketIoClient::on_event_of(ChannelView& view, const json::array& event) {
  const auto name = text(event.at(0));
  const auto place = places_.at(view.channel);
  if (place == Place::leaving) return;  // the server does not know yet
  if (place == Place::off) return violated("off_is_off", view, fmt::format("{} came of a channel it is off", name));
  if (name == "presence:subscribed") {
    std::set<std::string> users;
    for (const auto& member : event.at(2).as_array()) users.insert(text(member.at("user_id")));
    return on_roster(view, std::move(users));
  }
  if (place == Place::joining) return violated("in_order", view, fmt::format("{} came before the answer", name));
  if (name == "parley:gap") return on_gap(view, event.at(2).as_object());
  const bool added = name == "presence:joining";
  if (added || name == "presence:leaving") return on_member(view, text(event.at(2).at("user_id")), added);
  on_message(view, event);
}

void SocketIoClient::on_message(ChannelView& view, const json::array& event) {
  const auto name = text(event.at(0));
  const bool of_history = name == "message" || name == "client-message";  // a user's status is not
  if (!of_history || !plan_.has_history(view.channel)) return;
  const auto message = text(event.at(2));
  const auto told = event.size() > 3 && event.at(3).is_string() ? text(event.at(3)) : std::string();
  const auto position = place_of(view, message, told);
  if (!position) {
    return violated("offset_is_its_own", view, fmt::format("{} came with {}, which is not its place", message, told));
  }
  if (published_[view.channel].contains(message)) {
    violated("own_stays_away", view, fmt::format("{} at {} came back", message, position_text(*position)));
  }
  on_publication(view, message, *position);
}

// What is unsettled does not say it. Nothing: none of the places at which it was told.
std::optional<Position> SocketIoClient::place_of(const ChannelView& view, const std::string& message,
                                                 const std::string& told) const {
  const auto places = checker_.places_of(view.channel, message);
  if (places.empty()) return std::nullopt;
  const bool unsettled = told == kUnsettled;
  const auto offsets = net::socketio::parse_offsets(unsettled ? std::string() : told);
  const auto found = std::find_if(places.rbegin(), places.rend(), [&](const Position& place) {
    if (unsettled) return epoch_text(place.epoch) == view.epoch;
    return offsets && named(*offsets, net::socketio::offset_tag(view.channel, place.epoch)) == place.offset;
  });
  if (found != places.rend()) return *found;
  return unsettled ? std::optional(places.back()) : std::nullopt;
}

void SocketIoClient::on_offset(const std::string& told) {
  offset_ = told;
  if (told == kUnsettled) return;
  const auto offsets = net::socketio::parse_offsets(told);
  if (!offsets) return checker_.violated("offset_is_its_own", fmt::format("{} was told {}", spec_.name, told));
  for (auto& [name, view] : views_) {
    if (places_.at(name) != Place::on || view.epoch.empty()) continue;
    const auto offset = named(*offsets, net::socketio::offset_tag(name, parse_epoch(view.epoch).value()));
    if (offset && !has_up_to(view, offset->value)) {
      violated("offset_is_had", view, fmt::format("{} is told, the client has {}", offset->value, view.offset));
    }
  }
}

// ---- publishing ----

void SocketIoClient::say_publish(std::uint64_t ack, const Pending& what) {
  emit(ack, "publish",
       json::object{{"channel", what.channel},
                    {"event", "client-message"},
                    {"data", what.message},
                    {"idempotency_key", what.message}});
}

}  // namespace parley::sim

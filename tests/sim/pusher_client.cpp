#include "tests/sim/pusher_client.h"

#include "core/channel_name.h"
#include "net/auth/pusher_signature.h"

#include <fmt/format.h>

namespace parley::sim {

namespace json = boost::json;

namespace {

json::object object_in(const json::value& data) {
  return data.is_string() ? json::parse(data.get_string()).as_object() : data.as_object();
}

Position position_in(const json::object& object) {
  const auto* at = object.if_contains("offset");
  if (at == nullptr) return {};
  return parse_position(fmt::format("{}:{}", text(object.at("epoch")), number(*at))).value();
}

}  // namespace

Address PusherClient::address() const {
  return {spec_.kind == ClientKind::stock ? fmt::format("/r/{}/app/{}", spec_.name, kAppKey)
                                          : fmt::format("/app/{}", kAppKey),
          "protocol=7&client=sim&version=1"};
}

void PusherClient::on_frame(std::string_view payload) {
  if (!connected()) return;
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
  on_event_of(views_.at(text(*channel)), event, frame);
}

void PusherClient::on_event_of(ChannelView& view, std::string_view event, const json::object& frame) {
  if (event == "pusher:subscription_error") {
    view.asked = view.subscribed = false;
    return subscribe_later(milliseconds(200), seconds(1));
  }
  if (!view.asked) return;  // left, and the server does not know yet
  if (event == "pusher_internal:subscription_succeeded") return on_succeeded(view, frame);
  if (!view.subscribed && view.left) return;
  if (!view.subscribed) return violated("in_order", view, fmt::format("{} came before subscription_succeeded", event));
  if (event == "parley:gap") return on_gap(view, object_in(frame.at("data")));
  const bool added = event == "pusher_internal:member_added";
  if (added || event == "pusher_internal:member_removed") {
    return on_member(view, text(object_in(frame.at("data")).at("user_id")), added);
  }
  const auto position = position_in(frame);
  if (!position.exists()) return;  // of an ephemeral channel
  const auto message = text(frame.at("data"));
  if (spec_.kind == ClientKind::stock && !plan_.unsynced(view.channel) &&
      position.offset <= checker_.confirmed_before(socket_, view.channel) && !mine(message)) {
    violated("confirmed_stays", view,
             fmt::format("{} at {} was confirmed and came again", message, position.offset.value));
  }
  on_publication(view, message, position);
}

// ---- subscribing ----

void PusherClient::subscribe_wanted() {
  if (!connected() || !socket_.exists()) return;
  for (auto& [name, view] : views_) {
    if (view.wanted && !view.asked) subscribe(view);
  }
}

void PusherClient::sign_in() {
  const auto user = fmt::format(R"({{"id":"{}"}})", spec_.user_id);
  const auto auth = net::auth::sign_user(kAppKey, kAppSecret, socket_.text(), user);
  send(json::serialize(
      json::object{{"event", "pusher:signin"}, {"data", json::object{{"auth", auth}, {"user_data", user}}}}));
}

void PusherClient::subscribe(ChannelView& view) {
  view.asked = true;
  view.subscribed = false;
  view.roster.clear();
  view.last_on_connection = 0;
  view.resuming = false;
  json::object data{{"channel", view.channel}};
  const auto member = channel_data(view.channel);
  if (member) data["channel_data"] = *member;
  if (channel_traits(view.channel).needs_auth)
    data["auth"] = net::auth::sign_channel(kAppKey, kAppSecret, socket_.text(), view.channel, member);
  if (spec_.kind == ClientKind::own && view.visited && plan_.has_history(view.channel)) {
    view.resuming = true;
    data["since"] = since_of(view);
  }
  send(json::serialize(json::object{{"event", "pusher:subscribe"}, {"data", data}}));
}

void PusherClient::on_succeeded(ChannelView& view, const json::object& frame) {
  const auto data = object_in(frame.at("data"));
  if (const auto* presence = data.if_contains("presence")) {
    std::set<std::string> users;
    for (const auto& id : presence->at("ids").as_array()) users.insert(text(id));
    on_roster(view, std::move(users));
  }
  const auto* recovered = frame.if_contains("recovered");
  on_entered(view, position_in(frame), recovered == nullptr ? std::nullopt : std::optional(recovered->as_bool()));
}

void PusherClient::leave_a_channel() {
  auto* view = some_view();
  if (view == nullptr) return;
  send(json::serialize(
      json::object{{"event", "pusher:unsubscribe"}, {"data", json::object{{"channel", view->channel}}}}));
  view->wanted = view->asked = view->subscribed = false;
  view->left = true;
  if (spec_.kind == ClientKind::stock) view->visited = false;
  scheduler_.after(scheduler_.between(milliseconds(10), seconds(4)), weak_from_this(), [this, view] {
    view->wanted = true;
    subscribe_wanted();
  });
}

// ---- publishing ----

void PusherClient::say_publish(std::uint64_t ack, const Pending& what) {
  send(fmt::format(R"({{"event":"client-message","channel":"{}","data":"{}","ack":{},"idempotency_key":"{}"}})",
                   what.channel, what.message, ack, what.message));
}

void PusherClient::on_ack(const json::object& data) {
  const auto ack = number(data.at("ack"));
  if (data.contains("error")) return on_not_published(ack);
  on_published(ack, text(data.at("channel")), position_in(data));
}

}  // namespace parley::sim

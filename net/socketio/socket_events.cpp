// What clients ask of a namespace: laravel-echo-server's three events, and those that are answered.

#include "core/limits.h"
#include "net/json/fields.h"
#include "net/socketio/encoder.h"
#include "net/socketio/headers.h"
#include "net/socketio/socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::net::socketio {

namespace {

constexpr auto kBad = Errc::bad_frame;

// The event's first argument, which has to be an object.
Result<std::string_view> object_argument(const Packet& packet, std::string_view event) {
  const auto arguments = arguments_of(packet.payload);
  if (arguments.size() < 2 || type_of(arguments[1]) != JsonType::object) {
    return make_error(kBad, fmt::format("`{}` takes an object", event));
  }
  return arguments[1];
}

}  // namespace

void Socket::answer(std::uint64_t ticket, std::string_view json, Actions& actions) {
  if (ticket != 0) say(encode_answer(terms_.nsp, ticket - 1, json), actions);
}

void Socket::answer_asked(std::string_view channel, const std::string& json, Actions& actions) {
  for (auto one = asked_.begin(); one != asked_.end();) {
    if (one->first != channel) {
      ++one;
      continue;
    }
    answer(one->second, json, actions);
    one = asked_.erase(one);
  }
}

template <class Work>
void Socket::answer_after(std::uint64_t ticket, Actions& actions, Work&& work) {
  answering_ = ticket;
  work();
  answer(std::exchange(answering_, 0), "{}", actions);
}

void Socket::dispatch(std::string_view event, const Packet& packet, MonoTime now, Actions& actions) {
  // An answer is asked under a number from 0 on; 0 as a ticket means that none is.
  const std::uint64_t ticket = packet.ack ? *packet.ack + 1 : 0;
  if (!refresh_settings(actions)) return;
  const auto depth = settings_->limits.json_depth_max;
  const auto obeyed = [&]() -> Status {
    if (packet.type == PacketType::binary_event) {
      return make_error(kBad, "binary arguments are not part of what channels carry: send text or JSON");
    }
    if (event.empty()) return make_error(kBad, "the name of an event is a string");
    const auto argument = object_argument(packet, event);
    if (!argument) return argument.error();
    if (event == "subscribe") return subscribe(*argument, ticket, actions);
    if (event == "unsubscribe") return unsubscribe(*argument, ticket, actions);
    if (event == "client event" || event == "publish") return client_event(*argument, ticket, now, actions);
    if (event == "presence") return ask_presence(*argument, ticket, now, actions);
    if (event == "history") {
      const auto asked = decode_history(*argument, depth);
      return asked ? ask_history(*asked, ticket, now, actions) : Status(asked.error());
    }
    if (event == "status") {
      auto asked = decode_status(*argument, depth);
      return asked ? ask_status(std::move(*asked), ticket, now, actions) : Status(asked.error());
    }
    if (event == "activity") {
      const auto status = decode_activity(*argument, depth);
      if (!status) return status.error();
      answer_after(ticket, actions, [&] { set_activity(*status, now, actions); });
      return {};
    }
    if (event == "token") {
      const auto token = decode_token(*argument, depth);
      if (!token) return token.error();
      answer_after(ticket, actions, [&] { renew_token(*token, now, actions); });
      return {};
    }
    if (event == "signin") {
      const auto data = decode_sign_in(*argument, depth);
      if (!data) return data.error();
      answer_after(ticket, actions, [&] { sign_in(*data, now, actions); });
      return {};
    }
    return make_error(Errc::bad_event_name,
                      "the server knows subscribe, unsubscribe, client event, publish, history, presence, status, "
                      "activity, token and signin");
  }();
  if (!obeyed) say_refusal(ticket, obeyed.error(), actions);
}

// `{"channel":"private-domain.7","auth":{"headers":{…}}}`, or a signature or a token of the channel as `auth`.
Status Socket::subscribe(std::string_view argument, std::uint64_t ticket, Actions& actions) {
  const auto fields = read_fields<5>(argument, {"channel", "auth", "channel_data", "since", "rewind"}, kBad,
                                     "the argument of subscribe");
  if (!fields) return fields.error();
  const auto [channel, auth, channel_data, since, rewind] = *fields;
  SubscribeData data;
  if (channel.empty()) return make_error(kBad, "`channel` is missing");
  if (auto read = read_string(channel, "channel", kBad, data.channel); !read) return read;
  data.headers = terms_.headers;
  if (!auth.empty() && type_of(auth) == JsonType::object) {
    auto headers = forwarded_headers(auth, app_->auth.forward_headers);
    if (!headers) return headers.error();
    merge_headers(data.headers, std::move(*headers));
  } else if (auto read = read_string(auth, "auth", kBad, data.auth); !read) {
    return read;
  }
  if (!channel_data.empty()) {
    data.channel_data.emplace();
    if (auto read = read_string(channel_data, "channel_data", kBad, *data.channel_data); !read) return read;
  }
  if (auto read = read_string(since, "since", kBad, data.since); !read) return read;
  if (!rewind.empty()) {
    const auto number = json_integer(rewind);
    if (!number || *number < 0 || *number > 1'000'000) {
      return make_error(kBad, "`rewind` must be a whole number from 0 on");
    }
    data.rewind = static_cast<std::uint32_t>(*number);
  }
  if (ticket != 0) {
    if (asked_.size() >= settings_->limits.socketio_subscribes_waiting_max) {
      context_.metrics.rate_limited("socketio_subscribes").add();
      return make_error(Errc::overloaded, "too many subscribes wait for their answers");
    }
  }
  const auto name = data.channel;
  joining_ = ticket;
  join(std::move(data), actions);
  const auto unanswered = std::exchange(joining_, std::nullopt).value_or(0);  // else it was refused at once
  const auto* subscription = find(name);
  if (unanswered == 0 || subscription == nullptr) return {};
  const auto* extra = subscription->extra.get();
  const bool asks = extra != nullptr && (extra->renewal.value != 0 || extra->asking != nullptr);
  if (subscription->active && !asks) {  // it is on it, and catches up: there is no other answer to come
    answer(unanswered, subscribed_json(name), actions);
  } else {
    asked_.emplace_back(name, unanswered);
  }
  return {};
}

Status Socket::unsubscribe(std::string_view argument, std::uint64_t ticket, Actions& actions) {
  const auto fields = read_fields<1>(argument, {"channel"}, kBad, "the argument of unsubscribe");
  if (!fields) return fields.error();
  std::string channel;
  if (fields->front().empty()) return make_error(kBad, "`channel` is missing");
  if (auto read = read_string(fields->front(), "channel", kBad, channel); !read) return read;
  leave(channel, actions);
  answer_asked(channel, error_json(make_error(Errc::not_subscribed, "the channel was left again")), actions);
  answer(ticket, "{}", actions);
  return {};
}

// `{"channel":"private-domain.7","event":"client-typing","data":{…}}`
Status Socket::client_event(std::string_view argument, std::uint64_t ticket, MonoTime now, Actions& actions) {
  const auto fields =
      read_fields<4>(argument, {"channel", "event", "data", "idempotency_key"}, kBad, "the argument of a client event");
  if (!fields) return fields.error();
  const auto [channel, event, data, key] = *fields;
  ClientFrame frame{.data = data, .ack = ticket};
  if (channel.empty() || event.empty()) return make_error(kBad, "a client event needs `channel` and `event`");
  frame.channel.emplace();
  if (auto read = read_string(channel, "channel", kBad, *frame.channel); !read) return read;
  if (auto read = read_string(event, "event", kBad, frame.event); !read) return read;
  if (auto read = read_string(key, "idempotency_key", kBad, frame.idempotency_key); !read) return read;
  if (frame.idempotency_key.size() > kIdempotencyKeyCharsMax) {
    return make_error(kBad, fmt::format("`idempotency_key` has more than {} characters", kIdempotencyKeyCharsMax));
  }
  if (!frame.event.starts_with("client-")) {
    return make_error(Errc::bad_event_name, "the name of a client event starts with client-");
  }
  return publish(frame, now, actions);
}

Status Socket::ask_presence(std::string_view argument, std::uint64_t ticket, MonoTime now, Actions& actions) {
  const auto fields = read_fields<1>(argument, {"channel"}, kBad, "the argument of presence");
  if (!fields) return fields.error();
  std::string channel;
  if (auto read = read_string(fields->front(), "channel", kBad, channel); !read) return read;
  const auto* subscription = find(channel);
  if (subscription == nullptr || !subscription->active) {
    return make_error(Errc::not_subscribed, fmt::format("the connection is not subscribed to {}", channel));
  }
  if (!channel_traits(channel).presence) return make_error(Errc::bad_request, "that is no presence channel");
  if (auto allowed = take_allowance(now); !allowed) return allowed;
  actions.request({.from = ReplyTo{{}, ticket}, .what = GetMembers{key(channel)}});
  return {};
}

}  // namespace parley::net::socketio

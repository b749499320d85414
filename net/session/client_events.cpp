// Client events: what a subscriber of a private or presence channel says to the others.

#include "core/command.h"
#include "net/session/channel_session.h"

#include <fmt/format.h>

namespace parley::net {

Result<Publish> ChannelSession::judge_event(const ClientFrame& frame, MonoTime now) {
  if (!app_->client_events) return make_error(Errc::client_events_disabled);
  if (!frame.channel) return make_error(Errc::bad_frame, "`channel` of a client event is missing");
  if (auto valid = check_event_name(frame.event, app_->limits.event_name_chars_max); !valid) return valid.error();
  if (auto valid = check_channel_name(*frame.channel, app_->limits.channel_name_chars_max); !valid) {
    return valid.error();
  }
  const auto traits = channel_traits(*frame.channel);
  if (!traits.client_events()) {
    return make_error(Errc::client_events_disabled,
                      "client events need a private or presence channel that is not encrypted");
  }
  const auto* subscription = find(*frame.channel);
  if (subscription == nullptr || !subscription->active) {
    return make_error(Errc::not_subscribed, fmt::format("the connection is not subscribed to {}", *frame.channel));
  }
  if (frame.data.size() > app_->limits.event_data_bytes_max) {
    return make_error(Errc::too_large,
                      fmt::format("the data of an event has at most {} bytes", app_->limits.event_data_bytes_max));
  }
  if (auto allowed = take_event(frame.data.size(), now); !allowed) return allowed.error();
  const bool member = subscription->extra != nullptr && subscription->extra->member != nullptr;
  std::string_view user;  // beware of ?: over a string and a literal: it makes a temporary
  if (identity_ != nullptr) user = identity_->id;
  if (member) user = subscription->extra->member->user_id;
  return Publish{
      .channel = key(*frame.channel),
      .event = frame.event,
      .data = frame.data.empty() ? std::string("null") : std::string(frame.data),
      .kind = DataKind::json,
      .except = socket_,
      .user_id = member ? std::string(user) : std::string(),
      .id_form = member ? subscription->extra->member->id_form : IdForm::text,
      .client_event = true,
      // Apart from the application's own keys, and from other users': nobody can use up their keys.
      .idempotency_key = frame.idempotency_key.empty() ? "" : fmt::format("client:{}:{}", user, frame.idempotency_key),
      .key_scope = client_keys(user),
      .once = {},
      // A tracked channel needs the offset: the sender has this one, and shall not get it when it resumes.
      .wants_reply = frame.ack != 0 || (subscription->extra != nullptr && subscription->extra->tracking),
      .wants_counts = false,
      .ack = frame.ack,
      .accepted = now,
  };
}

Status ChannelSession::take_event(std::size_t bytes, MonoTime now) {
  const auto& limits = app_->limits;
  const auto refused = [&](std::string message) {
    context_.limited_client_events.add();
    return make_error(Errc::rate_limited, std::move(message));
  };
  // Both, or neither is used up.
  if (!rates().event_bytes.has(limits.client_event_bytes_per_second_max, bytes, now)) {
    return refused(fmt::format("a connection sends at most {} bytes in client events per second",
                               limits.client_event_bytes_per_second_max));
  }
  if (!rates().events.take(limits.client_events_per_second_max, 1, now)) {
    return refused(
        fmt::format("a connection sends at most {} client events per second", limits.client_events_per_second_max));
  }
  rates().event_bytes.take(limits.client_event_bytes_per_second_max, bytes, now);
  return {};
}

Status ChannelSession::publish(const ClientFrame& event, MonoTime now, Actions& actions) {
  auto request = judge_event(event, now);
  if (!request) return request.error();
  actions.request({.from = {}, .what = std::move(*request)});
  return {};
}

}  // namespace parley::net

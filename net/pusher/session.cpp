#include "net/pusher/session.h"

#include "net/pusher/encoder.h"
#include "net/pusher/handshake.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net::pusher {

std::unique_ptr<Protocol> make_pusher_protocol(PusherSession session) {
  return std::make_unique<Session>(std::move(session));
}

Session::Session(PusherSession session)
    : context_(*session.context),
      settings_(std::move(session.settings)),
      app_(session.app),
      socket_(session.socket),
      slot_(std::move(session.slot)),
      visitor_(std::make_unique<Visitor>(Visitor{std::move(session.about), std::move(session.forwarded)})) {
  if (session.claims) arrived_with_ = std::make_unique<auth::Claims>(std::move(*session.claims));
  if (session.client_id.empty()) return;
  resumer_ = std::make_unique<Resumer>(Resumer{.client_id = std::move(session.client_id)});
}

void Session::on_open(MonoTime now, Actions& actions) {
  last_heard_ = now;
  active_at_ = now;
  if (app_->authorization_timeout.count() > 0) authorize_by_ = now + app_->authorization_timeout;
  actions.send_text(encode_established(socket_, settings_->timing.activity_timeout));
  if (arrived_with_ == nullptr) return;
  const auto claims = std::move(arrived_with_);
  adopt(std::move(*claims), now, actions);
}

void Session::on_text(std::string_view payload, MonoTime now, Actions& actions) {
  if (closing_) return;
  last_heard_ = now;
  const auto frame = decode_client_frame(payload, settings_->limits.json_depth_max);
  if (!frame) {
    send_error(frame.error(), actions);
    return;
  }
  dispatch(*frame, now, actions);
}

void Session::dispatch(const ClientFrame& frame, MonoTime now, Actions& actions) {
  const std::string_view event = frame.event;
  if (event != "pusher:ping" && event != "pusher:pong" && event != "parley:activity") note_activity(now, actions);
  if (event.starts_with("client-")) {
    publish(frame, now, actions);
  } else if (event == "pusher:ping") {
    actions.send_text(kPong);
  } else if (event == "pusher:pong") {
    on_pong(now, actions);
  } else if (event == "pusher:subscribe") {
    subscribe(frame.data, now, actions);
  } else if (event == "pusher:unsubscribe") {
    unsubscribe(frame.data, actions);
  } else if (event == "pusher:signin") {
    sign_in(frame.data, now, actions);
  } else if (event == "parley:token") {
    renew_token(frame.data, now, actions);
  } else if (event == "parley:activity") {
    set_activity(frame.data, now, actions);
  } else if (event == "parley:status") {
    ask_status(frame.data, now, actions);
  } else {
    send_error(make_error(Errc::bad_event_name, "clients send events whose name starts with client-"), actions);
  }
}

void Session::on_binary(std::string_view, MonoTime now, Actions& actions) {
  if (closing_) return;
  last_heard_ = now;
  send_error(make_error(Errc::bad_frame, "binary frames are not part of the protocol"), actions);
}

void Session::on_reply(Reply& reply, MonoTime now, Actions& actions) {
  if (closing_) return;
  if (auto* subscribed = std::get_if<Subscribed>(&reply.what)) {
    on_subscribed(*subscribed, now, actions);
  } else if (const auto* denied = std::get_if<SubscribeRefused>(&reply.what)) {
    on_refused(*denied, actions);
  } else if (const auto* missed = std::get_if<Missed>(&reply.what)) {
    on_missed(*missed, now, actions);
  } else if (const auto* published = std::get_if<Published>(&reply.what)) {
    note_own(*published, now);
    if (published->ack == 0) return;
    actions.send_text(encode_ack(published->ack, published->channel.name(), published->position));
  } else if (const auto* lost = std::get_if<PublishRefused>(&reply.what)) {
    if (lost->ack != 0) {
      actions.send_text(encode_ack_error(lost->ack, lost->channel.name(), lost->error));
    } else {
      send_error(lost->error, actions);
    }
  } else if (const auto* watchlist = std::get_if<WatchlistChanged>(&reply.what)) {
    if (!watchlist->online.empty() || !watchlist->offline.empty()) {
      actions.send_text(encode_watchlist(watchlist->online, watchlist->offline));
    }
  } else if (const auto* terminated = std::get_if<Terminated>(&reply.what)) {
    terminated_ = true;
    end_with(terminated->error, actions);
  } else if (const auto* kicked = std::get_if<Kicked>(&reply.what)) {
    kick(kicked->channel.name(), kicked->error, actions);
  } else if (auto* answer = std::get_if<ApplicationAnswer>(&reply.what)) {
    on_answer(*answer, actions);
  } else if (const auto* list = std::get_if<UserList>(&reply.what)) {
    on_status(*list, actions);
  } else if (const auto* refused = std::get_if<Refused>(&reply.what)) {
    send_error(refused->error, actions);
  }
}

MonoTime Session::liveness_deadline() const {
  const auto& timing = settings_->timing;
  const auto silent_at = last_heard_ + timing.silence_before_ping;
  return ping_is_out() ? std::max(ping_at_, silent_at) + timing.pong_timeout : silent_at;
}

MonoTime Session::deadline() const {
  if (closing_) return kNever;
  auto first = std::min(liveness_deadline(), authorize_by_);
  if (resumer_ != nullptr) first = std::min(first, resumer_->confirm_at);
  if (identity_ != nullptr) first = std::min({first, identity_->warn_at, identity_->expires_at});
  first = std::min({first, away_deadline(), channel_token_ends_});
  return first;
}

void Session::on_deadline(MonoTime now, Actions& actions) {
  if (closing_) return;
  if (now >= authorize_by_) {
    end_with(make_error(Errc::unauthorized, "the connection was not authorized in time"), actions);
    return;
  }
  if (identity_ != nullptr && now >= identity_->expires_at) {
    end_with(make_error(Errc::token_expired), actions);
    return;
  }
  if (identity_ != nullptr && now >= identity_->warn_at) warn_of_expiry(now, actions);
  if (now >= channel_token_ends_) end_channel_tokens(now, actions);
  if (now >= away_deadline()) {
    away_by_itself_ = true;
    tell_activity(UserStatus::away, actions);
  }
  if (resumer_ != nullptr && now >= resumer_->confirm_at) send_confirming_ping(now, actions);
  if (now < liveness_deadline()) return;
  if (ping_is_out()) {
    end_with(make_error(Errc::pong_timeout), actions);
    return;
  }
  if (!refresh_settings(actions)) return;
  send_ping(now, actions);
}

void Session::send_ping(MonoTime now, Actions& actions) {
  ++pings_;
  ping_at_ = now;
  actions.send_text(kPing);
}

void Session::on_pong(MonoTime now, Actions& actions) {
  if (pongs_ == pings_) return;  // nobody asked
  ++pongs_;
  confirm(now, actions);
}

void Session::send_error(const Error& error, Actions& actions) { actions.send_text(encode_error(error)); }

void Session::end_with(const Error& error, Actions& actions) {
  closing_ = true;
  send_error(error, actions);
  actions.close(close_code(error.code), error.message, error.code);
}

bool Session::refresh_settings(Actions& actions) {
  auto current = context_.settings();
  if (current == settings_) return true;
  const auto* app = current->app_by_id(app_->id);
  if (app == nullptr || !app->enabled) {
    end_with(make_error(app == nullptr ? Errc::unknown_app : Errc::app_disabled), actions);
    return false;
  }
  app_ = app;
  settings_ = std::move(current);
  return true;
}

void Session::on_drain(MonoTime, Actions& actions) {
  if (closing_) return;
  closing_ = true;
  // No pusher:error before it: for a stock client this is no error, it comes back at once.
  actions.close(close_code(Errc::reconnect), info(Errc::reconnect).sentence, Errc::reconnect);
}

void Session::on_end(EndReason reason, MonoTime now, Actions& actions) {
  closing_ = true;
  // We end connections that shall come back, or whose client is dead: neither has left on purpose. Who was
  // terminated has no grace.
  auto leave = reason == EndReason::closed_by_client ? LeaveReason::closed_by_client : LeaveReason::connection_lost;
  if (terminated_) leave = LeaveReason::unsubscribed;
  // A close frame is a word of the client's: it was here until then.
  if (reason == EndReason::closed_by_client) last_heard_ = now;
  const auto users = users_spoken_for();
  for (const auto& subscription : subscriptions_) request_leave(subscription, leave, actions);
  subscriptions_.clear();
  for (const auto& id : users) {
    SignOut out{{app_->id, id}, {}, leave, std::chrono::duration_cast<milliseconds>(now - last_heard_)};
    if (identity_ != nullptr && identity_->id == id) out.watchlist = std::move(identity_->watchlist);
    actions.request({.from = {}, .what = std::move(out)});
  }
  identity_.reset();
}

}  // namespace parley::net::pusher

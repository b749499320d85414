#include "net/pusher/session.h"

#include "net/pusher/codec.h"
#include "net/pusher/encoder.h"
#include "net/pusher/handshake.h"

#include <algorithm>

namespace parley::net::pusher {

std::unique_ptr<Protocol> make_pusher_protocol(Admitted session) {
  return std::make_unique<Session>(std::move(session));
}

Session::Session(Admitted session) : ChannelSession(std::move(session)) {
  if (session.client_id.empty()) return;
  resumer_ = std::make_unique<Resumer>(Resumer{.client_id = std::move(session.client_id)});
}

void Session::on_open(MonoTime now, Actions& actions) {
  begin(now);
  actions.send_text(encode_established(socket_, settings_->timing.activity_timeout));
  arrive(now, actions);
}

void Session::on_text(std::string_view payload, MonoTime now, Actions& actions) {
  if (closing_) return;
  last_heard_ = now;
  const auto frame = decode_client_frame(payload, settings_->limits.json_depth_max);
  if (!frame) {
    say_error(frame.error(), actions);
    return;
  }
  dispatch(*frame, now, actions);
}

void Session::on_binary(std::string_view, MonoTime now, Actions& actions) {
  if (closing_) return;
  last_heard_ = now;
  say_error(make_error(Errc::bad_frame, "binary frames are not part of the protocol"), actions);
}

void Session::dispatch(const ClientFrame& frame, MonoTime now, Actions& actions) {
  const std::string_view event = frame.event;
  if (event != "pusher:ping" && event != "pusher:pong" && event != "parley:activity") note_activity(now, actions);
  if (event.starts_with("client-")) {
    send_event(frame, now, actions);
  } else if (event == "pusher:ping") {
    actions.send_text(kPong);
  } else if (event == "pusher:pong") {
    on_pong(now, actions);
  } else if (const auto obeyed = obey(frame, now, actions); !obeyed) {
    say_error(obeyed.error(), actions);
  }
}

Status Session::obey(const ClientFrame& frame, MonoTime now, Actions& actions) {
  const std::string_view event = frame.event;
  const auto depth = settings_->limits.json_depth_max;
  if (event == "pusher:subscribe") {
    auto data = decode_subscribe(frame.data, depth);
    if (!data) return data.error();
    join(std::move(*data), actions);
  } else if (event == "pusher:unsubscribe") {
    const auto data = decode_unsubscribe(frame.data, depth);
    if (!data) return data.error();
    leave(data->channel, actions);
  } else if (event == "pusher:signin") {
    const auto data = decode_sign_in(frame.data, depth);
    if (!data) return data.error();
    sign_in(*data, now, actions);
  } else if (event == "parley:token") {
    const auto token = decode_token(frame.data, depth);
    if (!token) return token.error();
    renew_token(*token, now, actions);
  } else if (event == "parley:activity") {
    const auto status = decode_activity(frame.data, depth);
    if (!status) return status.error();
    set_activity(*status, now, actions);
  } else if (event == "parley:status") {
    if (!refresh_settings(actions)) return {};
    auto asked = decode_status(frame.data, depth);
    if (!asked) return asked.error();
    return ask_status(std::move(*asked), 0, now, actions);
  } else if (event == "parley:history") {
    if (!refresh_settings(actions)) return {};
    return read_history(frame.data, now, actions);
  } else {
    return make_error(Errc::bad_event_name, "clients send events whose name starts with client-");
  }
  return {};
}

Status Session::read_history(std::string_view data, MonoTime now, Actions& actions) {
  const auto asked = decode_history(data, settings_->limits.json_depth_max);
  if (!asked) return asked.error();
  if (reading_ == nullptr) reading_ = std::make_unique<Reading>();
  const auto ticket = ++reading_->last_ticket;
  reading_->asked.emplace(ticket, Reading::Asked{asked->id, asked->channel});
  if (const auto sent = ask_history(*asked, ticket, now, actions); !sent) say_refusal(ticket, sent.error(), actions);
  return {};
}

void Session::send_event(const ClientFrame& frame, MonoTime now, Actions& actions) {
  const auto sent = publish(frame, now, actions);
  if (sent) return;
  if (frame.ack != 0) {
    actions.send_text(encode_ack_error(frame.ack, frame.channel.value_or(""), sent.error()));
  } else {
    say_error(sent.error(), actions);
  }
}

// ---- keep-alive ----

void Session::on_control(MonoTime now) {
  if (!closing_) last_heard_ = now;
}

MonoTime Session::liveness_deadline() const {
  const auto& timing = settings_->timing;
  const auto silent_at = last_heard_ + timing.silence_before_ping;
  return ping_is_out() ? std::max(ping_at_, silent_at) + timing.pong_timeout : silent_at;
}

MonoTime Session::deadline() const {
  if (closing_) return kNever;
  auto first = std::min(liveness_deadline(), own_deadline());
  if (resumer_ != nullptr) first = std::min(first, resumer_->confirm_at);
  return first;
}

void Session::on_deadline(MonoTime now, Actions& actions) {
  if (closing_ || !meet_own_deadlines(now, actions)) return;
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

// As Pusher's protocol has it: it does not stay open as if it were signed in.
void Session::fail_sign_in(const Error& error, Actions& actions) { end_with(error, actions); }

void Session::end_with(const Error& error, Actions& actions) {
  closing_ = true;
  say_error(error, actions);
  actions.close(close_code(error.code), error.message, error.code);
}

void Session::on_drain(MonoTime, Actions& actions) {
  if (closing_) return;
  closing_ = true;
  // No pusher:error before it: for a stock client this is no error, it comes back at once.
  actions.close(close_code(Errc::reconnect), info(Errc::reconnect).sentence, Errc::reconnect);
}

}  // namespace parley::net::pusher

#include "net/socketio/socket.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/socketio/encoder.h"

#include <algorithm>

namespace parley::net::socketio {

Socket::Socket(Admitted session, SocketTerms terms) : ChannelSession(std::move(session)), terms_(std::move(terms)) {}

void Socket::on_open(MonoTime now, Actions& actions) {
  begin(now);
  if (terms_.returning != nullptr) {
    begin_restore(now, actions);
    return;
  }
  send_connect(actions);
  arrive(now, actions);
  if (recoverable()) keep_later(now);
}

SocketTerms Socket::terms_for_another() const {
  return {.nsp = terms_.nsp,
          .version = terms_.version,
          .recovery_window = terms_.recovery_window,
          .headers = terms_.headers};
}

void Socket::send_connect(Actions& actions) {
  if (terms_.version == EngineVersion::v3) {
    actions.send_text(encode_connect_v3(terms_.nsp));
  } else {
    actions.send_text(encode_connect(terms_.nsp, terms_.sid, terms_.pid));
  }
}

// Everything that a client is told goes through these two: not before it was told that it is connected.
void Socket::say(std::string text, Actions& actions) { say_or_hold(std::move(text), &Restoring::after, actions); }

// Publications of durable channels: while the session is taken up again they go before everything else.
void Socket::say_missed(std::string text, Actions& actions) {
  say_or_hold(std::move(text), &Restoring::missed, actions);
}

void Socket::say_or_hold(std::string text, std::vector<std::string> Restoring::*where, Actions& actions) {
  if (restoring_ == nullptr) {
    actions.send_text(text);
    return;
  }
  if (restoring_->failed) return;
  restoring_->bytes += text.size();
  ((*restoring_).*where).push_back(std::move(text));
  if (restoring_->bytes <= settings_->limits.catch_up_buffer_bytes_max) return;
  context_.metrics.catch_up_overflows.add();
  fail_restore("too_much", actions);
}

// Packets come by on_packet(); a namespace has no frames of its own.
void Socket::on_text(std::string_view, MonoTime, Actions&) {}
void Socket::on_binary(std::string_view, MonoTime, Actions&) {}

void Socket::on_packet(const Packet& packet, const std::vector<std::string>&, MonoTime now, Actions& actions) {
  if (closing_) return;
  last_heard_ = now;
  if (packet.type == PacketType::disconnect) {
    left_ = true;
    return;
  }
  if (packet.type != PacketType::event && packet.type != PacketType::binary_event) return;  // nobody asked for acks
  if (restoring_ != nullptr) return;  // who was not told that it is connected has nothing to say
  const auto arguments = arguments_of(packet.payload);
  const bool named = !arguments.empty() && type_of(arguments.front()) == JsonType::string;
  const auto event = named ? json_string(arguments.front()) : std::string();
  if (event != "activity") note_activity(now, actions);
  dispatch(event, packet, now, actions);
}

MonoTime Socket::deadline() const {
  if (closing_) return kNever;
  auto first = std::min(own_deadline(), keep_at_);
  if (restoring_ != nullptr) first = std::min(first, restoring_->until);
  return first;
}

void Socket::on_deadline(MonoTime now, Actions& actions) {
  if (closing_ || !meet_own_deadlines(now, actions)) return;
  if (restoring_ != nullptr && now >= restoring_->until) {
    fail_restore("timeout", actions);
    return;
  }
  if (now < keep_at_) return;
  changed_ = true;
  kept_hash_ = 0;  // the same again, for longer
  keep_later(now);
  keep(actions.wall() + kKeptWhileLive, actions);
}

void Socket::end_with(const Error& error, Actions& actions) {
  if (closing_) return;
  if (restoring_ != nullptr) {  // it was not told that it is connected
    actions.send_text(encode_connect_error(terms_.nsp, error.message, error_json(error), false));
  } else {
    say_error(error, actions);
  }
  closing_ = true;
  const int code = info(error.code).pusher_code;
  const bool for_good = code >= 4000 && code < 4100;
  if (for_good) {
    left_ = true;
    actions.send_text(encode_disconnect(terms_.nsp));
  }
  actions.close(for_good ? kEndNamespace : kEndConnection, error.message, error.code);
}

void Socket::on_drain(MonoTime, Actions&) {}  // the connection ends, the client comes back and is recovered

void Socket::on_end(EndReason reason, MonoTime now, Actions& actions) {
  // Whoever may come back is kept for the time in which it may; the channels as they are now.
  if (recoverable() && restoring_ != nullptr) {
    if (!restoring_->failed && !terminated_ && !left_) put_back(actions);
  } else if (recoverable()) {
    if (left_ || terminated_) {
      drop_kept(actions);
    } else if (settled() && worth_keeping()) {
      store(kept_text(as_it_is()), actions.wall() + terms_.recovery_window, false, actions);
    } else {
      drop_kept(actions);
    }
  }
  ChannelSession::on_end(reason, now, actions);
}

}  // namespace parley::net::socketio

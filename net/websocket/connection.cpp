#include "net/websocket/connection.h"

#include "core/error.h"
#include "core/log.h"

#include <boost/beast/websocket/stream.hpp>

#include <utility>

namespace parley::net {

namespace websocket = boost::beast::websocket;

struct WebSocketConnection::Stream {
  explicit Stream(MuxLink& link) : ws(MuxStream(link)) {}
  websocket::stream<MuxStream, false> ws;
};

namespace {

// Beast's name for what the peer did, as ours.
Errc errc_of(boost::system::error_code error) {
  if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) return Errc::too_large;
  return Errc::bad_frame;
}

bool peer_broke_rules(boost::system::error_code error) {
  return error.category() == websocket::make_error_code(websocket::error::closed).category() &&
         error != websocket::error::closed;
}

}  // namespace

WebSocketConnection::WebSocketConnection(Hub& hub, Transport transport, std::string read_already, Accepted accepted,
                                         SocketId socket, AddressShares::Place counted, AddressShares::Bytes bytes)
    : MuxLink(hub, std::move(transport), std::move(read_already)),
      Session(accepted.wire),
      stream_(std::make_unique<Stream>(*this)),
      protocol_(std::move(accepted.protocol)),
      counted_(std::move(counted)),
      bytes_(std::move(bytes)),
      socket_(socket),
      message_bytes_max_(accepted.message_bytes_max),
      wire_(accepted.wire),
      in_hub_(accepted.in_hub) {
  comes_from(accepted.origin);
}

WebSocketConnection::~WebSocketConnection() = default;

// ---- the upgrade ----

void WebSocketConnection::start(const UpgradeHead& head) {
  auto& ws = stream_->ws;
  ws.read_message_max(message_bytes_max_ > 0 ? message_bytes_max_ : hub().settings()->limits.frame_bytes_max);
  ws.auto_fragment(false);
  ws.control_callback([this](websocket::frame_type kind, boost::beast::string_view) {
    if (kind != websocket::frame_type::close) heard();
  });
  ws.set_option(websocket::stream_base::decorator(
      [](websocket::response_type& response) { response.set(boost::beast::http::field::server, "parley"); }));
  schedule(hub().now() + hub().settings()->limits.handshake_timeout);
  ws.async_accept(head, [this](boost::system::error_code error) { upgraded(error); });
}

void WebSocketConnection::upgraded(boost::system::error_code error) {
  if (phase_ != Phase::upgrading) return;
  if (error) {
    // Beast has answered what was wrong with the request; the socket goes when that is out.
    hub().world().metrics.handshakes_refused("bad_upgrade").add();
    phase_ = Phase::over;
    protocol_.reset();
    finish();
    return;
  }
  phase_ = Phase::open;
  hub().world().metrics.connections_opened.add();
  open_connections().add(1);
  if (in_hub_ && !hub().add_session(*this, socket_)) {
    log_error("socket id taken: connection ended", {{"socket_id", socket_.text()}});
    return abort();
  }
  with_protocol([&](MonoTime now) { protocol_->on_open(now, *this); });
  if (drain_asked_) drain();
  read_loop();
}

// ---- reading ----

void WebSocketConnection::read_loop() {
  // Beast may complete inside the call, with a frame that it had already: then loop, do not nest.
  for (;;) {
    if (gone() || finishing() || phase_ == Phase::over) return;
    const auto scratch = hub().scratch();
    starting_read_ = true;
    read_done_at_once_ = false;
    stream_->ws.async_read_some(boost::asio::mutable_buffer(scratch.data(), scratch.size()),
                                boost::asio::bind_executor(InlineExecutor(executor()),
                                                           [this](boost::system::error_code error, std::size_t bytes) {
                                                             if (starting_read_) {
                                                               read_done_at_once_ = true;
                                                               read_error_ = error;
                                                               read_bytes_ = bytes;
                                                             } else if (on_read(error, bytes)) {
                                                               read_loop();
                                                             }
                                                           }));
    starting_read_ = false;
    if (!read_done_at_once_ || !on_read(read_error_, read_bytes_)) return;
  }
}

bool WebSocketConnection::on_read(boost::system::error_code error, std::size_t bytes) {
  if (gone() || phase_ == Phase::over) return false;
  if (error) {
    read_failed(error);
    return false;
  }
  auto& ws = stream_->ws;
  const std::string_view piece(hub().scratch().data(), bytes);
  if (!ws.is_message_done()) {
    heard();
    return keep(piece);
  }
  ++hub().counts().frames_received;
  if (partial_.empty()) {
    on_message(piece, ws.got_text());
  } else {
    partial_.append(piece);
    const std::string whole = std::exchange(partial_, std::string());
    bytes_.hold(0);
    on_message(whole, ws.got_text());
  }
  return !gone();
}

bool WebSocketConnection::keep(std::string_view piece) {
  if (phase_ != Phase::open) return true;  // nobody will hear it
  if (bytes_.ask(partial_.size() + piece.size(), hub().settings()->limits, hub().now())) {
    partial_.append(piece);
    return true;
  }
  std::string().swap(partial_);
  bytes_.hold(0);
  with_protocol(
      [&](MonoTime) { close(4100, "too much is being sent at once: retry after a second", Errc::over_capacity); });
  return !gone();
}

// Something came that the protocol does not see: a ping, a pong, part of a message.
void WebSocketConnection::heard() {
  // No more than a note: its deadline only moves away, and is asked for when the old one comes.
  if (protocol_ && phase_ == Phase::open) protocol_->on_control(hub().now());
}

void WebSocketConnection::read_failed(boost::system::error_code error) {
  if (phase_ == Phase::closing) {
    // The peer answered our close, or went.
    phase_ = Phase::over;
    return finish(error == websocket::error::closed ? Ending::at_once : Ending::linger);
  }
  if (error == websocket::error::closed) {
    end(EndReason::closed_by_client, "client");
    return finish(Ending::at_once);
  }
  if (peer_broke_rules(error)) {
    end(EndReason::closed_by_us, info(errc_of(error)).name);  // Beast sent the close frame
  } else {
    end(EndReason::connection_lost, "lost");
    return abort();
  }
  finish();
}

void WebSocketConnection::on_message(std::string_view payload, bool text) {
  with_protocol([&](MonoTime now) {
    if (text) {
      protocol_->on_text(payload, now, *this);
    } else {
      protocol_->on_binary(payload, now, *this);
    }
  });
}

// ---- the protocol ----

template <class Call>
void WebSocketConnection::with_protocol(Call&& call) {
  if (!protocol_ || phase_ != Phase::open) return;
  // Sending inside a call never comes back in here: overflow and loss wait for the end of the turn.
  calling_ = true;
  call(hub().now());
  calling_ = false;
  after_call();
}

void WebSocketConnection::after_call() {
  if (!protocol_ || phase_ != Phase::open) return;
  if (close_asked_) {
    const std::string_view name = info(close_why_).name;
    end(EndReason::closed_by_us, name);
    phase_ = Phase::closing;
    closing_until_ = hub().now() + hub().world().closing_timeout;
    hub().timers().cancel(*this);
    schedule(closing_until_);
    return;
  }
  schedule(protocol_->deadline());
}

void WebSocketConnection::end(EndReason reason, std::string_view metric) {
  if (!protocol_ || phase_ != Phase::open) return;
  phase_ = Phase::over;
  // The protocol may still make requests, but not send.
  close_asked_ = true;
  protocol_->on_end(reason, hub().now(), *this);
  if (in_hub_) hub().remove_session(*this);
  protocol_.reset();
  counted_ = {};
  std::string().swap(partial_);
  bytes_.hold(0);
  hub().world().metrics.connections_closed(metric).add();
  open_connections().add(-1);
}

void WebSocketConnection::deliver(const Bytes& frame) {
  if (close_asked_) return;
  write(frame);
  ++hub().counts().frames_sent;
  check_queue();
}

void WebSocketConnection::on_event(const ChannelEvent& event, const Bytes& frame) {
  with_protocol([&](MonoTime now) { protocol_->on_event(event, frame, now, *this); });
}

void WebSocketConnection::on_reply(Reply& reply) {
  with_protocol([&](MonoTime now) { protocol_->on_reply(reply, now, *this); });
}

void WebSocketConnection::announce(Announcer& to) const {
  if (protocol_ != nullptr && phase_ == Phase::open) protocol_->announce(to);
}

void WebSocketConnection::on_room() {
  const auto alive = shared_from_this();
  with_protocol([&](MonoTime now) { protocol_->on_room(now, *this); });
}

MonoTime WebSocketConnection::on_deadline(MonoTime now) {
  switch (phase_) {
    case Phase::upgrading:
      hub().world().metrics.handshakes_refused(info(Errc::timeout).name).add();
      abort();
      return MonoTime::max();
    case Phase::open: {
      if (now < protocol_->deadline()) return protocol_->deadline();
      with_protocol([&](MonoTime at) { protocol_->on_deadline(at, *this); });
      return protocol_ ? protocol_->deadline() : closing_until_;
    }
    case Phase::closing:
      if (now < closing_until_) return closing_until_;
      abort();
      return MonoTime::max();
    case Phase::over:
      return MonoTime::max();
  }
  return MonoTime::max();
}

void WebSocketConnection::drain() {
  drain_asked_ = true;  // an upgrade under way drains when it is done
  with_protocol([&](MonoTime now) { protocol_->on_drain(now, *this); });
}

// ---- Actions ----

WallTime WebSocketConnection::wall() const { return hub().world().clock.wall(); }

void WebSocketConnection::ask_application(AuthQuestion question) { hub().ask_application(std::move(question)); }

void WebSocketConnection::send_text(std::string_view payload) { send_message(Opcode::text, payload); }

void WebSocketConnection::send_binary(std::string_view payload) { send_message(Opcode::binary, payload); }

void WebSocketConnection::send_message(Opcode opcode, std::string_view payload) {
  if (close_asked_ || gone()) return;
  const std::size_t before = outbox().size();
  std::string& tail = outbox().tail();
  const std::size_t tail_before = tail.size();
  append_frame(tail, opcode, payload);
  outbox().added(tail.size() - tail_before);
  outbox_changed(before);
  ++hub().counts().frames_sent;
  check_queue();
}

void WebSocketConnection::send_frame(const Bytes& frame) { deliver(frame); }

void WebSocketConnection::send_long(std::unique_ptr<TextSource> text) {
  if (close_asked_ || gone()) return;
  const std::size_t before = outbox().size();
  std::string header;
  append_frame_header(header, Opcode::text, text->size());
  outbox().append(std::move(header), std::move(text));
  outbox_changed(before);
  ++hub().counts().frames_sent;
}

void WebSocketConnection::request(Request request) {
  request.from = ReplyTo{hub().address_of(socket_), request.from.ticket, life(), origin()};
  hub().submit(std::move(request));
}

void WebSocketConnection::listen(const ChannelKey& channel, ListenMode mode) {
  if (phase_ == Phase::open) hub().listen(*this, channel, mode);
}

void WebSocketConnection::unlisten(const ChannelKey& channel) { hub().unlisten(*this, channel); }

void WebSocketConnection::close(std::uint16_t code, std::string_view reason, Errc why) {
  if (close_asked_ || gone()) return;
  close_asked_ = true;
  close_why_ = why;
  std::string frame;
  append_close_frame(frame, code, reason);
  write(std::string_view(frame));
  mute();
  if (calling_) return;
  // Asked for from outside: by a session that has several ways to its client.
  hub().at_turn_end([this, alive = shared_from_this()] { after_call(); });
}

const Gauge& WebSocketConnection::open_connections() {
  const auto& metrics = hub().world().metrics;
  return wire_ == Wire::pusher ? metrics.connections_pusher : metrics.connections_socketio;
}

// ---- bounds and losses ----

void WebSocketConnection::check_queue() {
  if (overflowed_ || outbox().size() <= hub().queue_bytes_max()) return;
  overflowed_ = true;
  hub().mark_overflowed(*this);
}

void WebSocketConnection::on_overflow() {
  if (gone() || phase_ != Phase::open) return;
  // What is queued in this turn may go out yet: only what the socket does not take counts.
  flush();
  overflowed_ = false;
  if (gone() || outbox().size() <= hub().queue_bytes_max()) return;
  overflowed_ = true;
  hub().world().metrics.slow_consumers.add();
  const ErrorInfo& why = info(Errc::slow_consumer);
  end(EndReason::closed_by_us, why.name);
  if (tls()) return abort();  // a TLS record that is half out cannot be changed
  const std::size_t before = outbox().size();
  if (!outbox().keep_current_frame_only()) return abort();  // nor a long frame
  outbox_changed(before);
  std::string frame;
  append_close_frame(frame, static_cast<std::uint16_t>(why.pusher_code), why.sentence);
  mute();
  write(std::string_view(frame));
  phase_ = Phase::closing;
  closing_until_ = hub().now() + hub().world().closing_timeout;
  hub().timers().cancel(*this);
  schedule(closing_until_);
}

void WebSocketConnection::on_lost() {
  if (phase_ == Phase::upgrading) {
    hub().world().metrics.handshakes_refused("lost").add();
    phase_ = Phase::over;
    protocol_.reset();
    return;
  }
  end(EndReason::connection_lost, "lost");
  phase_ = Phase::over;
}

}  // namespace parley::net

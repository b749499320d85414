#include "tests/sim/hub.h"

#include "core/check.h"

#include <algorithm>

namespace parley::sim {

// ---- a session (net/websocket/connection.cpp) ----

template <class Call>
void ServerSession::with_protocol(Call&& call) {
  if (protocol_ == nullptr || closing_) return;
  const auto self = shared_from_this();
  call(hub_.scheduler().now());
  if (closing_) {
    connection_->close_by_server();
    return end(net::EndReason::closed_by_us);
  }
  schedule();
}

void ServerSession::open() {
  with_protocol([this](MonoTime now) { protocol_->on_open(now, *this); });
}

void ServerSession::on_event(const ChannelEvent& event, const Bytes& frame) {
  const auto* published = std::get_if<ChannelEvent::Published>(&event.what);
  with_protocol([&](MonoTime now) {
    protocol_->on_event(event, frame, now, *this);
    if (hub_.plan().bug == Bug::confirmed_when_sent && published != nullptr &&
        published->publication->position.exists()) {
      // As if the client had answered a ping already.
      protocol_->on_deadline(now + milliseconds(500), *this);
      protocol_->on_text(R"({"event":"pusher:pong"})", now, *this);
    }
  });
}

void ServerSession::on_reply(Reply& reply) {
  with_protocol([&](MonoTime now) { protocol_->on_reply(reply, now, *this); });
}

void ServerSession::on_frame(std::string_view payload) {
  hub_.scheduler().note("server <", payload);
  with_protocol([&](MonoTime now) { protocol_->on_text(payload, now, *this); });
}

void ServerSession::on_gone(Gone how) {
  if (protocol_ == nullptr) return;
  const auto self = shared_from_this();
  closing_ = true;
  if (hub_.plan().bug == Bug::leave_forgotten && how == Gone::lost && hub_.scheduler().chance(0.5)) {
    hub_.remove(*this);
    return;
  }
  end(how == Gone::lost ? net::EndReason::connection_lost : net::EndReason::closed_by_client);
}

void ServerSession::end(net::EndReason reason) {
  if (protocol_ == nullptr) return;
  protocol_->on_end(reason, hub_.scheduler().now(), *this);
  protocol_.reset();
  hub_.remove(*this);
}

void ServerSession::schedule() {
  const auto due = protocol_->deadline();
  if (due >= timer_ || due == MonoTime::max()) return;
  timer_ = due;
  // The wheel of a hub is coarse.
  const auto when = std::max(due, hub_.scheduler().now()) + hub_.scheduler().between(nanoseconds(0), milliseconds(250));
  hub_.scheduler().at(when, weak_from_this(), [this] {
    timer_ = MonoTime::max();
    with_protocol([this](MonoTime now) {
      if (now >= protocol_->deadline()) protocol_->on_deadline(now, *this);
    });
  });
}

// The client's socket takes what was sent, sooner or later.
void ServerSession::ask_room() {
  const auto longest = hub_.scheduler().chance(hub_.plan().slow_readers) ? milliseconds(3'000) : milliseconds(100);
  const auto when = hub_.scheduler().now() + hub_.scheduler().between(nanoseconds(0), longest);
  hub_.scheduler().at(when, weak_from_this(),
                      [this] { with_protocol([this](MonoTime now) { protocol_->on_room(now, *this); }); });
}

WallTime ServerSession::wall() const { return hub_.scheduler().wall(); }

void ServerSession::ask_application(net::AuthQuestion) {
  CHECK(false);
}  // no application of the simulator has an address

void ServerSession::request(Request request) {
  request.from = ReplyTo{hub_.address_of(socket_)};
  hub_.submit(std::move(request));
}

void ServerSession::listen(const ChannelKey& channel, net::ListenMode mode) {
  if (!closing_) hub_.listen(*this, channel, mode);
}

void ServerSession::unlisten(const ChannelKey& channel) { hub_.unlisten(*this, channel); }

void ServerSession::close(std::uint16_t, std::string_view reason, Errc) {
  hub_.scheduler().note("server closes", reason);
  closing_ = true;
}

// ---- the table (net/hub/hub.cpp) ----

void Hub::add(std::shared_ptr<ServerSession> session) {
  const auto socket = session->socket();
  sessions_.emplace(socket, std::move(session));
}

void Hub::remove(ServerSession& session) {
  for (auto at = channels_.begin(); at != channels_.end();) {
    std::erase_if(at->second, [&](const Row& row) { return row.session == &session; });
    at = at->second.empty() ? channels_.erase(at) : std::next(at);
  }
  sessions_.erase(session.socket());
}

void Hub::listen(ServerSession& session, const ChannelKey& channel, net::ListenMode mode) {
  auto& rows = channels_[channel];
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.session == &session; });
  if (row == rows.end()) {
    rows.push_back({&session, mode});
  } else {
    row->mode = mode;
  }
}

void Hub::unlisten(ServerSession& session, const ChannelKey& channel) {
  const auto rows = channels_.find(channel);
  if (rows == channels_.end()) return;
  std::erase_if(rows->second, [&](const Row& row) { return row.session == &session; });
  if (rows->second.empty()) channels_.erase(rows);
}

void Hub::submit(Request request) { submit_(std::move(request)); }

void Hub::handle(actors::HubMessage& message) {
  if (const auto* event = std::get_if<ChannelEventPtr>(&message)) return fan_out(**event);
  auto& reply = std::get<Reply>(message);
  if (!reply.to.session.exists()) {
    if (answered_) answered_(reply);
    return;
  }
  const auto found = sessions_.find(reply.to.session);
  if (found == sessions_.end()) return;
  const auto session = found->second;
  session->on_reply(reply);
}

void Hub::fan_out(const ChannelEvent& event) {
  const auto found = channels_.find(event.channel);
  if (found == channels_.end()) return;
  const auto frame = make_bytes(encoder_.encode(event));
  // Who leaves while the event is on its way through the list does not get it; who comes neither.
  std::vector<std::pair<std::weak_ptr<ServerSession>, net::ListenMode>> rows;
  for (const auto& row : found->second) rows.emplace_back(row.session->weak_from_this(), row.mode);
  for (const auto& [listener, mode] : rows) {
    const auto session = listener.lock();
    if (session == nullptr || session->socket() == event.except) continue;
    if (mode == net::ListenMode::direct) {
      session->deliver(frame);
    } else {
      session->on_event(event, frame);
    }
  }
}

}  // namespace parley::sim

#include "tests/sim/hub.h"

#include "core/check.h"

#include <utility>

namespace parley::sim {

// ---- a connection ----

template <class Call>
void ServerSession::with_protocol(Call&& call) {
  if (protocol_ == nullptr || closing_) return;
  const auto self = shared_from_this();
  calling_ = true;
  call(hub_.real().now());
  calling_ = false;
  after_call();
}

void ServerSession::after_call() {
  if (protocol_ == nullptr) return;
  if (closing_) {
    connection_->close_by_server();
    return end(net::EndReason::closed_by_us);
  }
  hub_.real().timers().schedule(*this, protocol_->deadline());
}

void ServerSession::open() {
  hub_.turn([this] {
    if (in_hub_) CHECK(hub_.real().add_session(*this, socket_));
    with_protocol([this](MonoTime now) { protocol_->on_open(now, *this); });
  });
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

void ServerSession::on_skipped(const ChannelEvent& event) {
  with_protocol([&](MonoTime now) { protocol_->on_skipped(event, now, *this); });
}

void ServerSession::on_reply(Reply& reply) {
  with_protocol([&](MonoTime now) { protocol_->on_reply(reply, now, *this); });
}

void ServerSession::on_frame(std::string_view payload) {
  hub_.scheduler().note("server <", payload);
  hub_.turn([&] { with_protocol([&](MonoTime now) { protocol_->on_text(payload, now, *this); }); });
}

void ServerSession::on_gone(Gone how) {
  if (protocol_ == nullptr) return;
  const auto self = shared_from_this();
  closing_ = true;
  hub_.turn([&] {
    if (in_hub_ && hub_.plan().bug == Bug::leave_forgotten && how == Gone::lost && hub_.scheduler().chance(0.5)) {
      hub_.real().remove_session(*this);
      return hub_.let_go(*this);
    }
    end(how == Gone::lost ? net::EndReason::connection_lost : net::EndReason::closed_by_client);
  });
}

void ServerSession::end(net::EndReason reason) {
  if (protocol_ == nullptr) return;
  hub_.real().timers().cancel(*this);
  protocol_->on_end(reason, hub_.real().now(), *this);
  if (in_hub_) hub_.real().remove_session(*this);
  protocol_.reset();
  hub_.let_go(*this);
}

MonoTime ServerSession::on_timer(MonoTime now) {
  if (protocol_ == nullptr) return MonoTime::max();
  if (now >= protocol_->deadline()) with_protocol([this](MonoTime at) { protocol_->on_deadline(at, *this); });
  return protocol_ == nullptr ? MonoTime::max() : protocol_->deadline();
}

// The client's socket takes what was sent, sooner or later.
void ServerSession::ask_room() {
  const auto longest = hub_.scheduler().chance(hub_.plan().slow_readers) ? milliseconds(3'000) : milliseconds(100);
  const auto when = hub_.scheduler().now() + hub_.scheduler().between(nanoseconds(0), longest);
  hub_.scheduler().at(when, weak_from_this(), [this] {
    hub_.turn([this] { with_protocol([this](MonoTime now) { protocol_->on_room(now, *this); }); });
  });
}

WallTime ServerSession::wall() const { return hub_.scheduler().wall(); }

void ServerSession::ask_application(net::AuthQuestion) {
  CHECK(false);
}  // no application of the simulator has an address

void ServerSession::request(Request request) {
  request.from = ReplyTo{hub_.real().address_of(socket_), request.from.ticket, life(), origin()};
  hub_.real().submit(std::move(request));
}

void ServerSession::listen(const ChannelKey& channel, net::ListenMode mode) {
  if (!closing_) hub_.real().listen(*this, channel, mode);
}

void ServerSession::unlisten(const ChannelKey& channel) { hub_.real().unlisten(*this, channel); }

void ServerSession::close(std::uint16_t, std::string_view reason, Errc) {
  if (std::exchange(closing_, true)) return;
  hub_.scheduler().note("server closes", reason);
  // Asked for from outside: by a session that has several ways to its client.
  if (!calling_) hub_.real().at_turn_end([self = shared_from_this()] { self->after_call(); });
}

// ---- the thread ----

Hub::Hub(Scheduler& scheduler, const Plan& plan, Process& process, net::HubWorld world)
    : scheduler_(scheduler), plan_(plan), process_(process), hub_(world) {
  hub_.set_post(
      [this](std::function<void()> work) {
        posts_.post(scheduler_, process_.hop(), process_.life(), std::move(work),
                    [this](const std::function<void()>& now) { turn(now); });
      },
      nullptr);
  tick_later(scheduler_.between(nanoseconds(0), world.tick));
}

void Hub::tick_later(nanoseconds wait) {
  scheduler_.after(wait, process_.life(), [this] {
    turn([this] { hub_.tick(); });
    tick_later(hub_.world().tick);
  });
}

void Hub::add(std::shared_ptr<ServerSession> session) {
  const auto* key = session.get();
  sessions_.emplace(key, std::move(session));
}

void Hub::let_go(ServerSession& session) {
  const auto found = sessions_.find(&session);
  if (found == sessions_.end()) return;
  hub_.at_turn_end([last = std::move(found->second)] {});
  sessions_.erase(found);
}

}  // namespace parley::sim

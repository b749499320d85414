#include "net/engine/session.h"

#include "core/check.h"
#include "net/address/client_origin.h"
#include "net/engine/registry.h"
#include "net/hub/link.h"
#include "net/socketio/fixture.h"

#include <algorithm>
#include <utility>

namespace parley::net {

using socketio::EngineAnswer;
using socketio::EngineEnd;

// A namespace's end in the hub: what the hub hands over goes to the client, what the end wants done goes to the hub or
// into the engine.
class EngineSession::End final : public Session, public Actions {
 public:
  End(EngineSession& owner, SocketId id, Wire wire) : Session(wire), owner_(owner), id_(id) {
    comes_from(owner.origin_);
  }

  // Session
  void deliver(const Bytes& frame) override { owner_.engine_.send_shared(frame); }
  void on_event(const ChannelEvent& event, const Bytes& frame) override {
    call([&](MonoTime now) { owner_.socketio_->on_event(id_, event, frame, now); });
  }
  void on_skipped(const ChannelEvent& event) override {
    call([&](MonoTime now) { owner_.socketio_->on_skipped(id_, event, now); });
  }
  void on_reply(Reply& reply) override {
    call([&](MonoTime now) { owner_.socketio_->on_reply(id_, reply, now); });
  }
  void announce(Announcer& to) const override {
    if (owner_.socketio_ != nullptr) owner_.socketio_->announce(id_, to);
  }

  // Actions
  [[nodiscard]] WallTime wall() const override { return owner_.wall(); }
  void send_text(std::string_view payload) override { owner_.engine_.send(payload); }
  void send_binary(std::string_view payload) override { owner_.engine_.send_binary(payload); }
  void send_frame(const Bytes& frame) override { owner_.engine_.send_shared(frame); }
  void send_long(std::unique_ptr<TextSource> text) override {
    const auto* socket = owner_.websocket_;
    if (socket != nullptr && owner_.engine_.sends_frames()) return socket->actions()->send_long(std::move(text));
    Actions::send_long(std::move(text));
  }
  void ask_room() override { owner_.ask_room(); }
  void request(Request request) override {
    request.from = ReplyTo{owner_.hub_.address_of(id_), request.from.ticket, life(), origin()};
    owner_.hub_.submit(std::move(request));
  }
  void ask_application(AuthQuestion question) override { owner_.hub_.ask_application(std::move(question)); }
  void listen(const ChannelKey& channel, ListenMode mode) override {
    if (!removed_) owner_.hub_.listen(*this, channel, mode);
  }
  void unlisten(const ChannelKey& channel) override {
    if (!removed_) owner_.hub_.unlisten(*this, channel);
  }
  void close(std::uint16_t code, std::string_view, Errc) override {
    owner_.socketio_->on_close(id_, code, owner_.hub_.now());
  }

  void remove() {
    removed_ = true;
    owner_.hub_.remove_session(*this);
  }
  [[nodiscard]] SocketId socket() const { return id_; }

 private:
  template <class Call>
  void call(Call&& what) {
    if (removed_) return;
    const auto alive = owner_.shared_from_this();
    const auto now = owner_.hub_.now();
    what(now);
    owner_.after(now);
  }

  EngineSession& owner_;
  SocketId id_;
  bool removed_ = false;
};

namespace {

std::unique_ptr<socketio::EngineClient> make_client(SessionContext& context, socketio::ClientHost& host,
                                                    EngineSession::Opening& opening) {
  if (opening.echo) return std::make_unique<socketio::EngineEcho>();
  return std::make_unique<socketio::Client>(context, host, std::move(opening.hello), opening.connect_timeout,
                                            opening.fixture);
}

}  // namespace

EngineSession::EngineSession(EngineRegistry& registry, SessionContext& context, Hub& hub, Opening opening)
    : registry_(registry),
      hub_(hub),
      origin_(origin_of(opening.hello.address)),
      client_(make_client(context, *this, opening)),
      socketio_(opening.echo ? nullptr : static_cast<socketio::Client*>(client_.get())),
      engine_(opening.settings, opening.version, std::move(opening.sid), *this, *client_) {
  if (socketio_ != nullptr) {
    socketio_->attach(engine_);
  } else {
    static_cast<socketio::EngineEcho*>(client_.get())->attach(engine_);
  }
}

EngineSession::~EngineSession() = default;

// ---- polling ----

void EngineSession::open_polling(socketio::PollForm form, AddressShares::Place place, const Answer& answer) {
  const auto now = hub_.now();
  place_ = std::move(place);
  hub_.add_guest(*this);
  answer(engine_.open_polling(form, now));
  after(now);
}

// A session that was opened and left costs its opener one request: it is no connection until somebody comes back to it.
bool EngineSession::came_back(MonoTime now) {
  if (!place_.granted() || place_.kind() != AddressShares::Kind::opening) return true;
  if (!place_.become_client(hub_.settings()->limits, now)) {
    engine_.abandon(now);
    after(now);
    return false;
  }
  polled_ = true;
  hub_.world().metrics.connections_opened.add();
  hub_.world().metrics.connections_socketio.add(1);
  return true;
}

EngineAnswer EngineSession::over_capacity() {
  return {.status = 503, .body = R"({"code":4,"message":"over capacity"})", .content_type = "application/json"};
}

void EngineSession::poll(std::uint64_t number, socketio::PollForm form, Answer answer) {
  const auto now = hub_.now();
  if (!came_back(now)) return answer(over_capacity());
  engine_.on_deadline(now);  // the timers are coarse; who is late is late
  EngineAnswer refused;
  // A poll that is refused may end the session, which answers the one that is parked.
  auto parked = std::exchange(poll_, std::move(answer));
  if (engine_.parked()) std::swap(parked, poll_);
  const auto before = std::exchange(poll_number_, number);
  if (!engine_.poll(form, now, refused)) {
    poll_number_ = before;
    (parked ? parked : std::exchange(poll_, nullptr))(std::move(refused));
  }
  after(now);
}

void EngineSession::poll_lost(std::uint64_t number) {
  if (number != poll_number_) return;
  const auto now = hub_.now();
  poll_ = nullptr;
  engine_.poll_lost(now);
  after(now);
}

void EngineSession::post(std::string_view body, bool binary, const Answer& answer) {
  const auto now = hub_.now();
  if (!came_back(now)) return answer(over_capacity());
  engine_.on_deadline(now);
  ++hub_.counts().frames_received;
  answer(engine_.post(body, binary, now));
  after(now);
}

void EngineSession::post_too_large(const Answer& answer) {
  const auto now = hub_.now();
  answer(engine_.post_too_large(now));
  after(now);
}

void EngineSession::post_refused(const Answer& answer) {
  const auto now = hub_.now();
  answer(engine_.post_refused(now));
  after(now);
}

void EngineSession::bad_method(const Answer& answer) { answer(engine_.bad_method()); }

void EngineSession::answer_poll(EngineAnswer answer) {
  ++hub_.counts().frames_sent;
  if (const auto to = std::exchange(poll_, nullptr)) to(std::move(answer));
}

// ---- WebSockets ----

void EngineSession::websocket_open(EngineWebSocket& socket, bool upgrade) {
  const auto now = hub_.now();
  if (!upgrade) {
    registry_.remember(shared_from_this());
    websocket_ = &socket;
    engine_.open_websocket(now);
  } else if (!finished_ && came_back(now) && engine_.begin_upgrade(now)) {
    probe_ = &socket;
  } else {
    socket.actions()->close(0, {}, Errc::bad_request);
    socket.let_go();
    return;
  }
  after(now);
}

void EngineSession::websocket_frame(EngineWebSocket& socket, bool text, std::string_view payload) {
  const auto now = hub_.now();
  engine_.on_frame(&socket == probe_, text, payload, now);
  // The upgrade is done: what probed carries the session now.
  if (probe_ == &socket && engine_.transport() == socketio::EngineTransport::websocket) {
    websocket_ = std::exchange(probe_, nullptr);
    engine_.send_waiting();
    if (room_asked_) ask_room();
  }
  after(now);
}

// The timer asks for the deadline when the old one comes.
void EngineSession::websocket_control(EngineWebSocket& socket, MonoTime now) {
  if (&socket == websocket_) engine_.heard_control(now);
}

void EngineSession::websocket_lost(EngineWebSocket& socket, EndReason reason) {
  const auto now = hub_.now();
  const bool probe = &socket == probe_;
  if (!probe && &socket != websocket_) return;
  (probe ? probe_ : websocket_) = nullptr;
  engine_.websocket_lost(probe, reason == EndReason::closed_by_client, now);
  after(now);
}

void EngineSession::send_text(bool probe, std::string_view packet) {
  const auto* socket = probe ? probe_ : websocket_;
  if (socket != nullptr) socket->actions()->send_text(packet);
}

void EngineSession::send_binary(std::string_view payload) {
  if (websocket_ != nullptr) websocket_->actions()->send_binary(payload);
}

void EngineSession::send_frame(const Bytes& frame) {
  if (websocket_ != nullptr) websocket_->actions()->send_frame(frame);
}

void EngineSession::close_websocket(bool probe) {
  auto* socket = std::exchange(probe ? probe_ : websocket_, nullptr);
  if (socket == nullptr) return;
  socket->actions()->close(0, {}, Errc::reconnect);
  socket->let_go();
}

// ---- time, turns, the end ----

void EngineSession::flush_later() {
  hub_.at_turn_end([alive = shared_from_this()] {
    const auto now = alive->hub_.now();
    alive->engine_.flush(now);
    alive->after(now);
    alive->give_room();
  });
}

// ---- room: what waits for a poll here, or in the WebSocket's queue ----

void EngineSession::ask_room() {
  room_asked_ = true;
  if (engine_.transport() == socketio::EngineTransport::websocket) {
    if (websocket_ != nullptr) websocket_->actions()->ask_room();
    return;
  }
  hub_.at_turn_end([alive = shared_from_this()] { alive->give_room(); });
}

void EngineSession::give_room() {
  if (!room_asked_ || finished_ || socketio_ == nullptr || engine_.over()) return;
  if (engine_.transport() == socketio::EngineTransport::polling && engine_.queue_bytes() > Link::kRoomBytes) return;
  room_asked_ = false;
  const auto now = hub_.now();
  socketio_->on_room(now);
  after(now);
}

void EngineSession::websocket_room(EngineWebSocket& socket) {
  if (&socket == websocket_) give_room();
}

void EngineSession::later(std::function<void()> work) {
  hub_.at_turn_end([alive = shared_from_this(), work = std::move(work)] {
    if (alive->finished_) return;
    work();
    alive->after(alive->hub_.now());
  });
}

MonoTime EngineSession::on_timer(MonoTime now) {
  const auto alive = shared_from_this();
  if (finished_) return MonoTime::max();
  if (now >= engine_.deadline()) engine_.on_deadline(now);
  if (socketio_ != nullptr && !engine_.over() && now >= socketio_->deadline()) socketio_->on_deadline(now);
  after(now);
  return finished_ ? MonoTime::max()
                   : std::min(engine_.deadline(), socketio_ ? socketio_->deadline() : MonoTime::max());
}

void EngineSession::after(MonoTime) {
  if (finished_) return;
  if (!engine_.over()) {
    auto next = engine_.deadline();
    if (socketio_ != nullptr) next = std::min(next, socketio_->deadline());
    hub_.timers().schedule(*this, next);
    return;
  }
  finished_ = true;
  // The wheel that visits it, or who else is calling, is not done with it yet.
  hub_.at_turn_end([alive = shared_from_this()] {});
  hub_.timers().cancel(*this);
  hub_.remove_guest(*this);
  if (polled_) hub_.world().metrics.connections_socketio.add(-1);
  place_ = {};
  registry_.forget(*this);
}

void EngineSession::drain() {
  const auto alive = shared_from_this();
  const auto now = hub_.now();
  engine_.close(EngineEnd::closed_by_us, now);
  after(now);
}

void EngineSession::abort() {
  const auto alive = shared_from_this();
  const auto now = hub_.now();
  poll_ = nullptr;
  engine_.abandon(now);
  after(now);
}

void EngineSession::end_socket(SocketId id) {
  if (finished_ || socketio_ == nullptr) return;
  const auto now = hub_.now();
  socketio_->on_superseded(id, now);
  after(now);
}

// ---- ClientHost ----

WallTime EngineSession::wall() const { return hub_.world().clock.wall(); }
SocketId EngineSession::new_socket() { return registry_.new_socket(); }
bool EngineSession::is_secret(std::string_view text) const { return EngineRegistry::is_secret(text); }
std::string EngineSession::new_secret() { return registry_.new_secret(); }

Actions* EngineSession::add(Protocol&, SocketId id, Wire wire) {
  auto end = std::make_unique<End>(*this, id, wire);
  if (!hub_.add_session(*end, id)) return nullptr;
  registry_.add_socket(id, weak_from_this(), hub_);
  ends_.push_back(std::move(end));
  return ends_.back().get();
}

void EngineSession::remove(SocketId id) {
  const auto found = std::find_if(ends_.begin(), ends_.end(), [&](const auto& one) { return one->socket() == id; });
  if (found == ends_.end()) return;
  (*found)->remove();
  registry_.remove_socket(id, *this);
  // It may be on the stack: it goes when the turn is over.
  if (gone_ends_.empty()) {
    hub_.at_turn_end([alive = shared_from_this()] { alive->gone_ends_.clear(); });
  }
  gone_ends_.push_back(std::move(*found));
  ends_.erase(found);
}

void EngineSession::take_kept(std::string app, std::string pid, milliseconds window,
                              std::function<void(std::optional<socketio::KeptRecord>)> done) {
  hub_.ask({.from = {}, .what = TakeSession{app, std::move(pid)}},
           [weak = weak_from_this(), hub = &hub_, origin = origin_, app, window, done = std::move(done)](Reply& reply) {
             auto* taken = std::get_if<SessionTaken>(&reply.what);
             std::optional<socketio::KeptRecord> record;
             if (taken != nullptr && taken->record) record = {std::move(*taken->record), taken->expires};
             const auto alive = weak.lock();
             if (alive != nullptr && !alive->finished_) {
               done(std::move(record));
               alive->after(alive->hub_.now());
             } else if (record) {
               const auto expires = std::min(record->expires, hub->world().clock.wall() + window);
               hub->submit({.from = ReplyTo{{}, 0, 0, origin},
                            .what = KeepSession{app, std::move(taken->key), std::move(record->text), expires}});
             }
           });
}

void EngineSession::give_back(std::string app, std::string pid, std::string record, WallTime expires) {
  hub_.submit({.from = ReplyTo{{}, 0, 0, origin_},
               .what = KeepSession{std::move(app), std::move(pid), std::move(record), expires}});
}

void EngineSession::supersede(SocketId id, std::function<void()> done) {
  registry_.end_socket(id, hub_, [weak = weak_from_this(), done = std::move(done)] {
    const auto alive = weak.lock();
    if (alive == nullptr || alive->finished_) return;
    done();
    alive->after(alive->hub_.now());
  });
}

// ---- the WebSocket's protocol ----

void EngineWebSocket::on_open(MonoTime, Actions& actions) {
  actions_ = &actions;
  const auto session = session_;
  if (session != nullptr) session->websocket_open(*this, upgrade_);
}

void EngineWebSocket::on_text(std::string_view payload, MonoTime, Actions&) {
  if (const auto session = session_) session->websocket_frame(*this, true, payload);
}

void EngineWebSocket::on_binary(std::string_view payload, MonoTime, Actions&) {
  if (const auto session = session_) session->websocket_frame(*this, false, payload);
}

void EngineWebSocket::on_control(MonoTime now) {
  if (session_) session_->websocket_control(*this, now);
}

void EngineWebSocket::on_room(MonoTime, Actions&) {
  if (const auto session = session_) session->websocket_room(*this);
}

void EngineWebSocket::on_drain(MonoTime, Actions& actions) {
  if (const auto session = session_) {
    session->drain();
  } else {
    actions.close(0, {}, Errc::reconnect);
  }
}

void EngineWebSocket::on_end(EndReason reason, MonoTime, Actions&) {
  if (const auto session = std::exchange(session_, nullptr)) session->websocket_lost(*this, reason);
}

}  // namespace parley::net

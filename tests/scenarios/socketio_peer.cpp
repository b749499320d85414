#include "tests/scenarios/socketio_peer.h"

#include "net/socket/websocket_frame.h"
#include "net/socketio/encoder.h"
#include "tests/scenarios/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::scenarios {

using namespace net;
using namespace net::socketio;

namespace {

// 0x1E, which separates packets, in a form that can be read.
std::string visible(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\x1e') {
      out += "␞";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string answer_text(const EngineAnswer& answer) {
  const bool octets = answer.content_type == "application/octet-stream";
  return fmt::format("{} {}: {}", answer.status, answer.content_type,
                     octets ? "(binary) " + hex(answer.body) : visible(answer.body));
}

}  // namespace

SocketId SocketIoWorld::new_socket() { return *SocketId::parse(fmt::format("{}.880612", ++last_id)); }

// A namespace's end in the hub.
class SocketIoPeer::End final : public Actions {
 public:
  End(SocketIoPeer& owner, SocketId id, Wire wire) : owner_(owner), id_(id), wire_(wire) {}

  [[nodiscard]] WallTime wall() const override { return owner_.wall(); }
  void send_text(std::string_view payload) override { owner_.engine_.send(payload); }
  void send_binary(std::string_view payload) override { owner_.engine_.send_binary(payload); }
  void send_frame(const Bytes& frame) override { owner_.engine_.send_shared(frame); }
  void ask_room() override { owner_.write("=", "asks for room"); }
  void request(Request request) override { owner_.request(id_, std::move(request)); }
  void ask_application(AuthQuestion question) override { owner_.write("=", describe(question)); }
  void listen(const ChannelKey& channel, ListenMode mode) override {
    if (removed_) return;
    modes_[std::string(channel.name())] = mode;
    owner_.write("=", fmt::format("listen {} {}", channel.name(), mode == ListenMode::direct ? "direct" : "through"));
  }
  void unlisten(const ChannelKey& channel) override {
    if (removed_ || modes_.erase(std::string(channel.name())) == 0) return;
    owner_.write("=", fmt::format("unlisten {}", channel.name()));
  }
  void close(std::uint16_t code, std::string_view, Errc) override {
    owner_.client_.on_close(id_, code, owner_.world_.now);
  }

  void remove() { removed_ = true; }
  // As a hub does it: the frame itself to who listens directly, the event to who listens through.
  void tell(const ChannelEvent& event) {
    using Offsets = SocketIoEncoder::Offsets;
    const SocketIoEncoder encoder(wire_ == Wire::socketio ? Offsets::told : Offsets::untold);
    const auto frame = text_frame(encoder.encode(event));
    const auto mode = modes_.find(std::string(event.channel.name()));
    if (removed_ || mode == modes_.end()) return;
    const auto now = owner_.world_.now;
    if (event.except == id_) {
      if (mode->second == ListenMode::through) owner_.client_.on_skipped(id_, event, now);
    } else if (mode->second == ListenMode::direct) {
      owner_.engine_.send_shared(frame);
    } else {
      owner_.client_.on_event(id_, event, frame, now);
    }
  }
  [[nodiscard]] SocketId socket() const { return id_; }

 private:
  SocketIoPeer& owner_;
  SocketId id_;
  Wire wire_;
  std::map<std::string, ListenMode> modes_;
  bool removed_ = false;
};

SocketIoPeer::SocketIoPeer(SocketIoWorld& world, SessionContext& context, std::string name, Opening opening)
    : world_(world),
      name_(std::move(name)),
      client_(context, *this, std::move(opening.hello), opening.connect_timeout, opening.fixture),
      engine_(opening.settings, opening.version,
              opening.version == EngineVersion::v3 ? world.new_socket().text() : "engine-" + name_, *this, *this) {
  client_.attach(engine_);
}

SocketIoPeer::~SocketIoPeer() = default;

void SocketIoPeer::write(std::string_view mark, std::string_view what) {
  world_.lines.push_back(fmt::format("{} {}{}", mark, name_ == "a" ? "" : "[" + name_ + "] ", what));
}

// ---- what the other side does ----

void SocketIoPeer::open_polling(PollForm form) {
  write("<", "GET " + answer_text(engine_.open_polling(form, world_.now)));
}

void SocketIoPeer::open_websocket() {
  websocket_ = true;
  engine_.open_websocket(world_.now);
}

void SocketIoPeer::get(PollForm form) {
  engine_.on_deadline(world_.now);
  EngineAnswer refused;
  if (!engine_.poll(form, world_.now, refused)) write("<", "GET " + answer_text(refused));
}

void SocketIoPeer::post(std::string_view body, bool binary) {
  engine_.on_deadline(world_.now);
  post_answered(engine_.post(body, binary, world_.now));
}

void SocketIoPeer::post_answered(const EngineAnswer& answer) { write("<", "POST " + answer_text(answer)); }

void SocketIoPeer::upgrade() {
  if (!over_ && engine_.begin_upgrade(world_.now)) {
    probe_ = true;
  } else {
    write("=", "close the new WebSocket");
  }
}

void SocketIoPeer::frame(bool probe, bool text, std::string_view payload) {
  if (!(probe ? probe_ : websocket_)) fail("there is no such WebSocket");
  engine_.on_frame(probe, text, payload, world_.now);
  if (probe_ && engine_.transport() == EngineTransport::websocket) {
    probe_ = false;
    websocket_ = true;
    engine_.send_waiting();
  }
}

void SocketIoPeer::lost(std::string_view what, bool closed_by_client) {
  if (what == "poll") return engine_.poll_lost(world_.now);
  const bool probe = what == "probe";
  if (!std::exchange(probe ? probe_ : websocket_, false)) fail("there is no such WebSocket");
  engine_.websocket_lost(probe, closed_by_client, world_.now);
}

// ---- what the hub does ----

void SocketIoPeer::tell(const ChannelEvent& event) {
  for (std::size_t i = 0; i < ends_.size(); ++i) ends_[i]->tell(event);
}

bool SocketIoPeer::reply(SocketId to, Reply& reply) {
  const bool here = std::any_of(ends_.begin(), ends_.end(), [&](const auto& one) { return one->socket() == to; });
  if (here) client_.on_reply(to, reply, world_.now);
  return here;
}

bool SocketIoPeer::superseded(SocketId id) {
  const bool here = std::any_of(ends_.begin(), ends_.end(), [&](const auto& one) { return one->socket() == id; });
  if (here) client_.on_superseded(id, world_.now);
  return here;
}

MonoTime SocketIoPeer::deadline() const {
  return engine_.over() ? MonoTime::max() : std::min(engine_.deadline(), client_.deadline());
}

void SocketIoPeer::on_deadline() {
  if (world_.now >= engine_.deadline()) engine_.on_deadline(world_.now);
  if (!engine_.over() && world_.now >= client_.deadline()) client_.on_deadline(world_.now);
}

void SocketIoPeer::settle() {
  gone_ends_.clear();
  if (over_ || !engine_.over()) return;
  over_ = true;
  write("=", "the session is over");
}

SocketId SocketIoPeer::socket() const { return ends_.empty() ? *SocketId::parse("1.1") : ends_.back()->socket(); }

void SocketIoPeer::request(SocketId by, Request request) {
  // That of a KeepSession is the socket's own affair.
  const auto ticket = std::holds_alternative<KeepSession>(request.what) ? std::exchange(request.from.ticket, 0) : 0;
  auto line = describe(request, wall());
  if (ends_.size() > 1) line += " by " + by.text();
  write("=", line);
  if (const auto* what = std::get_if<Subscribe>(&request.what)) {
    world_.subscribed[std::string(what->channel.name())] = {by, what->subscription};
  } else if (auto* keep = std::get_if<KeepSession>(&request.what)) {
    world_.kept[keep->key] = {std::move(keep->record), keep->expires};
    if (!keep->wants_reply) return;
    (world_.disk_is_slow ? world_.on_disk : world_.turn).push_back([this, by, ticket] {
      Reply done{ReplyTo{{{}, by}, ticket}, Done{1}};
      reply(by, done);
    });
  } else if (const auto* drop = std::get_if<DropSession>(&request.what)) {
    world_.kept.erase(drop->key);
  }
}

// ---- EngineOut ----

void SocketIoPeer::answer_poll(EngineAnswer answer) { write("<", "GET " + answer_text(answer)); }

void SocketIoPeer::send_text(bool probe, std::string_view packet) {
  write("<", probe ? "probe " + std::string(packet) : std::string(packet));
}

void SocketIoPeer::send_binary(std::string_view payload) { write("<", "(binary) " + hex(payload)); }
void SocketIoPeer::send_frame(const Bytes& frame) { write("<", frame_text(frame)); }

void SocketIoPeer::close_websocket(bool probe) {
  if (std::exchange(probe ? probe_ : websocket_, false)) write("=", probe ? "close the probe" : "close the WebSocket");
}

void SocketIoPeer::flush_later() {
  world_.turn.push_back([this] { engine_.flush(world_.now); });
}

// ---- ClientHost ----

WallTime SocketIoPeer::wall() const { return wall_at(world_.now); }
std::string SocketIoPeer::new_secret() { return fmt::format("pid-{}", ++world_.last_secret); }

// The node's are longer; readers of transcripts are spared.
bool SocketIoPeer::is_secret(std::string_view text) const {
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Actions* SocketIoPeer::add(Protocol&, SocketId id, Wire wire) {
  ends_.push_back(std::make_unique<End>(*this, id, wire));
  return ends_.back().get();
}

void SocketIoPeer::remove(SocketId id) {
  const auto found = std::find_if(ends_.begin(), ends_.end(), [&](const auto& one) { return one->socket() == id; });
  if (found == ends_.end()) return;
  (*found)->remove();
  gone_ends_.push_back(std::move(*found));
  ends_.erase(found);
}

void SocketIoPeer::take_kept(std::string app, std::string pid, milliseconds,
                             std::function<void(std::optional<net::socketio::KeptRecord>)> done) {
  write("=", fmt::format("TakeSession {} {}", app, pid));
  world_.questions.push_back({std::move(pid), std::move(done)});
}

void SocketIoPeer::give_back(std::string app, std::string pid, std::string record, WallTime expires) {
  request({}, {.from = {}, .what = KeepSession{std::move(app), std::move(pid), std::move(record), expires}});
}

void SocketIoPeer::supersede(SocketId id, std::function<void()> done) {
  world_.supersede(id);
  world_.turn.push_back(std::move(done));
}

void SocketIoPeer::on_engine_end(EngineEnd end, MonoTime now) {
  write("=", fmt::format("end: {}", end_name(end)));
  client_.on_engine_end(end, now);
}

}  // namespace parley::scenarios

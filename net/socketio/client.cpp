#include "net/socketio/client.h"

#include "core/json_string.h"
#include "core/log.h"
#include "net/json/fields.h"
#include "net/session/handshake.h"
#include "net/socketio/encoder.h"
#include "net/text/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::net::socketio {

namespace {

EndReason reason_of(EngineEnd end) {
  switch (end) {
    case EngineEnd::closed_by_client:
    case EngineEnd::websocket_closed:
      return EndReason::closed_by_client;
    case EngineEnd::transport_lost:
    case EngineEnd::ping_timeout:
      return EndReason::connection_lost;
    default:
      return EndReason::closed_by_us;
  }
}

// A string of the CONNECT payload; empty: absent or something else.
std::string text_of(std::string_view payload, std::string_view name) {
  if (payload.empty() || type_of(payload) != JsonType::object) return {};
  std::string text;
  JsonObject object(payload);
  while (object.next()) {
    if (object.key_is(name) && type_of(object.value()) == JsonType::string) { text = json_string(object.value()); }
  }
  return text;
}

}  // namespace

Client::Client(SessionContext& context, ClientHost& host, ClientHello hello, milliseconds connect_timeout,
               const FixtureMaker* fixture)
    : context_(context), host_(host), fixture_(fixture), hello_(std::move(hello)), connect_timeout_(connect_timeout) {}

Client::~Client() = default;

Client::Namespace* Client::find(std::string_view nsp) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(), [&](const Namespace& one) { return one.name == nsp; });
  return found == namespaces_.end() ? nullptr : &*found;
}

Client::Namespace* Client::find(SocketId id) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(), [&](const Namespace& one) { return one.id == id; });
  return found == namespaces_.end() ? nullptr : &*found;
}

bool Client::pending(std::string_view nsp) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const auto& one) { return one->terms.nsp == nsp; });
}

// ---- what comes in ----

void Client::on_engine_open(MonoTime now) {
  now_ = now;
  connect_by_ = now + connect_timeout_;
  // Protocol 4 connects the main namespace without a word of the client's.
  if (engine_->version() == EngineVersion::v3) connect(Packet{.type = PacketType::connect}, now);
}

void Client::fail(MonoTime now) { engine_->close(EngineEnd::parse_error, now); }

void Client::on_message(std::string_view text, MonoTime now) {
  now_ = now;
  if (attachments_due_ > 0) return fail(now);  // between a binary packet and its attachments
  const auto packet = decode_packet(text, context_.settings()->limits.json_depth_max);
  if (!packet) return fail(now);
  if (packet->attachments == 0) return handle(*packet, {}, now);
  collecting_ = text;
  attachments_due_ = packet->attachments;  // of message_bytes_max each, at most
}

void Client::on_binary_message(std::string_view data, MonoTime now) {
  now_ = now;
  if (attachments_due_ == 0) return fail(now);
  // Applications' sockets refuse binary: for them it is enough that the attachments came.
  attachments_.emplace_back(fixture_ != nullptr ? data : std::string_view());
  if (--attachments_due_ > 0) return;
  const auto text = std::exchange(collecting_, {});
  const auto attachments = std::exchange(attachments_, {});
  const auto packet = decode_packet(text, context_.settings()->limits.json_depth_max);
  if (!packet) return fail(now);  // a reload changed the depth
  handle(*packet, attachments, now);
}

void Client::handle(const Packet& packet, const std::vector<std::string>& attachments, MonoTime now) {
  if (packet.type == PacketType::connect) {
    connect(packet, now);
    return;
  }
  auto* which = find(packet.nsp);
  if (which == nullptr) {
    if (namespaces_.empty() && pending_.empty() && !connected_once_) fail(now);  // CONNECT comes first
    return;
  }
  which->end->on_packet(packet, attachments, now, *which->actions);
  if (packet.type != PacketType::disconnect) return;
  which = find(packet.nsp);
  if (which != nullptr) end_namespace(*which, EndReason::closed_by_client, now);
}

// ---- connecting a namespace ----

void Client::refuse(std::string_view nsp, const Error& error) {
  context_.metrics.handshakes_refused(info(error.code).name).add();
  log_debug("a namespace is refused", {{"namespace", nsp}, {"error", info(error.code).name}, {"why", error.message}});
  auto data =
      fmt::format(R"({{"error":"{}","code":{},"message":)", info(error.code).name, info(error.code).pusher_code);
  append_json_string(data, error.message);  // protocol 4 has the data alone
  data.push_back('}');
  engine_->send(encode_connect_error(nsp, error.message, data, engine_->version() == EngineVersion::v3));
}

Result<Admitted> Client::judge(std::string_view nsp, std::string_view token, SettingsPtr settings) {
  const auto* app = settings->socketio.app_of(nsp, settings->apps);
  const Handshake request{.origin = hello_.origin,
                          .headers = hello_.headers,
                          .wall = host_.wall(),
                          .tls = hello_.tls,
                          .socket = host_.new_socket(),
                          .client_address = hello_.address,
                          .over_capacity = hello_.over_capacity};
  if (token.empty()) token = header_token(request);
  return judge_client(
      context_, {.settings = std::move(settings),
                 .app = app,
                 .token = token,
                 .client = engine_->version() == EngineVersion::v3 ? "socket.io, protocol 4" : "socket.io, protocol 5",
                 .request = request});
}

void Client::connect(const Packet& packet, MonoTime now) {
  if (find(packet.nsp) != nullptr || pending(packet.nsp)) {
    if (engine_->version() == EngineVersion::v4) fail(now);
    return;
  }
  const auto settings = context_.settings();
  const auto& limits = settings->limits;
  if (namespaces_.size() + pending_.size() >= limits.socketio_namespaces_max) {
    refuse(packet.nsp, make_error(Errc::too_many_channels, "too many namespaces"));
    return;
  }
  if (fixture_ != nullptr) {
    connect_fixture(packet, now);
    return;
  }
  const auto per_second = limits.socketio_connects_per_second_max;
  if (per_second > 0 && !connects_.take(per_second, 1, now)) {
    refuse(packet.nsp, make_error(Errc::rate_limited, "too many namespaces are connected to in a second"));
    return;
  }
  const auto& socketio = settings->socketio;
  if (socketio.app_of(packet.nsp, settings->apps) == nullptr) {
    engine_->send(encode_connect_error(packet.nsp, "Invalid namespace", {}, engine_->version() == EngineVersion::v3));
    return;
  }
  auto token = text_of(packet.payload, "token");
  if (token.empty()) token = Query::parse(packet.nsp_query).get("token");
  if (token.empty()) token = hello_.token;
  auto session = judge(packet.nsp, token, settings);
  if (!session) {
    refuse(packet.nsp, session.error());
    return;
  }
  SocketTerms terms{.nsp = packet.nsp, .version = engine_->version()};
  if (!packet.payload.empty()) {
    auto headers = forwarded_headers(packet.payload, session->app->auth.forward_headers);
    if (headers) terms.headers = std::move(*headers);
  }
  const bool recovers = socketio.recovery && engine_->version() == EngineVersion::v4;
  if (recovers) terms.recovery_window = socketio.recovery_window;
  auto pid = recovers ? text_of(packet.payload, "pid") : std::string();
  if (!host_.is_secret(pid)) pid.clear();  // the log is not asked for what was never given out
  if (pid.empty()) {
    open_anew(std::move(*session), std::move(terms), now);
    return;
  }
  terms.token = token;  // a new session may have to take the place of the kept one
  const auto number = ++last_number_;
  const auto window = terms.recovery_window;
  auto app = session->app->id;
  pending_.push_back(std::make_unique<Pending>(Pending{.number = number,
                                                       .session = std::move(*session),
                                                       .terms = std::move(terms),
                                                       .pid = pid,
                                                       .offset = text_of(packet.payload, "offset")}));
  host_.take_kept(std::move(app), pid, window,
                  [this, number](std::optional<KeptRecord> record) { on_kept(number, std::move(record)); });
}

void Client::open_anew(Admitted session, SocketTerms terms, MonoTime now) {
  terms.sid = session.socket.text();
  // Engine.IO 3 clients know themselves by the engine's id, on other namespaces with the name before it.
  const auto own = engine_->version() == EngineVersion::v3 ? SocketId::parse(engine_->sid()) : session.socket;
  if (engine_->version() == EngineVersion::v3 && own) {
    const bool root = terms.nsp == "/";
    session.socket = root ? *own : own->on_namespace(terms.nsp);
    terms.sid = root ? engine_->sid() : terms.nsp + "#" + engine_->sid();
  }
  if (terms.recovery_window.count() > 0) terms.pid = host_.new_secret();
  open(std::move(session), std::move(terms), now);
}

void Client::open(Admitted session, SocketTerms terms, MonoTime now) {
  const auto id = session.socket;
  const auto nsp = terms.nsp;
  const bool recovers = !terms.pid.empty();
  auto end = std::make_unique<Socket>(std::move(session), std::move(terms));
  auto* actions = host_.add(end->protocol(), id, recovers ? Wire::socketio : Wire::socketio_plain);
  if (actions == nullptr) {
    refuse(nsp, make_error(Errc::reconnect, "the session's id is in use: connect again"));
    return;
  }
  connect_by_ = MonoTime::max();
  connected_once_ = true;
  auto& protocol = end->protocol();
  namespaces_.push_back({.name = nsp, .id = id, .end = std::move(end), .actions = actions});
  protocol.on_open(now, *actions);
}

void Client::connect_fixture(const Packet& packet, MonoTime now) {
  const auto id = host_.new_socket();
  auto end = (*fixture_)(packet.nsp, packet.payload, id.text(), engine_->version());
  if (end == nullptr) {
    engine_->send(encode_connect_error(packet.nsp, "Invalid namespace", {}, engine_->version() == EngineVersion::v3));
    return;
  }
  auto* actions = host_.add(end->protocol(), id, Wire::socketio_plain);
  if (actions == nullptr) return fail(now);
  connect_by_ = MonoTime::max();
  connected_once_ = true;
  auto& protocol = end->protocol();
  namespaces_.push_back({.name = packet.nsp, .id = id, .end = std::move(end), .actions = actions});
  protocol.on_open(now, *actions);
}

// ---- recovery ----

void Client::on_kept(std::uint64_t number, std::optional<KeptRecord> record) {
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [&](const auto& one) { return one->number == number; });
  if (found == pending_.end() || engine_->over()) return;
  const auto take_pending = [&] {
    auto one = std::move(*found);
    pending_.erase(found);
    return one;
  };
  auto kept = record ? parse_kept(record->text) : Result<KeptSession>(make_error(Errc::not_found));
  const auto offsets = parse_offsets((*found)->offset);
  const auto& claims = (*found)->session.claims;
  const auto user = claims ? claims->user_id : std::string();
  const bool same_place = kept && kept->nsp == (*found)->terms.nsp;
  auto on = same_place && offsets ? going_on(*kept, *offsets) : std::nullopt;
  if (!on || kept->user != user) {
    auto one = take_pending();
    const auto* why = !record ? "unknown" : !kept ? "damaged" : "unknown_offset";
    if (kept && (!same_place || kept->user != user)) {  // somebody else's: its owner may still come
      why = same_place ? "other_user" : "other_namespace";
      put_back(*one, std::move(record->text), record->expires);
    }
    context_.not_recovered(one->session.app->id, why);
    open_anew(std::move(one->session), std::move(one->terms), now_);
    return;
  }
  const auto socket = kept->socket;
  (*found)->terms.returning = std::make_unique<SocketTerms::Returning>(
      SocketTerms::Returning{std::move(*kept), std::move(*on), record->expires});
  host_.supersede(socket, [this, number, socket] {
    const auto again =
        std::find_if(pending_.begin(), pending_.end(), [&](const auto& one) { return one->number == number; });
    if (again == pending_.end() || engine_->over()) return;
    auto one = std::move(*again);
    pending_.erase(again);
    one->session.socket = socket;
    one->terms.sid = socket.text();
    one->terms.pid = one->pid;
    open(std::move(one->session), std::move(one->terms), now_);
  });
}

// Not for longer than it would have been there, nor than a session is kept of whose client nothing is heard.
void Client::put_back(const Pending& one, std::string record, WallTime expires) {
  host_.give_back(one.session.app->id, one.pid, std::move(record),
                  std::min(expires, host_.wall() + one.terms.recovery_window));
}

// The kept session could not be taken up: a new one in its place.
void Client::reopen(std::string nsp, MonoTime now) {
  auto* which = find(nsp);
  if (which == nullptr || engine_->over()) return;
  auto* socket = dynamic_cast<Socket*>(which->end.get());
  auto terms = socket == nullptr ? SocketTerms{} : socket->terms_for_another();
  auto token = socket == nullptr ? std::string() : socket->token();
  end_namespace(*which, EndReason::closed_by_us, now);
  auto session = judge(nsp, token, context_.settings());
  if (!session) {
    refuse(nsp, session.error());
    return;
  }
  open_anew(std::move(*session), std::move(terms), now);
}

// ---- from the hub ----

void Client::on_reply(SocketId id, Reply& reply, MonoTime now) {
  now_ = now;
  if (auto* which = find(id)) which->end->protocol().on_reply(reply, now, *which->actions);
}

void Client::on_event(SocketId id, const ChannelEvent& event, const Bytes& frame, MonoTime now) {
  now_ = now;
  if (auto* which = find(id)) which->end->protocol().on_event(event, frame, now, *which->actions);
}

void Client::on_skipped(SocketId id, const ChannelEvent& event, MonoTime now) {
  now_ = now;
  if (auto* which = find(id)) which->end->protocol().on_skipped(event, now, *which->actions);
}

void Client::announce(SocketId id, Announcer& to) {
  if (auto* which = find(id)) which->end->protocol().announce(to);
}

void Client::on_room(MonoTime now) {
  now_ = now;
  for (std::size_t i = 0; i < namespaces_.size(); ++i) {
    auto& one = namespaces_[i];
    if (!one.closing) one.end->protocol().on_room(now, *one.actions);
  }
}

// A socket asks for its end while it is being called: the rest waits until that call is over.
void Client::on_close(SocketId id, std::uint16_t code, MonoTime) {
  auto* which = find(id);
  if (which == nullptr || which->closing) return;
  which->closing = true;
  if (code == kEndConnection) engine_->hold_back();
  host_.later([this, id, code] {
    if (code == kEndConnection) return engine_->close(EngineEnd::closed_by_us, now_);
    auto* one = find(id);
    if (one == nullptr) return;
    if (code == kNotRecovered) {
      reopen(one->name, now_);
    } else {
      end_namespace(*one, EndReason::closed_by_us, now_);
    }
  });
}

void Client::on_superseded(SocketId id, MonoTime now) {
  now_ = now;
  if (auto* which = find(id)) {
    which->end->taken_over();
    end_namespace(*which, EndReason::connection_lost, now);
  } else {
    return;
  }
  if (namespaces_.empty() && pending_.empty()) engine_->close(EngineEnd::closed_by_us, now);
}

void Client::end_namespace(Namespace& which, EndReason reason, MonoTime now) {
  const auto id = which.id;
  which.end->protocol().on_end(reason, now, *which.actions);
  host_.remove(id);
  std::erase_if(namespaces_, [&](const Namespace& one) { return one.id == id; });
}

void Client::on_engine_end(EngineEnd end, MonoTime now) {
  now_ = now;
  for (const auto& one : pending_) {
    if (one->terms.returning == nullptr) continue;
    const auto& returning = *one->terms.returning;
    put_back(*one, kept_text(returning.kept), returning.expires);  // the client was told nothing of it
  }
  pending_.clear();
  connect_by_ = MonoTime::max();
  if (end == EngineEnd::parse_error) {
    for (auto& one : namespaces_) one.end->give_up();
  }
  while (!namespaces_.empty()) end_namespace(namespaces_.back(), reason_of(end), now);
}

// ---- time ----

MonoTime Client::deadline() const {
  auto first = connect_by_;
  for (const auto& one : namespaces_) first = std::min(first, one.end->protocol().deadline());
  return first;
}

void Client::on_deadline(MonoTime now) {
  now_ = now;
  if (now >= connect_by_) {
    engine_->close(EngineEnd::closed_by_us, now);
    return;
  }
  for (std::size_t i = 0; i < namespaces_.size(); ++i) {
    auto& one = namespaces_[i];
    if (now >= one.end->protocol().deadline()) one.end->protocol().on_deadline(now, *one.actions);
  }
}

}  // namespace parley::net::socketio

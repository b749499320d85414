#include "net/socketio/engine.h"

#include "net/socketio/jsonp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::net::socketio {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=UTF-8";
constexpr std::string_view kOctets = "application/octet-stream";
constexpr std::string_view kScript = "text/javascript; charset=UTF-8";
constexpr std::string_view kHtml = "text/html";
constexpr std::size_t kSentKept = 256;         // packets that were sent, until what is behind them moves up
constexpr milliseconds kCloseLingers{30'000};  // by polling: so long the last words wait for a GET

struct ErrorRow {
  int status;
  std::string_view message;
};
constexpr std::array<ErrorRow, 6> kErrors{{{400, "Transport unknown"},
                                           {400, "Session ID unknown"},
                                           {400, "Bad handshake method"},
                                           {400, "Bad request"},
                                           {403, "Forbidden"},
                                           {400, "Unsupported protocol version"}}};

EngineAnswer empty_answer(int status) { return {status, {}, kHtml}; }

// What the packet takes in a body, at most.
std::size_t bytes_of(const OutPacket& packet) {
  if (const auto* frame = std::get_if<Bytes>(&packet.text)) return (*frame)->size();
  const auto size = packet.view().size();
  return packet.binary ? size + size / 3 : size;
}

}  // namespace

std::string_view end_name(EngineEnd end) {
  switch (end) {
    case EngineEnd::closed_by_client:
    case EngineEnd::websocket_closed:
      return "client";
    case EngineEnd::transport_lost:
      return "lost";
    case EngineEnd::ping_timeout:
      return "pong_timeout";
    case EngineEnd::parse_error:
      return "bad_frame";
    case EngineEnd::closed_by_us:
      return "server";
    case EngineEnd::slow_consumer:
      return "slow_consumer";
  }
  return "?";
}

std::string_view engine_error_message(int code) { return kErrors.at(static_cast<std::size_t>(code)).message; }

EngineAnswer engine_error(int code) {
  const auto& row = kErrors.at(static_cast<std::size_t>(code));
  return {row.status, fmt::format(R"({{"code":{},"message":"{}"}})", code, row.message), "application/json"};
}

Engine::Engine(EngineSettings settings, EngineVersion version, std::string sid, EngineOut& out, EngineClient& client)
    : settings_(settings), out_(out), client_(client), sid_(std::move(sid)), version_(version) {}

// ---- the beginning ----

std::string Engine::open_packet() const {
  return fmt::format(R"(0{{"sid":"{}","upgrades":[{}],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}})", sid_,
                     transport_ == EngineTransport::polling ? R"("websocket")" : "", settings_.ping_interval.count(),
                     settings_.ping_timeout.count(), settings_.message_bytes_max);
}

void Engine::begin(MonoTime now) {
  heard_heartbeat(now);
  client_.on_engine_open(now);
}

EngineAnswer Engine::open_polling(PollForm form, MonoTime now) {
  transport_ = EngineTransport::polling;
  form_ = form;
  auto answer = payload_answer({OutPacket{.text = open_packet()}});
  begin(now);
  return answer;
}

void Engine::open_websocket(MonoTime now) {
  transport_ = EngineTransport::websocket;
  out_.send_text(false, open_packet());
  begin(now);
}

// ---- heartbeats ----

// Protocol 4: we ping and wait for the pong. Protocol 3: the client pings, we wait for it.
void Engine::heard_heartbeat(MonoTime now) {
  if (version_ == EngineVersion::v4) {
    ping_at_ = now + settings_.ping_interval;
    timeout_at_ = MonoTime::max();
  } else {
    timeout_at_ = now + settings_.ping_interval + settings_.ping_timeout;
  }
}

// Whoever pings is there: a heartbeat that is overdue has the same time again. It stays due, and what Engine.IO itself
// carries does not stand for it.
void Engine::heard_control(MonoTime now) {
  if (state_ != State::open || transport_ != EngineTransport::websocket || timeout_at_ == MonoTime::max()) return;
  const auto patience =
      version_ == EngineVersion::v4 ? settings_.ping_timeout : settings_.ping_interval + settings_.ping_timeout;
  timeout_at_ = std::max(timeout_at_, now + patience);
}

MonoTime Engine::deadline() const {
  if (state_ == State::over) return MonoTime::max();
  if (state_ == State::closing) return closed_by_;
  return std::min({ping_at_, timeout_at_, upgrade_by_});
}

void Engine::on_deadline(MonoTime now) {
  if (state_ == State::over) return;
  if (state_ == State::closing) {
    if (now >= closed_by_) state_ = State::over;
    return;
  }
  if (now >= upgrade_by_) drop_probe();
  if (now >= timeout_at_) return end(EngineEnd::ping_timeout, now);
  if (now >= ping_at_) {
    // Counted from when the ping was due: a late timer gives the client no more time.
    timeout_at_ = ping_at_ + settings_.ping_timeout;
    ping_at_ = MonoTime::max();
    send_control(EngineType::ping);
    if (now >= timeout_at_) end(EngineEnd::ping_timeout, now);
  }
}

// ---- polling ----

EngineAnswer Engine::payload_answer(const std::vector<OutPacket>& packets) const {
  auto payload = encode_engine_payload(packets, version_, form_.base64_only || form_.jsonp);
  if (form_.jsonp) return {200, wrap_jsonp(payload.body, form_.jsonp_index), kScript};
  return {200, std::move(payload.body), payload.binary_body ? kOctets : kPlain};
}

bool Engine::poll(PollForm form, MonoTime now, EngineAnswer& refused) {
  refused = engine_error(3);
  if (state_ == State::over || transport_ != EngineTransport::polling) return false;
  if (parked_) {
    // Two at once: neither can be told from a thief's.
    refused = empty_answer(400);
    end(EngineEnd::transport_lost, now);
    return false;
  }
  // A client says `b64` when it opens the session, and not again.
  form.base64_only = form.base64_only || form_.base64_only;
  form_ = form;
  parked_ = true;
  if (upgrade_ == Upgrade::probed && queue_.empty()) send_control(EngineType::noop);
  if (!queue_.empty()) out_.flush_later();
  return true;
}

void Engine::poll_lost(MonoTime now) {
  if (!parked_) return;
  parked_ = false;
  if (state_ == State::closing) state_ = State::over;
  if (state_ == State::open && transport_ == EngineTransport::polling) end(EngineEnd::transport_lost, now);
}

void Engine::flush(MonoTime now) {
  flush_asked_ = false;
  if (state_ == State::open && !parked_ && queue_bytes_ - largest_bytes_ > settings_.queue_bytes_max) {
    return end(EngineEnd::slow_consumer, now);
  }
  if (!parked_ || queue_.empty() || (held_back_ && state_ == State::open)) return;
  parked_ = false;
  const auto packets = next_packets();
  if (state_ == State::closing && queue_.empty()) state_ = State::over;
  out_.answer_poll(payload_answer(packets));
}

std::size_t Engine::packets_at_once() const {
  const auto waiting = queue_.size() - first_;
  if (form_.packets_max == 0) return waiting;
  const auto most = std::min(waiting, form_.packets_max);
  if (version_ == EngineVersion::v4) return most;
  // python-engineio 3 counts characters where the protocol counts UTF-16 units: behind one that is two of them it loses
  // its place.
  for (std::size_t i = 0; i < most; ++i) {
    const auto text = queue_[first_ + i].view();
    if (std::any_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) >= 0xF0; })) {
      return i + 1;
    }
  }
  return most;
}

// As many as the client takes at once; the others wait for its next poll.
std::vector<OutPacket> Engine::next_packets() {
  const auto count = packets_at_once();
  if (first_ + count == queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
    queue_bytes_ = largest_bytes_ = 0;
    return std::exchange(queue_, {});
  }
  const auto from = queue_.begin() + static_cast<std::ptrdiff_t>(first_);
  std::vector<OutPacket> packets(std::make_move_iterator(from),
                                 std::make_move_iterator(from + static_cast<std::ptrdiff_t>(count)));
  first_ += count;
  bool largest = false;
  for (const auto& packet : packets) {
    const auto bytes = bytes_of(packet);
    queue_bytes_ -= bytes + sizeof(OutPacket);
    largest = largest || bytes == largest_bytes_;
  }
  if (largest && largest_bytes_ > 0) {
    largest_bytes_ = 0;
    for (auto i = first_; i < queue_.size(); ++i) note_size(bytes_of(queue_[i]));
  }
  if (first_ > kSentKept && first_ > queue_.size() / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
  }
  return packets;
}

void Engine::note_size(std::size_t bytes) {
  if (bytes > settings_.queue_bytes_max) largest_bytes_ = std::max(largest_bytes_, bytes);
}

EngineAnswer Engine::post(std::string_view body, bool binary_body, MonoTime now) {
  if (state_ != State::open || transport_ != EngineTransport::polling) return engine_error(3);
  if (binary_body && version_ == EngineVersion::v4) {
    end(EngineEnd::transport_lost, now);
    return empty_answer(400);
  }
  const auto packets = decode_engine_payload(body, version_, binary_body, settings_.packets_per_body_max);
  if (!packets) {
    end(EngineEnd::parse_error, now);
    return empty_answer(400);
  }
  for (const auto& packet : *packets) {
    if (state_ != State::open) break;
    on_packet(packet, now);
  }
  return {200, "ok", kHtml};
}

EngineAnswer Engine::post_too_large(MonoTime now) {
  end(EngineEnd::transport_lost, now);
  return empty_answer(413);
}

EngineAnswer Engine::post_refused(MonoTime now) {
  end(EngineEnd::transport_lost, now);
  return empty_answer(400);
}

EngineAnswer Engine::bad_method() const { return empty_answer(500); }

// ---- packets ----

void Engine::on_packet(const EnginePacket& packet, MonoTime now) {
  switch (packet.type) {
    case EngineType::message:
      if (packet.binary) {
        client_.on_binary_message(packet.data, now);
      } else {
        client_.on_message(packet.data, now);
      }
      return;
    case EngineType::ping:
      if (version_ == EngineVersion::v4) return end(EngineEnd::parse_error, now);  // the wrong direction
      heard_heartbeat(now);
      return send_control(EngineType::pong);
    case EngineType::pong:
      if (version_ == EngineVersion::v3) return end(EngineEnd::parse_error, now);
      return heard_heartbeat(now);
    case EngineType::close:
      return end(EngineEnd::closed_by_client, now);
    case EngineType::open:
    case EngineType::upgrade:
    case EngineType::noop:
      return;  // nothing that a client says here, and nothing to die of
  }
}

// ---- WebSockets ----

bool Engine::begin_upgrade(MonoTime now) {
  if (state_ != State::open || transport_ != EngineTransport::polling || upgrade_ != Upgrade::none) return false;
  upgrade_ = Upgrade::opened;
  upgrade_by_ = now + settings_.upgrade_timeout;
  return true;
}

void Engine::drop_probe() {
  upgrade_ = Upgrade::none;
  upgrade_by_ = MonoTime::max();
  out_.close_websocket(true);
}

void Engine::on_frame(bool probe, bool text, std::string_view payload, MonoTime now) {
  if (probe && upgrade_ != Upgrade::none) return on_probe_frame(text, payload, now);
  if (state_ != State::open || transport_ != EngineTransport::websocket) return;
  const auto packet = text ? decode_engine_text(payload, version_) : decode_engine_binary(payload, version_);
  if (!packet) return end(EngineEnd::parse_error, now);
  on_packet(*packet, now);
}

void Engine::on_probe_frame(bool text, std::string_view payload, MonoTime now) {
  if (text && upgrade_ == Upgrade::opened && payload == "2probe") {
    upgrade_ = Upgrade::probed;
    out_.send_text(true, "3probe");
    // The client stops polling when its poll is answered, and only then says that it goes over.
    if (parked_ && queue_.empty()) send_control(EngineType::noop);
    return;
  }
  if (text && upgrade_ == Upgrade::probed && payload == "5") return switch_to_websocket(now);
  drop_probe();
}

void Engine::switch_to_websocket(MonoTime) {
  upgrade_ = Upgrade::none;
  upgrade_by_ = MonoTime::max();
  if (parked_) answer_parked("6");
  transport_ = EngineTransport::websocket;
}

void Engine::send_waiting() {
  form_.packets_max = 0;
  for (const auto& packet : next_packets()) {
    if (packet.binary) {
      out_.send_binary(encode_engine_binary(packet.view(), version_));
    } else if (packet.view() != "6") {
      out_.send_text(false, packet.view());
    }
  }
}

void Engine::websocket_lost(bool probe, bool closed_by_client, MonoTime now) {
  if (probe && transport_ == EngineTransport::polling) {
    upgrade_ = Upgrade::none;
    upgrade_by_ = MonoTime::max();
    return;
  }
  if (state_ != State::open || transport_ != EngineTransport::websocket) return;
  end(closed_by_client ? EngineEnd::websocket_closed : EngineEnd::transport_lost, now);
}

// ---- sending ----

void Engine::push(OutPacket packet) {
  const auto bytes = bytes_of(packet);
  queue_.push_back(std::move(packet));
  queue_bytes_ += bytes + sizeof(OutPacket);  // the smallest packets cost most
  note_size(bytes);
  if (!flush_asked_ && (parked_ || queue_bytes_ > settings_.queue_bytes_max)) {
    flush_asked_ = true;
    out_.flush_later();
  }
}

void Engine::send_control(EngineType type) {
  const std::string packet(1, static_cast<char>('0' + static_cast<int>(type)));
  if (transport_ == EngineTransport::websocket) {
    out_.send_text(false, packet);
  } else {
    push({.text = packet});
  }
}

void Engine::send(std::string_view message) {
  if (state_ != State::open) return;
  if (transport_ == EngineTransport::websocket) return out_.send_text(false, message);
  push({.text = std::string(message)});
}

void Engine::send_shared(const Bytes& frame) {
  if (state_ != State::open) return;
  if (transport_ == EngineTransport::websocket) return out_.send_frame(frame);
  push({.text = frame, .skip = frame->size() - frame_text(frame).size()});
}

void Engine::send_binary(std::string_view data) {
  if (state_ != State::open) return;
  if (transport_ == EngineTransport::websocket) return out_.send_binary(encode_engine_binary(data, version_));
  push({.binary = true, .text = std::string(data)});
}

// ---- the end ----

void Engine::close(EngineEnd why, MonoTime now) { end(why, now); }

void Engine::abandon(MonoTime now) {
  end(EngineEnd::closed_by_us, now);
  state_ = State::over;
}

void Engine::end(EngineEnd why, MonoTime now) {
  if (state_ != State::open) return;
  state_ = State::over;
  if (upgrade_ != Upgrade::none) drop_probe();
  if (transport_ == EngineTransport::websocket) {
    out_.close_websocket(false);
  } else if (why == EngineEnd::closed_by_client) {
    if (parked_) answer_parked("6");
  } else if (parked_ && queue_.empty()) {
    answer_parked("1");
  } else if (parked_ || why == EngineEnd::closed_by_us) {
    // The last words, and that it is over: for the GET that is parked, or the next one.
    push({.text = std::string("1")});
    state_ = State::closing;
    closed_by_ = now + kCloseLingers;
  }
  client_.on_engine_end(why, now);
}

void Engine::answer_parked(std::string_view packet) {
  parked_ = false;
  out_.answer_poll(payload_answer({OutPacket{.text = std::string(packet)}}));
}

}  // namespace parley::net::socketio

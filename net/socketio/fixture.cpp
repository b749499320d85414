#include "net/socketio/fixture.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "core/mutex.h"
#include "net/socketio/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

namespace parley::net::socketio {

namespace {

constexpr std::size_t kSessionsMax = 1'000;
constexpr std::size_t kPacketsMax = 1'000;

// What the sessions were sent. Of all I/O threads.
class Memory {
 public:
  struct Sent {
    std::string offset;
    std::string text;
    std::vector<std::string> attachments;
  };
  struct Kept {
    std::string sid;
    std::string nsp;
    std::vector<Sent> sent;
  };

  void keep(const std::string& pid, Kept kept) {
    const MutexLock lock(mutex_);
    if (kept_.size() >= kSessionsMax) kept_.erase(kept_.begin());
    kept_[pid] = std::move(kept);
  }
  // With a packet of that offset, and once.
  std::optional<Kept> take(const std::string& pid, std::string_view nsp, std::string_view offset) {
    const MutexLock lock(mutex_);
    const auto found = kept_.find(pid);
    if (found == kept_.end() || found->second.nsp != nsp) return std::nullopt;
    const auto& sent = found->second.sent;
    if (std::none_of(sent.begin(), sent.end(), [&](const Sent& one) { return one.offset == offset; })) {
      return std::nullopt;
    }
    auto kept = std::move(found->second);
    kept_.erase(found);
    return kept;
  }
  std::string new_name(std::string_view kind) { return fmt::format("{}{}", kind, ++last_); }

 private:
  Mutex mutex_;  // a leaf
  std::map<std::string, Kept> kept_ PARLEY_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> last_{0};
};

std::string text_field(std::string_view payload, std::string_view name) {
  std::string text;
  JsonObject object(payload);
  while (object.next()) {
    if (object.key_is(name) && type_of(object.value()) == JsonType::string) { text = json_string(object.value()); }
  }
  return text;
}

class Fixture final : public NamespaceEnd, private Protocol {
 public:
  Fixture(std::shared_ptr<Memory> memory, std::string_view nsp, std::string_view payload, std::string sid,
          EngineVersion version)
      : memory_(std::move(memory)), payload_(payload.empty() ? "{}" : payload), version_(version) {
    kept_.nsp = nsp;
    kept_.sid = std::move(sid);
  }

  [[nodiscard]] Protocol& protocol() override { return *this; }

  void on_packet(const Packet& packet, const std::vector<std::string>& attachments, MonoTime,
                 Actions& actions) override {
    greet(actions);
    const auto arguments = arguments_of(packet.payload);
    if (arguments.empty() || kept_.nsp != "/") return;
    if (packet.type != PacketType::event && packet.type != PacketType::binary_event) return;
    const auto event = type_of(arguments[0]) == JsonType::string ? json_string(arguments[0]) : std::string();
    std::string out;
    if (event == "message") {
      begin_event(out, kept_.nsp, attachments.size());
      out.append(R"("message-back")");
      if (arguments.size() > 1) out.push_back(',');
    } else if (event == "message-with-ack" && packet.ack) {
      begin_ack(out, kept_.nsp, *packet.ack, attachments.size());
    } else {
      return;
    }
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      if (i > 1) out.push_back(',');
      out.append(arguments[i]);
    }
    if (event == "message") return emit(std::move(out), attachments, actions);
    send(out + "]", attachments, actions);
  }

 private:
  [[nodiscard]] bool recovers() const { return memory_ != nullptr && version_ == EngineVersion::v4; }

  void on_open(MonoTime now, Actions& actions) override {
    if (version_ == EngineVersion::v3) {
      actions.send_text(encode_connect_v3(kept_.nsp));
    } else if (!recovers()) {
      actions.send_text(encode_connect(kept_.nsp, kept_.sid, {}));
    } else {
      const auto offset = text_field(payload_, "offset");
      pid_ = text_field(payload_, "pid");
      if (auto kept = memory_->take(pid_, kept_.nsp, offset)) {
        kept_ = std::move(*kept);
        bool missed = false;
        for (const auto& one : kept_.sent) {
          if (missed) send(one.text, one.attachments, actions);
          missed = missed || one.offset == offset;
        }
        actions.send_text(encode_connect(kept_.nsp, kept_.sid, pid_));
        return;
      }
      pid_ = memory_->new_name("pid");
      actions.send_text(encode_connect(kept_.nsp, kept_.sid, pid_));
    }
    greet_at_ = now;
  }

  // Not in one segment with CONNECT: the suites lose the second of two frames that come at once.
  void greet(Actions& actions) {
    if (std::exchange(greet_at_, MonoTime::max()) == MonoTime::max()) return;
    std::string out;
    begin_event(out, kept_.nsp);
    emit(out + R"("auth",)" + payload_, {}, actions);
  }

  // `out` lacks its closing bracket.
  void emit(std::string out, const std::vector<std::string>& attachments, Actions& actions) {
    if (!recovers()) return send(out + "]", attachments, actions);
    auto offset = memory_->new_name("o");
    out.append(",\"").append(offset).append("\"]");
    send(out, attachments, actions);
    if (kept_.sent.size() >= kPacketsMax) kept_.sent.erase(kept_.sent.begin());
    kept_.sent.push_back({std::move(offset), std::move(out), attachments});
  }

  static void send(std::string_view out, const std::vector<std::string>& attachments, Actions& actions) {
    actions.send_text(out);
    for (const auto& attachment : attachments) actions.send_binary(attachment);
  }

  void on_text(std::string_view, MonoTime, Actions&) override {}
  void on_binary(std::string_view, MonoTime, Actions&) override {}
  void on_reply(Reply&, MonoTime, Actions&) override {}
  void on_event(const ChannelEvent&, const Bytes&, MonoTime, Actions&) override {}
  void on_deadline(MonoTime, Actions& actions) override { greet(actions); }
  [[nodiscard]] MonoTime deadline() const override { return greet_at_; }
  void on_drain(MonoTime, Actions&) override {}
  void on_end(EndReason, MonoTime, Actions&) override {
    if (recovers()) memory_->keep(pid_, std::move(kept_));
  }
  [[nodiscard]] SocketId socket_id() const override { return {}; }

  std::shared_ptr<Memory> memory_;  // null: no recovery
  std::string payload_;
  std::string pid_;
  Memory::Kept kept_;
  EngineVersion version_;
  MonoTime greet_at_ = MonoTime::max();
};

}  // namespace

FixtureMaker make_fixtures(bool recovery) {
  auto memory = recovery ? std::make_shared<Memory>() : nullptr;
  return [memory = std::move(memory)](std::string_view nsp, std::string_view payload, std::string sid,
                                      EngineVersion version) -> std::unique_ptr<NamespaceEnd> {
    if (nsp != "/" && nsp != "/custom") return nullptr;
    return std::make_unique<Fixture>(memory, nsp, payload, std::move(sid), version);
  };
}

}  // namespace parley::net::socketio

// The stage for Pusher sessions: one connection, a clock that is told, and a node that answers only
// what the transcript says.
//
//   @ set NAME VALUE            before `open`, or as a reload after it: see stage_settings.cpp
//   @ open PATH[?QUERY] [tls] [full] [origin=O]
//   @ wait 45s | 500ms          deadlines on the way are met
//   @ subscribed|denied|missed|published|lost|watchlist|terminated|history|refused {…}   the node answers
//   @ publish|member_added|member_removed|count {…}                             the channel tells its subscribers
//   @ binary | control | drain | end REASON            control: a ping or pong of WebSocket's own
//
// `>` lines and `@ open` may have signed fields and tokens: see credentials.h.

#include "core/settings.h"
#include "net/pusher/encoder.h"
#include "net/pusher/handshake.h"
#include "net/pusher/protocol.h"
#include "tests/scenarios/credentials.h"
#include "tests/scenarios/node.h"
#include "tests/scenarios/stage_settings.h"
#include "tests/scenarios/transcript.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <map>

namespace parley::scenarios {
namespace {

namespace json = boost::json;
using namespace net;
using namespace net::pusher;

const auto kSocket = *SocketId::parse("241.880612");

class Recorder final : public Actions {
 public:
  explicit Recorder(const MonoTime& now) : now_(now) {}
  [[nodiscard]] WallTime wall() const override { return wall_at(now_); }
  void ask_application(AuthQuestion question) override { lines.push_back("= " + describe(question)); }
  void send_text(std::string_view payload) override { lines.push_back(fmt::format("< {}", payload)); }
  void send_binary(std::string_view) override { lines.push_back("< (binary)"); }
  void send_frame(const Bytes& frame) override { lines.push_back(fmt::format("< {}", *frame)); }
  void ask_room() override { lines.push_back("= asks for room"); }
  void request(Request request) override {
    if (const auto* what = std::get_if<Subscribe>(&request.what)) {
      subscribed[std::string(what->channel.name())] = what->subscription;
    }
    lines.push_back("= " + describe(request, wall()));
  }
  void listen(const ChannelKey& channel, ListenMode mode) override {
    modes[std::string(channel.name())] = mode;
    lines.push_back(fmt::format("= listen {} {}", channel.name(), mode == ListenMode::direct ? "direct" : "through"));
  }
  void unlisten(const ChannelKey& channel) override {
    modes.erase(std::string(channel.name()));
    lines.push_back(fmt::format("= unlisten {}", channel.name()));
  }
  void close(std::uint16_t code, std::string_view reason, Errc why) override {
    lines.push_back(fmt::format("= close {} {} ({})", code, info(why).name, reason));
  }

  std::vector<std::string> lines;
  std::map<std::string, ListenMode> modes;
  std::map<std::string, SubscriptionId> subscribed;

 private:
  const MonoTime& now_;
};

class PusherStage final : public Stage {
 public:
  std::vector<std::string> play(std::string_view line) override {
    recorder_.lines.clear();
    try {
      if (line.starts_with("> ")) {
        protocol().on_text(expand(line.substr(2), kSocket), now_, recorder_);
      } else {
        happen(line.substr(std::min<std::size_t>(2, line.size())));
      }
    } catch (const std::exception& failure) {
      recorder_.lines.push_back(fmt::format("= TRANSCRIPT ERROR: {}", failure.what()));
    }
    return recorder_.lines;
  }

 private:
  net::Protocol& protocol() {
    if (protocol_ == nullptr) fail("nothing is open");
    return *protocol_;
  }

  void happen(std::string_view line) {
    const auto space = std::min(line.find(' '), line.size());
    const auto what = line.substr(0, space);
    const auto rest = line.substr(std::min(space + 1, line.size()));
    if (what == "set") return set(rest);
    if (what == "open") return open(rest);
    if (what == "wait") return wait(rest);
    if (what == "binary") return protocol().on_binary("\x01\x02", now_, recorder_);
    if (what == "control") return protocol().on_control(now_);
    if (what == "room") return protocol().on_room(now_, recorder_);
    if (what == "drain") return protocol().on_drain(now_, recorder_);
    if (what == "end") return end(rest);

    const auto object = rest.empty() ? json::object() : json::parse(rest).as_object();
    if (what == "blocked") return block(revocations_, object, recorder_.wall());
    if (is_event(what)) return tell(make_event(what, object));
    answer(what, object);
  }

  void set(std::string_view rest) {
    change_setting(values_, rest);
    source_.replace(std::make_shared<const Settings>(values_));
  }

  void open(std::string_view rest) {
    source_.replace(std::make_shared<const Settings>(values_));
    protocol_.reset();
    recorder_.modes.clear();
    const auto whole = expand(rest, kSocket);  // $token in it
    rest = whole;
    Handshake handshake{.wall = recorder_.wall(), .socket = kSocket, .client_address = "192.0.2.1"};
    std::vector<std::pair<std::string, std::string>> headers;
    bool first = true;
    while (!rest.empty()) {
      const auto word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      if (first) {
        handshake.path = word.substr(0, word.find('?'));
        handshake.query = word.substr(std::min(word.size(), handshake.path.size() + 1));
      } else if (word == "tls") {
        handshake.tls = true;
      } else if (word == "full") {
        handshake.over_capacity = true;
      } else if (word.starts_with("origin=")) {
        handshake.origin = word.substr(7);
      } else if (word.starts_with("header:")) {  // header:name=value, `_` for a blank
        const auto equals = word.find('=');
        auto value = std::string(word.substr(equals + 1));
        std::replace(value.begin(), value.end(), '_', ' ');
        headers.emplace_back(word.substr(7, equals - 7), std::move(value));
      } else {
        fail("open: " + std::string(word));
      }
      first = false;
    }
    handshake.headers = headers;
    auto session = judge_handshake(context_, handshake);
    if (!session) {
      recorder_.send_text(refusal_frame(session.error()));
      recorder_.close(close_code(session.error().code), session.error().message, session.error().code);
      return;
    }
    protocol_ = make_pusher_protocol(std::move(*session));
    protocol_->on_open(now_, recorder_);
  }

  void wait(std::string_view rest) {
    const auto until = now_ + duration(rest);
    while (protocol().deadline() <= until) {
      now_ = std::max(now_, protocol().deadline());
      protocol().on_deadline(now_, recorder_);
    }
    now_ = until;
  }

  void end(std::string_view reason) {
    const std::map<std::string_view, EndReason> reasons{{"closed_by_client", EndReason::closed_by_client},
                                                        {"connection_lost", EndReason::connection_lost},
                                                        {"closed_by_us", EndReason::closed_by_us}};
    protocol().on_end(reasons.at(reason), now_, recorder_);
    protocol_.reset();
  }

  // As a hub does it: the frame itself to who listens directly, the event to who listens through.
  void tell(const ChannelEvent& event) {
    const auto mode = recorder_.modes.find(std::string(event.channel.name()));
    if (mode == recorder_.modes.end()) return;
    const auto frame = make_bytes(PusherEncoder().encode(event));
    if (mode->second == ListenMode::direct) {
      recorder_.send_frame(frame);
    } else {
      protocol().on_event(event, frame, now_, recorder_);
    }
  }

  void answer(std::string_view what, const json::object& object) {
    auto reply = make_reply(what, object, recorder_.subscribed[text(object, "channel")]);
    protocol().on_reply(reply, now_, recorder_);
  }

  Settings values_ = stage_settings();
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  SessionContext context_{source_, metrics_, revocations_};
  MonoTime now_ = kBegin;
  Recorder recorder_{now_};
  std::unique_ptr<net::Protocol> protocol_;
};

}  // namespace

std::unique_ptr<Stage> make_pusher_stage() { return std::make_unique<PusherStage>(); }

}  // namespace parley::scenarios

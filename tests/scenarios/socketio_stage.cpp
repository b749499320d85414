// The stage for Socket.IO: sessions of Engine.IO, a clock that is told, and a node that answers only what the
// transcript says. What a hub does at the end of its turn is done at the end of each line.
//
//   @ set NAME VALUE                    before `open`, or as a reload after it: see stage_settings.cpp
//   @ open polling|websocket 4|3 [b64] [jsonp[=J]] [tls] [full] [token=T] [origin=O] [header:name=value]
//   @ fixture                           the namespaces of conformance suites, from the next `open` on
//   @ client NAME                       what follows is about another session; `a` is the first
//   > GET [b64] [jsonp[=J]]             a poll; without an answer it is parked
//   > POST BODY | POST (binary) HEX | POST jsonp FORM      a body; ␞ is 0x1E
//   > PUT | > POST too large | > POST meanwhile            the other ways to ask
//   > FRAME | (binary) HEX              on the WebSocket; `probe FRAME` on the one that would replace polling
//   @ upgrade                           that WebSocket comes
//   @ lost|closed poll|websocket|probe  the connection broke, or the client closed it
//   @ control                           a ping or pong of WebSocket's own
//   @ wait 45s | 500ms                  deadlines on the way are met
//   @ late 45s                          … are not, yet: the timers are coarse
//   @ taken | taken none | taken RECORD the answer to TakeSession: what was kept, nothing, or this
//   @ subscribed|denied|missed|published|lost|members|history|terminated|kicked|application … {…}   the node answers
//   @ publish|member_added|member_removed|count {…}        a channel tells its subscribers
//   @ blocked {…} | drain
//
// `>` lines and `@ open` may have signed fields and tokens: see credentials.h.

#include "net/socketio/fixture.h"
#include "net/socketio/jsonp.h"
#include "tests/scenarios/credentials.h"
#include "tests/scenarios/node.h"
#include "tests/scenarios/socketio_peer.h"
#include "tests/scenarios/stage_settings.h"
#include "tests/scenarios/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace parley::scenarios {
namespace {

using namespace net;
using namespace net::socketio;
namespace json = boost::json;

constexpr std::size_t kTurnMax = 1'000;  // steps of a turn; more is a loop

std::string separated(std::string_view text) {
  std::string out(text);
  const std::string_view mark = "␞";
  for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at)) out.replace(at, mark.size(), "\x1e");
  return out;
}

// Takes `word` off the front of `rest`.
bool eat(std::string_view& rest, std::string_view word) {
  if (!rest.starts_with(word)) return false;
  const auto after = rest.substr(word.size());
  if (!after.empty() && !after.starts_with(' ')) return false;
  rest = after.substr(after.empty() ? 0 : 1);
  return true;
}

std::string_view next_word(std::string_view& rest) {
  const auto word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

class SocketIoStage final : public Stage {
 public:
  SocketIoStage() {
    world_.now = kBegin;
    world_.supersede = [this](SocketId id) {
      for (auto& [name, peer] : peers_) peer->superseded(id);
    };
  }

  std::vector<std::string> play(std::string_view line) override {
    world_.lines.clear();
    try {
      if (line.starts_with("> ")) {
        say(separated(expand(line.substr(2), current().socket())));
      } else {
        happen(line.substr(std::min<std::size_t>(2, line.size())));
      }
      end_turn();
    } catch (const std::exception& failure) {
      world_.lines.push_back(fmt::format("= TRANSCRIPT ERROR: {}", failure.what()));
    }
    return world_.lines;
  }

 private:
  SocketIoPeer& current() {
    const auto found = peers_.find(name_);
    if (found == peers_.end()) fail("nothing is open");
    return *found->second;
  }

  void end_turn() {
    for (std::size_t step = 0; !world_.turn.empty(); ++step) {
      if (step == kTurnMax) fail("the turn does not end");
      const auto work = std::move(world_.turn.front());
      world_.turn.pop_front();
      work();
    }
    for (auto& [name, peer] : peers_) peer->settle();
  }

  // `b64`, `jsonp` or `jsonp=3`.
  static bool eat_form_word(std::string_view word, PollForm& form) {
    if (word == "b64") {
      form.base64_only = true;
    } else if (word == "jsonp" || word.starts_with("jsonp=")) {
      form.jsonp = true;
      const auto index = word.substr(std::min<std::size_t>(word.size(), 6));
      if (!index.empty()) form.jsonp_index = static_cast<std::uint32_t>(std::stoul(std::string(index)));
    } else {
      return false;
    }
    return true;
  }

  static PollForm form_of(std::string_view rest) {
    PollForm form;
    while (!rest.empty()) {
      if (const auto word = next_word(rest); !eat_form_word(word, form)) fail("GET " + std::string(word));
    }
    return form;
  }

  void say(std::string_view rest) {
    auto& peer = current();
    if (eat(rest, "GET")) return peer.get(form_of(rest));
    if (rest == "PUT") return peer.post_answered(peer.engine().bad_method());
    if (rest == "POST too large") return peer.post_answered(peer.engine().post_too_large(world_.now));
    if (rest == "POST meanwhile") return peer.post_answered(peer.engine().post_refused(world_.now));
    if (eat(rest, "POST")) {
      if (eat(rest, "(binary)")) return peer.post(unhex(rest), true);
      if (eat(rest, "jsonp")) {
        const auto plain = unwrap_jsonp_post(rest);
        return peer.post(plain ? *plain : std::string(), false);
      }
      return peer.post(rest, false);
    }
    const bool probe = eat(rest, "probe");
    if (eat(rest, "(binary)")) return peer.frame(probe, false, unhex(rest));
    peer.frame(probe, true, rest);
  }

  void happen(std::string_view rest) {
    const auto what = next_word(rest);
    if (what == "set") return set(rest);
    if (what == "fixture") return void(fixture_ = true);
    if (what == "client") return void(name_ = std::string(rest));
    if (what == "open") return open(rest);
    if (what == "wait") return wait(rest);
    if (what == "late") return void(world_.now += duration(rest));
    if (what == "upgrade") return current().upgrade();
    const bool answer_follows = rest.starts_with('{');  // `@ lost {…}`: a publication is lost
    if ((what == "lost" && !answer_follows) || what == "closed") return current().lost(rest, what == "closed");
    if (what == "taken") return taken(rest);
    if (what == "disk") {  // `slow`, then `caught up`
      world_.disk_is_slow = rest == "slow";
      if (!world_.disk_is_slow) world_.turn = std::exchange(world_.on_disk, {});
      return;
    }
    if (what == "control") return current().engine().heard_control(world_.now);
    if (what == "room") return current().room();
    if (what == "drain") return current().engine().close(EngineEnd::closed_by_us, world_.now);
    const auto object = rest.empty() ? json::object() : json::parse(rest).as_object();
    if (what == "blocked") return block(revocations_, object, wall_at(world_.now));
    if (is_event(what)) {
      const auto event = make_event(what, object);
      for (auto& [name, peer] : peers_) peer->tell(event);
      return;
    }
    answer(what, object);
  }

  void set(std::string_view rest) {
    change_setting(values_, rest);
    source_.replace(std::make_shared<const Settings>(values_));
  }

  void open(std::string_view given) {
    if (peers_.contains(name_)) fail("this client has its session: `@ client` names another");
    const auto expanded = expand(given, *SocketId::parse("1.1"));
    std::string_view rest = expanded;
    const bool polling = next_word(rest) == "polling";
    const auto& socketio = values_.socketio;
    SocketIoPeer::Opening opening{.settings = {.ping_interval = socketio.ping_interval,
                                               .ping_timeout = socketio.ping_timeout,
                                               .upgrade_timeout = socketio.upgrade_timeout,
                                               .message_bytes_max = socketio.message_bytes_max,
                                               .queue_bytes_max = values_.limits.write_queue_bytes_max},
                                  .version = next_word(rest) == "4" ? EngineVersion::v4 : EngineVersion::v3,
                                  .hello = {.address = "192.0.2.1"},
                                  .connect_timeout = socketio.connect_timeout,
                                  .fixture = fixture_ ? &fixture_maker_ : nullptr};
    PollForm form;
    while (!rest.empty()) {
      const auto word = next_word(rest);
      const auto value = [&] { return std::string(word.substr(word.find('=') + 1)); };
      if (eat_form_word(word, form)) continue;
      if (word == "tls") {
        opening.hello.tls = true;
      } else if (word == "full") {
        opening.hello.over_capacity = true;
      } else if (word.starts_with("token=")) {
        opening.hello.token = value();
      } else if (word.starts_with("origin=")) {
        opening.hello.origin = value();
      } else if (word.starts_with("header:")) {  // `_` for a blank
        auto text = value();
        std::replace(text.begin(), text.end(), '_', ' ');
        opening.hello.headers.emplace_back(word.substr(7, word.find('=') - 7), std::move(text));
      } else {
        fail("open: " + std::string(word));
      }
    }
    source_.replace(std::make_shared<const Settings>(values_));
    auto& peer = *(peers_[name_] = std::make_unique<SocketIoPeer>(world_, context_, name_, std::move(opening)));
    if (polling) {
      peer.open_polling(form);
    } else {
      peer.open_websocket();
    }
  }

  void wait(std::string_view rest) {
    const auto until = world_.now + duration(rest);
    const auto first = [&] {
      const auto peer = std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
        return a.second->deadline() < b.second->deadline();
      });
      return peer == peers_.end() ? nullptr : peer->second.get();
    };
    for (auto* peer = first(); peer != nullptr && peer->deadline() <= until; peer = first()) {
      world_.now = std::max(world_.now, peer->deadline());
      peer->on_deadline();
      end_turn();
    }
    world_.now = until;
  }

  // The oldest question is answered.
  void taken(std::string_view rest) {
    if (world_.questions.empty()) fail("nobody asked for a kept session");
    const auto question = std::move(world_.questions.front());
    world_.questions.pop_front();
    if (rest == "none") return question.done(std::nullopt);
    if (!rest.empty())
      return question.done(net::socketio::KeptRecord{std::string(rest), wall_at(world_.now + seconds(60))});
    const auto found = world_.kept.find(question.pid);
    if (found == world_.kept.end() || found->second.expires <= wall_at(world_.now)) return question.done(std::nullopt);
    net::socketio::KeptRecord record{std::move(found->second.record), found->second.expires};
    world_.kept.erase(found);
    question.done(std::move(record));
  }

  void answer(std::string_view what, const json::object& object) {
    const auto asked = world_.subscribed[text(object, "channel")];
    auto to = object.contains("channel") && asked.by.exists() ? asked.by : current().socket();
    if (object.contains("socket")) to = *SocketId::parse(text(object, "socket"));
    auto reply = make_reply(what, object, asked.id);
    const bool heard =
        std::any_of(peers_.begin(), peers_.end(), [&](auto& one) { return one.second->reply(to, reply); });
    if (!heard) world_.lines.push_back("= (nobody hears it)");
  }

  Settings values_ = stage_settings();
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  SessionContext context_{source_, metrics_, revocations_};
  FixtureMaker fixture_maker_ = make_fixtures(false);
  SocketIoWorld world_;
  std::map<std::string, std::unique_ptr<SocketIoPeer>> peers_;
  std::string name_ = "a";
  bool fixture_ = false;
};

}  // namespace

std::unique_ptr<Stage> make_socketio_stage() { return std::make_unique<SocketIoStage>(); }

}  // namespace parley::scenarios

// The stage for Pusher sessions: one connection, a clock that is told, and a node that answers only
// what the transcript says.
//
//   @ set NAME VALUE            before `open`, or as a reload after it: see kSettings
//   @ open PATH[?QUERY] [tls] [full] [origin=O]
//   @ wait 45s | 500ms          deadlines on the way are met
//   @ subscribed|denied|missed|published|lost|watchlist|terminated|history|refused {…}   the node answers
//   @ publish|member_added|member_removed|count {…}                             the channel tells its subscribers
//   @ binary | drain | end REASON
//
// In `>` lines $private(CHANNEL), $presence(CHANNEL,CHANNEL_DATA) and $user(USER_DATA) stand for the
// signed fields of pusher:subscribe and pusher:signin; $token({…}) there and in `@ open` for a connection token.

#include "core/settings.h"
#include "net/auth/token.h"
#include "net/pusher/auth.h"
#include "net/pusher/encoder.h"
#include "net/pusher/handshake.h"
#include "net/pusher/json_text.h"
#include "net/pusher/protocol.h"
#include "tests/scenarios/transcript.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

namespace parley::scenarios {
namespace {

namespace json = boost::json;
using namespace net;
using namespace net::pusher;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::string text(const json::object& object, std::string_view key, std::string_view otherwise = "") {
  const auto* value = object.if_contains(key);
  return value == nullptr ? std::string(otherwise) : std::string(value->as_string());
}
std::uint64_t number(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? 0 : value->to_number<std::uint64_t>();
}
bool flag(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->as_bool();
}

Errc error_named(std::string_view name) {
  for (const auto& row : all_errors()) {
    if (row.name == name) return row.code;
  }
  fail("no such error: " + std::string(name));
}

constexpr Epoch kEpoch{0xABCDULL};
Position at(std::uint64_t offset) { return offset == 0 ? Position{} : Position{kEpoch, Offset{offset}}; }

// Offset 0 in a transcript: an ephemeral publication.
PublicationPtr publication(const json::object& object) {
  auto made = std::make_shared<Publication>();
  made->event = text(object, "event", "message.sent");
  made->kind = text(object, "kind", "text") == "json" ? DataKind::json : DataKind::text;
  made->data = text(object, "data", "{}");
  made->user_id = text(object, "user_id");
  made->position = at(number(object, "offset"));
  made->deleted = flag(object, "deleted");
  return made;
}

const char* reason_text(LeaveReason reason) {
  switch (reason) {
    case LeaveReason::unsubscribed:
      return "unsubscribed";
    case LeaveReason::closed_by_client:
      return "closed_by_client";
    case LeaveReason::connection_lost:
      return "connection_lost";
  }
  return "?";
}

class Recorder final : public Actions {
 public:
  explicit Recorder(const MonoTime& now) : now_(now) {}
  // The day on which the signatures of docs and transcripts were made, plus what was waited.
  [[nodiscard]] WallTime wall() const override {
    return WallTime{1'760'000'000'000} + std::chrono::duration_cast<milliseconds>(now_ - MonoTime(seconds(1'000)));
  }
  void ask_application(AuthQuestion question) override {
    auto line = fmt::format("= Ask {} {} {} from {}", question.app, question.socket.text(), question.channel,
                            question.client_address);
    for (const auto& [name, value] : question.headers) line += fmt::format(" {}={}", name, value);
    lines.push_back(std::move(line));
  }
  void send_text(std::string_view payload) override { lines.push_back(fmt::format("< {}", payload)); }
  void send_binary(std::string_view) override { lines.push_back("< (binary)"); }
  void send_frame(const Bytes& frame) override { lines.push_back(fmt::format("< {}", *frame)); }
  void request(Request request) override {
    const auto ticket = request.from.ticket == 0 ? "" : fmt::format(" [{}]", request.from.ticket);
    lines.push_back("= " + std::visit([&](auto& what) { return describe(what); }, request.what) + ticket);
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
  std::string describe(const Subscribe& what) {
    subscribed[std::string(what.channel.name())] = what.subscription;
    auto out = fmt::format("Subscribe {} #{}", what.channel.text(), what.subscription.value);
    if (what.member != nullptr) out += fmt::format(" member={} info={}", what.member->user_id, what.member->user_info);
    if (what.resume.since) out += " since=" + position_text(*what.resume.since);
    if (!what.resume.client_id.empty()) out += " client=" + what.resume.client_id;
    if (what.resume.rewind > 0) out += fmt::format(" rewind={}", what.resume.rewind);
    if (what.member == nullptr && !what.user_id.empty()) out += " user=" + what.user_id;
    return out;
  }
  std::string describe(const Unsubscribe& what) {
    auto out =
        fmt::format("Unsubscribe {} #{} {}", what.channel.text(), what.subscription.value, reason_text(what.reason));
    return what.client_id.empty() ? out : out + " client=" + what.client_id;
  }
  std::string describe(const Publish& what) {
    auto out =
        fmt::format("Publish {} {} {} except={}", what.channel.text(), what.event, what.data, what.except.text());
    if (what.kind != DataKind::json || !what.client_event) out += " (not a client event)";
    if (!what.user_id.empty()) out += " user=" + what.user_id;
    if (!what.idempotency_key.empty()) out += " key=" + what.idempotency_key;
    if (what.ack != 0) out += fmt::format(" ack={}", what.ack);
    if (what.wants_reply) out += " wants a reply";
    return out;
  }
  std::string describe(const Confirm& what) {
    return fmt::format("Confirm {} {} client={}", what.channel.text(), what.offset.value, what.client_id);
  }
  std::string describe(const SignIn& what) {
    auto out = fmt::format("SignIn {}/{} info={} watchlist=[{}]", what.user.app, what.user.id, what.user_info,
                           fmt::join(what.watchlist, ","));
    if (what.via != Via::signature) out += fmt::format(" via={}", via_name(what.via));
    if (what.domains) out += fmt::format(" domains=[{}]", fmt::join(*what.domains, ","));
    return out;
  }
  std::string describe(const JoinedAs& what) {
    return fmt::format("JoinedAs {}/{} {} info={} client={} address={}", what.user.app, what.user.id, what.channel,
                       what.user_info, what.about.client, what.about.address);
  }
  std::string describe(const LeftAs& what) {
    return fmt::format("LeftAs {}/{} {}", what.user.app, what.user.id, what.channel);
  }
  std::string describe(const SetActivity& what) {
    return fmt::format("SetActivity {}/{} {}", what.user.app, what.user.id, status_name(what.status));
  }
  std::string describe(const ListDomain& what) {
    return fmt::format("ListDomain {}/{} after={} limit={} echo={}", what.app, what.domain, what.after, what.limit,
                       what.echo);
  }
  std::string describe(const GetHistory& what) {
    return fmt::format("GetHistory {} since={} limit={} {}", what.channel.text(),
                       what.since ? position_text(*what.since) : "-", what.limit,
                       what.direction == Direction::forward ? "forward" : "backward");
  }
  std::string describe(const SignOut& what) {
    return fmt::format("SignOut {}/{} watchlist=[{}] {} silent_for={}ms", what.user.app, what.user.id,
                       fmt::join(what.watchlist, ","), reason_text(what.reason), what.silent_for.count());
  }
  template <class Other>
  std::string describe(const Other&) {
    return "a request that no session makes";
  }

  const MonoTime& now_;
};

class PusherStage final : public Stage {
 public:
  PusherStage() {
    values_.rules = default_rules();
    values_.apps.push_back({.id = "4711", .name = "demo", .key = "app-key-demo", .secret = "app-secret-demo"});
    values_.timing.silence_before_ping = seconds(45);
    values_.timing.pong_timeout = seconds(75);
  }

  std::vector<std::string> play(std::string_view line) override {
    recorder_.lines.clear();
    try {
      if (line.starts_with("> ")) {
        protocol().on_text(expand(line.substr(2)), now_, recorder_);
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
    if (what == "drain") return protocol().on_drain(now_, recorder_);
    if (what == "end") return end(rest);
    if (what == "blocked") return block(rest);
    const auto object = rest.empty() ? json::object() : json::parse(rest).as_object();
    if (what == "publish" || what == "member_added" || what == "member_removed" || what == "count")
      return tell(what, object);
    answer(what, object);
  }

  void set(std::string_view rest) {
    const auto space = rest.find(' ');
    const auto name = rest.substr(0, space);
    const auto value = space == std::string_view::npos ? std::string() : std::string(rest.substr(space + 1));
    auto& app = values_.apps.front();
    const std::map<std::string_view, std::function<void()>> setters{
        {"client_events", [&] { app.client_events = value == "true"; }},
        {"enabled", [&] { app.enabled = value == "true"; }},
        {"tls_only", [&] { app.tls_only = value == "true"; }},
        {"secret_previous", [&] { app.secret_previous = value; }},
        {"allowed_origin", [&] { app.allowed_origins.push_back(value); }},
        {"authorization_timeout", [&] { app.authorization_timeout = seconds(std::stoi(value)); }},
        {"connections_max", [&] { app.limits.connections_max = std::stoul(value); }},
        {"client_events_per_second_max",
         [&] { app.limits.client_events_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
        {"channels_per_connection_max", [&] { app.limits.channels_per_connection_max = std::stoul(value); }},
        {"channel_name_chars_max", [&] { app.limits.channel_name_chars_max = std::stoul(value); }},
        {"event_name_chars_max", [&] { app.limits.event_name_chars_max = std::stoul(value); }},
        {"event_data_bytes_max", [&] { app.limits.event_data_bytes_max = std::stoul(value); }},
        {"member_bytes_max", [&] { app.limits.member_bytes_max = std::stoul(value); }},
        {"user_id_chars_max", [&] { app.limits.user_id_chars_max = std::stoul(value); }},
        {"watchlist_users_max", [&] { app.limits.watchlist_users_max = std::stoul(value); }},
        {"catch_up_buffer_bytes_max", [&] { values_.limits.catch_up_buffer_bytes_max = std::stoul(value); }},
        {"auth_url", [&] { app.auth.url = value; }},
        {"auth_channels_per_call_max", [&] { app.auth.channels_per_call_max = std::stoul(value); }},
        {"away_after", [&] { app.status.away_after = seconds(std::stoi(value)); }},
        {"token_warn", [&] { app.tokens.warn = seconds(std::stoi(value)); }},
        {"token_leeway", [&] { app.tokens.leeway = seconds(std::stoi(value)); }},
        {"token_secret", [&] { app.tokens.hs256_secrets = {value}; }},
        {"app_removed", [&] { values_.apps.clear(); }},
    };
    const auto found = setters.find(name);
    if (found == setters.end()) fail("no such setting: " + std::string(name));
    found->second();
    source_.replace(std::make_shared<const Settings>(values_));
  }

  void open(std::string_view rest) {
    source_.replace(std::make_shared<const Settings>(values_));
    protocol_.reset();
    recorder_.modes.clear();
    const auto whole = expand(rest);  // $token in it
    rest = whole;
    PusherHandshake handshake{
        .wall = recorder_.wall(), .socket = *SocketId::parse("241.880612"), .client_address = "192.0.2.1"};
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
    const bool ms = rest.ends_with("ms");
    const auto count = std::stoll(std::string(rest));
    const auto until =
        now_ + (ms ? std::chrono::nanoseconds(milliseconds(count)) : std::chrono::nanoseconds(seconds(count)));
    while (protocol().deadline() <= until) {
      now_ = std::max(now_, protocol().deadline());
      protocol().on_deadline(now_, recorder_);
    }
    now_ = until;
  }

  // blocked {"user":"42","banned_for":60,"reason":"…"} or {"user":"42","channel":"…","for":60}, or with
  // "tokens_since":0: those issued before now.
  void block(std::string_view rest) {
    const auto object = json::parse(rest).as_object();
    UserBlocks blocks;
    const auto now = recorder_.wall();
    if (object.contains("banned_for")) blocks.banned_until = now + seconds(number(object, "banned_for"));
    blocks.ban_reason = text(object, "reason");
    if (object.contains("channel"))
      blocks.channels.push_back({text(object, "channel"), now + seconds(number(object, "for"))});
    if (object.contains("tokens_since")) blocks.tokens_since = now;
    revocations_.set({"4711", text(object, "user")}, blocks);
  }

  void end(std::string_view reason) {
    const std::map<std::string_view, EndReason> reasons{{"closed_by_client", EndReason::closed_by_client},
                                                        {"connection_lost", EndReason::connection_lost},
                                                        {"closed_by_us", EndReason::closed_by_us}};
    protocol().on_end(reasons.at(reason), now_, recorder_);
    protocol_.reset();
  }

  // As a hub does it: the frame itself to who listens directly, the event to who listens through.
  void tell(std::string_view what, const json::object& object) {
    ChannelEvent event{.channel = ChannelKey("4711", text(object, "channel"))};
    if (what == "publish") event.what = ChannelEvent::Published{publication(object)};
    if (what == "member_added") {
      event.what = ChannelEvent::MemberAdded{
          std::make_shared<Member>(Member{text(object, "user_id"), text(object, "user_info")})};
    }
    if (what == "member_removed") event.what = ChannelEvent::MemberRemoved{text(object, "user_id")};
    if (what == "count") event.what = ChannelEvent::SubscriptionCount{number(object, "count")};
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
    const auto channel = ChannelKey("4711", text(object, "channel"));
    auto id = recorder_.subscribed[std::string(channel.name())];
    if (object.contains("id")) id.value = static_cast<std::uint32_t>(number(object, "id"));
    Reply reply;
    if (what == "subscribed") {
      reply.what = subscribed(object, channel, id);
    } else if (what == "denied") {
      reply.what = SubscribeRefused{channel, id, make_error(error_named(text(object, "error")))};
    } else if (what == "missed") {
      Missed missed{.channel = channel, .subscription = id, .last = flag(object, "last")};
      if (object.contains("publications")) {
        for (const auto& row : object.at("publications").as_array())
          missed.publications.push_back(publication(row.as_object()));
      }
      if (object.contains("error")) missed.error = make_error(error_named(text(object, "error")));
      reply.what = std::move(missed);
    } else if (what == "published") {
      reply.what =
          Published{.channel = channel, .ack = number(object, "ack"), .position = at(number(object, "offset"))};
    } else if (what == "lost") {
      reply.what = PublishRefused{channel, number(object, "ack"), make_error(error_named(text(object, "error")))};
    } else if (what == "watchlist") {
      WatchlistChanged changed;
      for (const auto& id_value : object.at("online").as_array()) changed.online.emplace_back(id_value.as_string());
      for (const auto& id_value : object.at("offline").as_array()) changed.offline.emplace_back(id_value.as_string());
      reply.what = std::move(changed);
    } else if (what == "terminated") {
      reply.what = Terminated{make_error(error_named(text(object, "error", "terminated")))};
    } else if (what == "kicked") {
      reply.what = Kicked{channel, make_error(Errc::kicked)};
    } else if (what == "application") {
      ApplicationAnswer said{.channel = std::string(channel.name()),
                             .allowed = flag(object, "allowed"),
                             .channel_data = text(object, "channel_data")};
      if (!said.allowed)
        said.error = make_error(error_named(text(object, "error", "unauthorized")), "the application said no");
      reply.what = std::move(said);
    } else if (what == "people") {
      UserList list{.next = text(object, "next"), .echo = text(object, "channel")};
      for (const auto& [user, status] : object.at("users").as_object()) {
        UserAbout about{.user = {"4711", user}, .known = true};
        about.record.status = *status_named(status.as_string());
        about.record.since = WallTime{1};
        about.record.last_seen = WallTime{2};
        list.users.push_back(std::move(about));
      }
      reply.what = std::move(list);
    } else if (what == "history") {
      HistoryPage page{
          .channel = channel, .newest = at(number(object, "newest")), .oldest = {number(object, "oldest")}};
      for (const auto& row : object.at("publications").as_array())
        page.publications.push_back(publication(row.as_object()));
      page.more = flag(object, "more");
      page.gap = flag(object, "gap");
      reply.what = std::move(page);
    } else if (what == "refused") {
      reply.what = Refused{make_error(error_named(text(object, "error")))};
    } else {
      fail("nothing is known about " + std::string(what));
    }
    reply.to.ticket = number(object, "ticket");
    protocol().on_reply(reply, now_, recorder_);
  }

  static Subscribed subscribed(const json::object& object, const ChannelKey& channel, SubscriptionId id) {
    Subscribed made{.channel = channel, .subscription = id, .position = at(number(object, "offset"))};
    made.catching_up = flag(object, "catching_up");
    const auto resume = text(object, "resume", "none");
    if (resume == "complete") made.resume = ResumeOutcome::complete;
    if (resume == "gap") {
      made.resume = ResumeOutcome::gap;
      made.gap_after = Offset{number(object, "after")};
      made.gap_before = Offset{number(object, "before")};
    }
    if (const auto* cache = object.if_contains("cache")) {
      made.cache_channel = true;
      if (cache->is_object()) made.cached = publication(cache->as_object());
    }
    if (const auto* members = object.if_contains("members")) {
      auto roster = std::make_shared<Roster>();
      for (const auto& [user, user_info] : members->as_object()) {
        roster->members.push_back(std::make_shared<Member>(Member{user, std::string(user_info.as_string())}));
      }
      made.roster = roster;
    }
    return made;
  }

  static std::string fields_of(std::string_view name, std::string_view argument) {
    const auto socket = *SocketId::parse("241.880612");
    std::string out = R"("auth":")";
    if (name == "token") return make_token_from(argument);
    if (name == "user") {
      out += sign_user("app-key-demo", "app-secret-demo", socket, argument) + R"(","user_data":)";
      append_json_string(out, argument);
      return out;
    }
    const auto channel = argument.substr(0, argument.find(','));
    if (name == "private")
      return out + sign_channel("app-key-demo", "app-secret-demo", socket, channel) + R"(","channel":")" +
             std::string(channel) + '"';
    const auto data = argument.substr(std::min(channel.size() + 1, argument.size()));
    out += sign_channel("app-key-demo", "app-secret-demo", socket, channel, data) + R"(","channel_data":)";
    append_json_string(out, data);
    return out + R"(,"channel":")" + std::string(channel) + '"';
  }

  // {"sub":"42","domains":["7"],"in":60}: good for that many seconds from the beginning; "ago": issued then.
  static std::string make_token_from(std::string_view argument) {
    const auto object = json::parse(argument).as_object();
    const WallTime begin{1'760'000'000'000};
    auth::Claims claims{.user_id = text(object, "sub")};
    if (object.contains("info")) claims.user_info = json::serialize(object.at("info"));
    const auto list = [&](const char* name) {
      std::vector<std::string> values;
      if (object.contains(name)) {
        for (const auto& value : object.at(name).as_array()) values.emplace_back(value.as_string());
      }
      return values;
    };
    claims.domains = list("domains");
    claims.channels = list("channels");
    claims.admin = list("admin");
    claims.watchlist = list("watchlist");
    claims.issued_at = begin - seconds(object.contains("ago") ? number(object, "ago") : 0);
    claims.expires = begin + seconds(object.contains("in") ? object.at("in").to_number<std::int64_t>() : 3'600);
    return auth::make_token(claims, {}, text(object, "secret", "app-secret-demo"));
  }

  static std::string expand(std::string_view line) {
    std::string out;
    while (!line.empty()) {
      bool found = false;
      for (const std::string_view name : {"private", "presence", "user", "token"}) {
        if (!line.starts_with('$') || !line.substr(1).starts_with(name) ||
            !line.substr(1 + name.size()).starts_with('('))
          continue;
        const auto start = name.size() + 2;
        std::size_t depth = 1;
        auto finish = start;
        for (; finish < line.size() && depth > 0; ++finish)
          depth += line[finish] == '(' ? 1U : line[finish] == ')' ? ~std::size_t{0} : 0U;
        out += fields_of(name, line.substr(start, finish - start - 1));
        line.remove_prefix(finish);
        found = true;
        break;
      }
      if (found) continue;
      out.push_back(line.front());
      line.remove_prefix(1);
    }
    return out;
  }

  Settings values_;
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  PusherContext context_{source_, metrics_, revocations_};
  MonoTime now_{seconds(1'000)};
  Recorder recorder_{now_};
  std::unique_ptr<net::Protocol> protocol_;
};

}  // namespace

std::unique_ptr<Stage> make_pusher_stage() { return std::make_unique<PusherStage>(); }

}  // namespace parley::scenarios

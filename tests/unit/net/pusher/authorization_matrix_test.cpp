// Who may do what: verb × kind of channel × state of the member × way of authorising, every cell against a
// rule that is written down here once more, in other words than the session's.

#include "core/channel_name.h"
#include "net/auth/pusher_signature.h"
#include "net/auth/token.h"
#include "net/pusher/encoder.h"
#include "net/pusher/handshake.h"
#include "net/pusher/protocol.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace parley::net::pusher {
namespace {

namespace json = boost::json;
constexpr WallTime kNow{1'760'000'000'000};
constexpr const char* kSecret = "app-secret-demo";

enum class Way {
  nothing,
  signature,
  wrong_signature,
  others_signature,  // made for another connection
  signed_in,         // as 42, by a signature; the channel itself without
  token,             // of 42, with domain 7, admin 1, `other` and `plain` channels
  poor_token,        // of 42, without any of them
  channel_token,     // in `auth`, for this channel
  other_channel_token,
  application_yes,
  application_no,
  application_away,
};
constexpr Way kWays[] = {Way::nothing,          Way::signature,      Way::wrong_signature,
                         Way::others_signature, Way::signed_in,      Way::token,
                         Way::poor_token,       Way::channel_token,  Way::other_channel_token,
                         Way::application_yes,  Way::application_no, Way::application_away};
const char* name(Way way) {
  constexpr const char* names[] = {"nothing",           "signature",       "wrong signature",
                                   "other's signature", "signed in",       "token",
                                   "poor token",        "channel token",   "other channel's token",
                                   "application: yes",  "application: no", "application: away"};
  return names[static_cast<int>(way)];
}
bool asks(Way way) { return way == Way::application_yes || way == Way::application_no || way == Way::application_away; }
bool has_token(Way way) { return way == Way::token || way == Way::poor_token; }
bool identified(Way way) { return way == Way::signed_in || has_token(way); }

enum class Block { none, kicked, banned };

const char* kChannels[] = {"room",
                           "domain.7",
                           "cache-domain.7",
                           "private-domain.7",
                           "private-domain.8",
                           "private-user.42",
                           "private-user.43",
                           "private-admin.1",
                           "private-admin.2",
                           "private-other",
                           "private-nobody",
                           "private-encrypted-domain.7",
                           "private-cache-domain.7",
                           "private-encrypted-cache-domain.7",
                           "presence-domain.7",
                           "presence-domain.8",
                           "presence-cache-domain.7",
                           "presence-nobody",
                           "#server-to-user-42",
                           "#server-to-user-43"};

class World final : public Actions {
 public:
  World(Way way, Block block, std::string_view blocked_channel) : way_(way) {
    App app{.id = "4711", .name = "demo", .key = "app-key-demo", .secret = kSecret};
    if (asks(way)) app.auth.url = "http://app.test/auth";
    values_.apps.push_back(app);
    values_.rules = default_rules();
    source_.replace(std::make_shared<const Settings>(values_));
    UserBlocks blocks;
    if (block == Block::banned) blocks.banned_until = kNow + seconds(60);
    if (block == Block::kicked) blocks.channels.push_back({std::string(blocked_channel), kNow + seconds(60)});
    revocations_.set({"4711", "42"}, blocks);
    connect();
  }

  void subscribe(const std::string& channel) {
    if (!protocol_) return;
    json::object data{{"channel", channel}};
    const auto traits = channel_traits(channel);
    std::optional<std::string> member;
    if (traits.presence) {
      member = R"({"user_id":"42"})";
      if (way_ != Way::signed_in && !asks(way_)) data["channel_data"] = *member;
    }
    if (way_ == Way::signature)
      data["auth"] = auth::sign_channel("app-key-demo", kSecret, socket_.text(), channel, member);
    if (way_ == Way::wrong_signature) data["auth"] = "app-key-demo:" + std::string(64, '0');
    if (way_ == Way::others_signature) {
      data["auth"] = auth::sign_channel("app-key-demo", kSecret, "1.1", channel, member);
    }
    if (way_ == Way::channel_token) data["auth"] = token({.user_id = "42", .channels = {std::string(traits.base)}});
    if (way_ == Way::other_channel_token) data["auth"] = token({.user_id = "42", .channels = {"elsewhere"}});
    send("pusher:subscribe", data);
    if (!asked.empty()) {
      ApplicationAnswer answer{.channel = channel, .allowed = way_ == Way::application_yes};
      if (traits.presence) answer.channel_data = *member;
      if (way_ == Way::application_no) answer.error = make_error(Errc::unauthorized);
      if (way_ == Way::application_away) answer.error = make_error(Errc::auth_unavailable);
      Reply reply{{}, std::move(answer)};
      protocol_->on_reply(reply, now_, *this);
    }
  }
  void let_in(const std::string& channel) {
    Reply reply{{}, Subscribed{.channel = {"4711", channel}, .subscription = subscription}};
    protocol_->on_reply(reply, now_, *this);
  }
  void kick(const std::string& channel) {
    Reply reply{{}, Kicked{{"4711", channel}, make_error(Errc::kicked)}};
    protocol_->on_reply(reply, now_, *this);
  }
  void send(std::string_view event, const json::object& data, std::string_view channel = {}) {
    if (!protocol_) return;
    json::object frame{{"event", event}, {"data", data}};
    if (!channel.empty()) frame["channel"] = channel;
    protocol_->on_text(json::serialize(frame), now_, *this);
  }
  void forget() {
    joined.clear();
    errors.clear();
    asked.clear();
    published = left = listed = false;
  }

  // Actions
  WallTime wall() const override { return kNow; }
  void send_text(std::string_view payload) override {
    const auto frame = json::parse(payload).as_object();
    if (frame.at("event") == "pusher:subscription_error") {
      errors.emplace_back(json::parse(frame.at("data").as_string()).as_object().at("code").as_string());
    } else if (frame.at("event") == "pusher:error" && errors.empty()) {
      errors.emplace_back("error: " + std::string(frame.at("data").as_object().at("message").as_string()));
    }
  }
  void send_binary(std::string_view) override {}
  void send_frame(const Bytes&) override {}
  void request(Request request) override {
    if (auto* subscribe_request = std::get_if<Subscribe>(&request.what)) {
      subscription = subscribe_request->subscription;
      joined = subscribe_request->member != nullptr ? "as " + subscribe_request->member->user_id : "joins";
    }
    published = published || std::holds_alternative<Publish>(request.what);
    left = left || std::holds_alternative<Unsubscribe>(request.what);
    listed = listed || std::holds_alternative<ListDomain>(request.what);
  }
  void ask_application(AuthQuestion question) override { asked = question.channel; }
  void ask_room() override {}
  void listen(const ChannelKey&, ListenMode) override {}
  void unlisten(const ChannelKey&) override {}
  void close(std::uint16_t, std::string_view, Errc why) override { closed = std::string(info(why).name); }

  std::string joined, closed, asked;
  std::vector<std::string> errors;
  bool published = false, left = false, listed = false;
  SubscriptionId subscription;

 private:
  static std::string token(auth::Claims claims) {
    claims.issued_at = kNow;
    claims.expires = kNow + seconds(600);
    return auth::make_token(claims, {}, kSecret);
  }
  void connect() {
    std::string path = "/app/app-key-demo";
    if (way_ == Way::token)
      path = "/t/" + token({.user_id = "42", .domains = {"7"}, .admin = {"1"}, .channels = {"other"}}) + path;
    if (way_ == Way::poor_token) path = "/t/" + token({.user_id = "42"}) + path;
    auto session = judge_handshake(context_, {.path = path, .query = "protocol=7", .wall = kNow, .socket = socket_});
    if (!session) {
      closed = std::string(info(session.error().code).name);
      return;
    }
    protocol_ = make_pusher_protocol(std::move(*session));
    protocol_->on_open(now_, *this);
    if (way_ != Way::signed_in) return;
    const std::string user = R"({"id":"42"})";
    send("pusher:signin",
         {{"auth", auth::sign_user("app-key-demo", kSecret, socket_.text(), user)}, {"user_data", user}});
    errors.clear();
  }

  Way way_;
  Settings values_;
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  SessionContext context_{source_, metrics_, revocations_};
  SocketId socket_ = *SocketId::parse("241.880612");
  MonoTime now_{seconds(1'000)};
  std::unique_ptr<Protocol> protocol_;
};

// ---- the rule, once more ----

bool needs_right(std::string_view channel) {
  return channel.starts_with("private-") || channel.starts_with("presence-");
}
bool presence(std::string_view channel) { return channel.starts_with("presence-"); }

bool token_allows(Way way, std::string_view channel) {
  if (channel.find("user.42") != std::string_view::npos) return true;
  if (way == Way::poor_token) return false;
  return channel.ends_with("domain.7") || channel.ends_with("admin.1") || channel.ends_with("other");
}

std::string expected_subscribe(std::string_view channel, Block block, Way way) {
  if (block == Block::banned && identified(way)) return "connection: banned";
  // Whether it is known that this is 42, in this subscription.
  const bool channel_proof = way == Way::channel_token && needs_right(channel);
  const bool as_member = presence(channel) && (way == Way::signature || way == Way::application_yes);
  const bool known = identified(way) || channel_proof || as_member;
  const auto allowed = [&]() -> std::string {
    if (block == Block::kicked && known) return "kicked";
    if (block == Block::banned && known) return "banned";
    return presence(channel) ? "as 42" : "joins";
  };
  if (channel == "#server-to-user-42") return identified(way) ? allowed() : "unauthorized";
  if (channel == "#server-to-user-43") return "unauthorized";
  if (!needs_right(channel)) return allowed();
  switch (way) {
    case Way::signature:
    case Way::application_yes:
      return allowed();
    case Way::token:
    case Way::poor_token:
      return token_allows(way, channel) ? allowed() : "unauthorized";
    case Way::channel_token:
      return block == Block::banned ? "banned" : allowed();
    case Way::other_channel_token:
      if (block == Block::banned) return "banned";
      if (channel.find("user.42") == std::string_view::npos) return "unauthorized";  // the own channel needs no mention
      return block == Block::kicked ? "kicked" : "joins";
    case Way::application_away:
      return "auth_unavailable";
    case Way::nothing:
    case Way::wrong_signature:
    case Way::others_signature:
    case Way::signed_in:
    case Way::application_no:
      return "unauthorized";
  }
  return "?";
}

TEST(AuthorizationMatrix, Subscribe) {
  int cells = 0;
  for (const std::string channel : kChannels) {
    for (const auto block : {Block::none, Block::kicked, Block::banned}) {
      for (const auto way : kWays) {
        World world(way, block, channel);
        world.subscribe(channel);
        std::string outcome = world.joined;
        if (outcome.empty() && !world.errors.empty()) outcome = world.errors.front();
        if (!world.closed.empty()) outcome = "connection: " + world.closed;
        EXPECT_EQ(outcome, expected_subscribe(channel, block, way))
            << channel << ", " << name(way) << ", block " << static_cast<int>(block);
        ++cells;
      }
    }
  }
  EXPECT_EQ(cells, 20 * 3 * 12);
}

// ---- what a member may do ----

enum class State { absent, pending, member, kicked, left };
constexpr State kStates[] = {State::absent, State::pending, State::member, State::kicked, State::left};

// Brings a connection of 42 into a state by a way that leads into this channel; false: no way does.
bool bring(World& world, const std::string& channel, State state) {
  if (state == State::absent) return true;
  world.subscribe(channel);
  if (world.joined.empty()) return false;
  if (state == State::pending) return true;
  world.let_in(channel);
  if (state == State::kicked) world.kick(channel);
  if (state == State::left) world.send("pusher:unsubscribe", {{"channel", channel}});
  return true;
}

TEST(AuthorizationMatrix, WhatAMemberMayDo) {
  int cells = 0;
  for (const std::string channel : kChannels) {
    for (const auto way : kWays) {
      for (const auto state : kStates) {
        const auto cell = [&](std::string_view verb, auto act, auto check) {
          World world(way, Block::none, channel);
          if (!bring(world, channel, state)) return;
          world.forget();
          act(world);
          SCOPED_TRACE(fmt::format("{} {} {} state {}", verb, channel, name(way), static_cast<int>(state)));
          check(world);
          ++cells;
        };
        const bool encrypted = channel.find("encrypted") != std::string::npos;
        const bool may_publish = needs_right(channel) && !encrypted && state == State::member;
        cell(
            "client event",
            [&](World& world) {
              world.send("client-typing", {{"on", true}}, channel);
            },
            [&](World& world) {
              EXPECT_EQ(world.published, may_publish);
              EXPECT_EQ(world.errors.empty(), may_publish);
            });
        // Names of the server's own events are never a client's to send.
        cell(
            "server event",
            [&](World& world) {
              world.send("message.sent", {{"on", true}}, channel);
            },
            [&](World& world) {
              EXPECT_FALSE(world.published);
              EXPECT_FALSE(world.errors.empty());
            });
        const bool may_leave = state == State::member || state == State::pending;
        cell(
            "unsubscribe",
            [&](World& world) {
              world.send("pusher:unsubscribe", {{"channel", channel}});
            },
            [&](World& world) {
              EXPECT_EQ(world.left, may_leave);
              EXPECT_TRUE(world.errors.empty()) << "leaving what one is not on is no error";
            });
        const bool may_list =
            state == State::member && needs_right(channel) && channel.find("domain.") != std::string::npos;
        cell(
            "status",
            [&](World& world) {
              world.send("parley:status", {{"channel", channel}});
            },
            [&](World& world) {
              EXPECT_EQ(world.listed, may_list);
              EXPECT_EQ(world.errors.empty(), may_list);
            });
      }
    }
  }
  EXPECT_GT(cells, 2'000);
}

}  // namespace
}  // namespace parley::net::pusher

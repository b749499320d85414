// A channel is subscribed to again with another right: it counts when the channel has said yes, and not before.

#include "net/auth/pusher_signature.h"
#include "net/auth/token.h"
#include "net/pusher/handshake.h"
#include "net/pusher/protocol.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace parley::net::pusher {
namespace {

namespace json = boost::json;
constexpr WallTime kNow{1'760'000'000'000};
constexpr const char* kSecret = "app-secret-demo";
constexpr const char* kChannel = "private-other";

class World final : public Actions {
 public:
  World() {
    values_.apps.push_back({.id = "4711", .name = "demo", .key = "app-key-demo", .secret = kSecret});
    values_.rules = default_rules();
    source_.replace(std::make_shared<const Settings>(values_));
    auto session = judge_handshake(
        context_, {.path = "/app/app-key-demo", .query = "protocol=7", .wall = kNow, .socket = socket_});
    protocol_ = make_pusher_protocol(std::move(*session));
    protocol_->on_open(now_, *this);
  }

  void by_token(const std::string& user, seconds left) {
    auth::Claims claims{.user_id = user, .channels = {"other"}};
    claims.issued_at = kNow;
    claims.expires = kNow + left;
    subscribe(auth::make_token(claims, {}, kSecret));
  }
  // The connection's own token, which opens the channel or does not.
  void sign_in(bool may_join) {
    auth::Claims claims{.user_id = "42", .channels = {may_join ? "other" : "elsewhere"}};
    claims.issued_at = kNow;
    claims.expires = kNow + seconds(3'600);
    const json::object frame{{"event", "parley:token"}, {"data", {{"token", auth::make_token(claims, {}, kSecret)}}}};
    protocol_->on_text(json::serialize(frame), now_, *this);
  }
  void by_sign_in() { subscribe(""); }
  void by_signature() { subscribe(auth::sign_channel("app-key-demo", kSecret, socket_.text(), kChannel)); }
  void yes() { reply(Subscribed{.channel = {"4711", kChannel}, .subscription = newest_}); }
  void yes_unasked() { reply(Subscribed{.channel = {"4711", kChannel}, .subscription = {}}); }
  void no() { reply(SubscribeRefused{{"4711", kChannel}, newest_, make_error(Errc::overloaded)}); }
  void pass(seconds time) {
    now_ += time;
    if (now_ >= protocol_->deadline()) protocol_->on_deadline(now_, *this);
  }

  // Actions
  WallTime wall() const override { return kNow + std::chrono::duration_cast<milliseconds>(now_ - MonoTime{}); }
  void send_text(std::string_view payload) override {
    if (payload.find("subscription_error") != std::string_view::npos) ++refused;
  }
  void send_binary(std::string_view) override {}
  void send_frame(const Bytes&) override {}
  void request(Request request) override {
    if (const auto* what = std::get_if<Subscribe>(&request.what)) newest_ = what->subscription;
    if (const auto* what = std::get_if<JoinedAs>(&request.what)) said.push_back("+" + what->user.id);
    if (const auto* what = std::get_if<LeftAs>(&request.what)) said.push_back("-" + what->user.id);
    if (std::holds_alternative<Unsubscribe>(request.what)) said.emplace_back("off");
  }
  void ask_application(AuthQuestion) override {}
  void ask_room() override {}
  void listen(const ChannelKey&, ListenMode) override {}
  void unlisten(const ChannelKey&) override {}
  void close(std::uint16_t, std::string_view, Errc) override {}

  std::vector<std::string> said;
  int refused = 0;

 private:
  void subscribe(const std::string& auth) {
    const json::object frame{{"event", "pusher:subscribe"}, {"data", {{"channel", kChannel}, {"auth", auth}}}};
    protocol_->on_text(json::serialize(frame), now_, *this);
  }
  template <class What>
  void reply(What what) {
    Reply reply{{}, std::move(what)};
    protocol_->on_reply(reply, now_, *this);
  }

  Settings values_;
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  SessionContext context_{source_, metrics_, revocations_};
  SocketId socket_ = *SocketId::parse("241.880612");
  MonoTime now_{};
  SubscriptionId newest_;
  std::unique_ptr<Protocol> protocol_;
};

using Said = std::vector<std::string>;

TEST(Renewal, ARefusedOneLeavesTheTokenInForceUntilItsEnd) {
  World world;
  world.by_token("42", seconds(30));
  world.yes();
  world.by_signature();
  world.no();
  EXPECT_EQ(world.refused, 1);
  world.pass(seconds(600));
  EXPECT_EQ(world.said, (Said{"+42", "-42", "off"}));
}

// Another node that is wrong may say anything.
TEST(Renewal, AnAnswerToWhatNobodyAskedIsNone) {
  World world;
  world.by_token("42", seconds(30));
  world.yes_unasked();
  EXPECT_EQ(world.said, Said{});
  world.yes();
  world.yes_unasked();
  EXPECT_EQ(world.said, Said{"+42"});
}

TEST(Renewal, ATakenOneOutlivesTheToken) {
  World world;
  world.by_token("42", seconds(30));
  world.yes();
  world.by_signature();
  world.yes();
  world.pass(seconds(600));
  EXPECT_EQ(world.said, (Said{"+42", "-42"})) << "nobody is named by a signature of a private channel";
}

TEST(Renewal, AnothersTokenSpeaksForTheOtherAndNoMoreForTheFirst) {
  World world;
  world.by_token("42", seconds(30));
  world.yes();
  world.by_token("43", seconds(3'600));
  EXPECT_EQ(world.said, (Said{"+42"}));
  world.yes();
  EXPECT_EQ(world.said, (Said{"+42", "-42", "+43"}));
}

TEST(Renewal, ATokenThatEndsWhileANewerOneIsLookedAtIsNotTheEnd) {
  World world;
  world.by_token("42", seconds(30));
  world.yes();
  world.by_token("42", seconds(3'600));
  world.pass(seconds(300));
  EXPECT_EQ(world.said, (Said{"+42"}));
  world.yes();
  EXPECT_EQ(world.said, (Said{"+42", "+42"}));
}

TEST(Renewal, ATokenThatEndsWhileANewerOneIsRefusedIsTheEnd) {
  World world;
  world.by_token("42", seconds(30));
  world.yes();
  world.by_token("42", seconds(3'600));
  world.pass(seconds(300));
  world.no();
  world.pass(seconds(1));
  EXPECT_EQ(world.said, (Said{"+42", "-42", "off"}));
}

TEST(Renewal, ATokenThatIsNarrowedWhileItIsRenewedByItIsTheEnd) {
  World world;
  world.by_signature();
  world.yes();
  world.sign_in(true);
  world.by_sign_in();
  world.sign_in(false);
  world.yes();
  EXPECT_EQ(world.said.back(), "off");
}

TEST(Renewal, ANarrowedTokenIsTheEndWhenTheOtherProofIsRefusedAndNotBefore) {
  World world;
  world.sign_in(true);
  world.by_sign_in();
  world.yes();
  world.by_signature();
  world.sign_in(false);
  EXPECT_TRUE(world.said.empty());
  world.no();
  EXPECT_EQ(world.said.back(), "off");
}

}  // namespace
}  // namespace parley::net::pusher

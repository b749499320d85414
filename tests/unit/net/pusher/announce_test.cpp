// What a connection says of its channels when they have another leader: where it is, as whom, and nothing else.

#include "net/auth/pusher_signature.h"
#include "net/pusher/handshake.h"
#include "net/pusher/protocol.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::net::pusher {
namespace {

namespace json = boost::json;
constexpr WallTime kNow{1'760'000'000'000};
constexpr const char* kSecret = "app-secret-demo";

class World final : public Actions, public Announcer {
 public:
  World() {
    Settings values;
    values.apps.push_back({.id = "4711", .name = "demo", .key = "app-key-demo", .secret = kSecret});
    values.rules = default_rules();
    source_.replace(std::make_shared<const Settings>(values));
    auto session = judge_handshake(
        context_,
        {.path = "/app/app-key-demo", .query = "protocol=7&client_id=phone", .wall = kNow, .socket = socket_});
    protocol_ = make_pusher_protocol(std::move(*session));
    protocol_->on_open({}, *this);
  }

  void subscribe(const std::string& channel, const std::string& channel_data = {}) {
    json::object data{{"channel", channel}};
    if (!channel_data.empty()) data["channel_data"] = channel_data;
    data["auth"] = channel_data.empty()
                       ? auth::sign_channel("app-key-demo", kSecret, socket_.text(), channel)
                       : auth::sign_channel("app-key-demo", kSecret, socket_.text(), channel, channel_data);
    protocol_->on_text(json::serialize(json::object{{"event", "pusher:subscribe"}, {"data", data}}), {}, *this);
  }
  void yes(const std::string& channel, std::uint64_t came = 0) {
    Reply reply{{}, Subscribed{.channel = {"4711", channel}, .subscription = asked[channel], .came = came}};
    protocol_->on_reply(reply, {}, *this);
  }
  void sign_in(const std::string& user_data) {
    const auto proof = auth::sign_user("app-key-demo", kSecret, socket_.text(), user_data);
    const json::object data{{"user_data", user_data}, {"auth", proof}};
    protocol_->on_text(json::serialize(json::object{{"event", "pusher:signin"}, {"data", data}}), {}, *this);
  }
  void led_anew() { answer(LedAnew{{ShardId{0}}, 1}); }
  void wait(milliseconds time) { protocol_->on_deadline(MonoTime{} + time, *this); }
  void unsubscribe(const std::string& channel) {
    const json::object frame{{"event", "pusher:unsubscribe"}, {"data", {{"channel", channel}}}};
    protocol_->on_text(json::serialize(frame), {}, *this);
  }
  std::map<std::string, Announce::Subscription> announced() {
    said.clear();
    protocol_->announce(*this);
    return said;
  }

  template <class What>
  void answer(What what, std::uint64_t number = 0, MonoTime now = {}) {
    sent.clear();
    Reply reply{ReplyTo{{}, number}, std::move(what)};
    protocol_->on_reply(reply, now, *this);
  }
  void room() {
    room_asked = false;
    protocol_->on_room({}, *this);
  }

  // Announcer
  bool wants(const ChannelKey& channel) const override { return channel.name() != unwanted; }
  void announce(ChannelKey channel, Announce::Subscription one) override {
    EXPECT_EQ(channel.app(), "4711");
    EXPECT_TRUE(said.emplace(channel.name(), std::move(one)).second);
  }
  void announce(AnnounceUser user) override { users.push_back(std::move(user)); }
  // Actions
  WallTime wall() const override { return kNow; }
  void send_text(std::string_view text) override { sent.emplace_back(text); }
  void send_binary(std::string_view) override {}
  void send_frame(const Bytes&) override {}
  void request(Request request) override {
    if (const auto* what = std::get_if<Subscribe>(&request.what)) {
      asked[std::string(what->channel.name())] = what->subscription;
      ++subscribes;
    }
    if (const auto* what = std::get_if<Unsubscribe>(&request.what)) left.push_back(what->subscription);
    if (const auto* what = std::get_if<MoreMissed>(&request.what)) {
      more = *what;
      more_number = request.from.ticket;
    }
  }
  void ask_application(AuthQuestion) override {}
  void ask_room() override { room_asked = true; }
  void listen(const ChannelKey&, ListenMode how) override { mode = how; }
  void unlisten(const ChannelKey&) override {}
  void close(std::uint16_t, std::string_view, Errc) override {}

  std::map<std::string, SubscriptionId> asked;
  int subscribes = 0;
  std::vector<SubscriptionId> left;
  std::vector<std::string> sent;
  std::optional<ListenMode> mode;
  bool room_asked = false;
  std::optional<MoreMissed> more;
  std::uint64_t more_number = 0;
  std::map<std::string, Announce::Subscription> said;
  std::vector<AnnounceUser> users;
  std::string unwanted;
  SocketId socket_ = *SocketId::parse("241.880612");

 private:
  SettingsSource source_{std::make_shared<const Settings>()};
  Metrics metrics_;
  Revocations revocations_;
  SessionContext context_{source_, metrics_, revocations_};
  std::unique_ptr<Protocol> protocol_;
};

TEST(Announcing, SaysWhereTheConnectionIsAndAsWhom) {
  World world;
  world.subscribe("presence-room", R"({"user_id":"ann","user_info":{"name":"Ann"}})");
  world.subscribe("private-domain.1");
  world.subscribe("private-left");
  world.subscribe("private-waits");
  world.yes("presence-room", 9);
  world.yes("private-domain.1");
  world.yes("private-left");
  world.unsubscribe("private-left");
  const auto said = world.announced();
  ASSERT_EQ(said.size(), 2U) << "what was left is left, and who is not on a channel yet is not";
  const auto& room = said.at("presence-room");
  EXPECT_EQ(room.session, world.socket_);
  EXPECT_EQ(room.subscription, world.asked["presence-room"]);
  EXPECT_EQ(room.came, 9U);
  EXPECT_EQ(room.user_id, "ann");
  ASSERT_NE(room.member, nullptr);
  EXPECT_EQ(room.member->user_info, R"({"name":"Ann"})");
  const auto& domain = said.at("private-domain.1");
  EXPECT_EQ(domain.member, nullptr);
  EXPECT_EQ(domain.came, 0U);
  EXPECT_EQ(domain.user_id, "");
}

TEST(Announcing, LeavesOutWhatIsNotWanted) {
  World world;
  for (const char* channel : {"private-a", "private-b"}) {
    world.subscribe(channel);
    world.yes(channel);
  }
  world.unwanted = "private-a";
  EXPECT_EQ(world.announced().size(), 1U);
}

TEST(Announcing, WhoIsBehindAsksForWhatItMissed) {
  World world;
  world.subscribe("private-a");
  world.yes("private-a");
  const ChannelKey channel("4711", "private-a");
  const Position told{Epoch{7}, Offset{3}};
  world.answer(Behind{channel, told});
  ASSERT_TRUE(world.room_asked);
  EXPECT_EQ(world.mode, ListenMode::through);
  world.room();
  ASSERT_TRUE(world.more);
  EXPECT_EQ(world.more->after, told);
  EXPECT_EQ(world.more->subscription, world.asked["private-a"]);
  auto missed = std::make_shared<Publication>();
  missed->event = "e";
  missed->data = "four";
  missed->position = {Epoch{7}, Offset{4}};
  world.answer(Missed{.channel = channel,
                      .subscription = world.asked["private-a"],
                      .publications = {missed},
                      .reached = missed->position,
                      .last = true},
               world.more_number);
  ASSERT_EQ(world.sent.size(), 1U);
  EXPECT_NE(world.sent.front().find("four"), std::string::npos);
}

// Asked again and not answered yet: the channel knows the first subscription.
TEST(Announcing, OfARenewalThatIsOnItsWayTheOldOneIsSaid) {
  World world;
  world.subscribe("private-a");
  world.yes("private-a");
  const auto first = world.asked["private-a"];
  world.subscribe("private-a");
  ASSERT_NE(world.asked["private-a"], first);
  EXPECT_EQ(world.announced().at("private-a").subscription, first);
  world.yes("private-a");
  EXPECT_EQ(world.announced().at("private-a").subscription, world.asked["private-a"]);
}

TEST(Announcing, SaysForWhomTheConnectionSpeaks) {
  World world;
  world.subscribe("presence-room", R"({"user_id":"ann","user_info":{"name":"Ann"}})");
  world.yes("presence-room", 9);
  world.announced();
  ASSERT_EQ(world.users.size(), 1U) << "who is a member is a user who is here";
  EXPECT_EQ(world.users[0].user, (UserKey{"4711", "ann"}));
  EXPECT_FALSE(world.users[0].signed_in);
  EXPECT_EQ(world.users[0].via, Via::presence);
  EXPECT_EQ(world.users[0].user_info, R"({"name":"Ann"})");
  EXPECT_EQ(world.users[0].channels, std::vector<std::string>{"presence-room"});
  world.sign_in(R"({"id":"ann","user_info":{"name":"A."}})");
  world.users.clear();
  world.announced();
  ASSERT_EQ(world.users.size(), 1U);
  EXPECT_TRUE(world.users[0].signed_in);
  EXPECT_EQ(world.users[0].via, Via::signature);
  EXPECT_EQ(world.users[0].user_info, R"({"name":"A."})");
  EXPECT_EQ(world.users[0].channels.size(), 1U);
  world.unwanted = "user.ann";
  world.users.clear();
  world.announced();
  EXPECT_TRUE(world.users.empty());
}

TEST(LedAnew, WhoWaitsForAnAnswerAsksTheNextLeaderAndTakesOnlyItsAnswer) {
  World world;
  world.subscribe("private-a");
  const auto first = world.asked["private-a"];
  world.led_anew();
  const auto second = world.asked["private-a"];
  EXPECT_EQ(world.subscribes, 2);
  ASSERT_NE(second, first);
  EXPECT_EQ(world.left, std::vector<SubscriptionId>{first}) << "if it came to that leader after all";
  const ChannelKey channel("4711", "private-a");
  world.answer(Subscribed{.channel = channel, .subscription = first});
  EXPECT_TRUE(world.sent.empty()) << "late, from the leader before";
  world.answer(SubscribeRefused{channel, first, make_error(Errc::not_leader)});
  EXPECT_TRUE(world.sent.empty());
  world.answer(Subscribed{.channel = channel, .subscription = second});
  ASSERT_EQ(world.sent.size(), 1U);
  EXPECT_NE(world.sent[0].find("subscription_succeeded"), std::string::npos);
  world.led_anew();
  EXPECT_EQ(world.subscribes, 2) << "it is answered";
}

TEST(LedAnew, WhereNobodyLeadsIsAskedAgainForAWhile) {
  World world;
  world.subscribe("private-a");
  const ChannelKey channel("4711", "private-a");
  const auto refuse = [&](MonoTime now) {
    world.answer(SubscribeRefused{channel, world.asked["private-a"], make_error(Errc::not_leader)}, 0, now);
  };
  refuse({});
  EXPECT_TRUE(world.sent.empty());
  world.wait(milliseconds(400));
  EXPECT_EQ(world.subscribes, 1);
  world.wait(milliseconds(500));
  EXPECT_EQ(world.subscribes, 2);
  refuse(MonoTime{} + seconds(9));
  EXPECT_TRUE(world.sent.empty());
  world.led_anew();
  EXPECT_EQ(world.subscribes, 3) << "at once when it is known who leads";
  refuse(MonoTime{} + seconds(10));
  ASSERT_FALSE(world.sent.empty());
  EXPECT_NE(world.sent[0].find("subscription_error"), std::string::npos);
  world.led_anew();
  EXPECT_EQ(world.subscribes, 3);
}

TEST(LedAnew, ARenewalIsAskedAgainAndWhatWasLeftIsNot) {
  World world;
  world.subscribe("private-a");
  world.yes("private-a");
  world.subscribe("private-a");
  world.subscribe("private-b");
  world.unsubscribe("private-b");
  const auto renewal = world.asked["private-a"];
  world.left.clear();
  world.led_anew();
  EXPECT_EQ(world.subscribes, 4);
  EXPECT_NE(world.asked["private-a"], renewal);
  EXPECT_TRUE(world.left.empty());
  world.answer(Subscribed{.channel = ChannelKey("4711", "private-a"), .subscription = world.asked["private-a"]});
  EXPECT_EQ(world.sent.size(), 1U);
}

TEST(LedAnew, APageThatIsOnItsWayIsAskedAgain) {
  World world;
  world.subscribe("private-a");
  world.yes("private-a");
  const ChannelKey channel("4711", "private-a");
  world.answer(Behind{channel, Position{Epoch{7}, Offset{3}}});
  world.room();
  ASSERT_TRUE(world.more);
  const auto number = world.more_number;
  const auto id = world.more->subscription;
  world.more.reset();
  world.led_anew();
  ASSERT_TRUE(world.room_asked);
  world.room();
  ASSERT_TRUE(world.more);
  const Position reached{Epoch{7}, Offset{3}};
  world.answer(Missed{.channel = channel, .subscription = id, .reached = reached, .last = true}, number);
  EXPECT_EQ(world.mode, ListenMode::through) << "the leader before does not know what is told live now";
  world.answer(Missed{.channel = channel, .subscription = id, .reached = reached, .last = true}, world.more_number);
  EXPECT_EQ(world.mode, ListenMode::direct);
}

}  // namespace
}  // namespace parley::net::pusher

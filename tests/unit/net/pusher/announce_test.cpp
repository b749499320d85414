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
  void answer(What what, std::uint64_t number = 0) {
    sent.clear();
    Reply reply{ReplyTo{{}, number}, std::move(what)};
    protocol_->on_reply(reply, {}, *this);
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

}  // namespace
}  // namespace parley::net::pusher

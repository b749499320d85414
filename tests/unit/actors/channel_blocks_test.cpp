// Who may not be on a channel does not come onto it, under whatever name.

#include "channel_world.h"

namespace parley::actors {
namespace {

TEST(ChannelBlocks, WhoIsBlockedDoesNotJoinUnderEitherName) {
  ChannelWorld world("presence-room");
  world.blocked = {"ann"};
  const auto join = [&](std::uint64_t id, std::string speaks_for, std::string member) {
    Subscribe what{world.key, SubscriptionId{1}, ChannelWorld::member(std::move(member)), {}};
    what.user_id = std::move(speaks_for);
    world.handle({ChannelWorld::session(id), std::move(what)});
  };
  join(1, "ann", "bob");
  join(2, "bob", "ann");
  join(3, "", "ann");
  join(4, "bob", "bob");
  for (const std::uint64_t id : {1, 2, 3}) {
    ASSERT_EQ(world.answers<SubscribeRefused>(id).size(), 1U) << id;
    EXPECT_EQ(world.answers<SubscribeRefused>(id)[0].error.code, Errc::kicked);
  }
  EXPECT_EQ(world.answers<Subscribed>(4).size(), 1U);
  EXPECT_EQ(world.channel->members().members.size(), 1U);
}

TEST(ChannelBlocks, WhoIsKickedWhileItsHistoryIsReadDoesNotJoin) {
  ChannelWorld world("private-domain.7");
  world.publish("m");
  world.answer_open();
  world.commit();
  Subscribe what{world.key, SubscriptionId{1}, nullptr, {.since = Position{world.newest.epoch, Offset{0}}}};
  what.user_id = "ann";
  world.handle({ChannelWorld::session(1), std::move(what)});
  world.blocked = {"ann"};
  world.answer_reads();
  EXPECT_EQ(world.answers<SubscribeRefused>(1).size(), 1U);
  EXPECT_TRUE(world.answers<Subscribed>(1).empty());
}

}  // namespace
}  // namespace parley::actors

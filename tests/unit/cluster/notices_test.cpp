// What a shard does with notices: stores them, bounds them, settles them, sends dead ones again; and that
// a restart finds them as they were.
#include "cluster/reads/people_reader.h"
#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

class NoticesTest : public ::testing::Test {
 protected:
  void make() {
    machine_ = std::make_unique<ShardMachine>(ShardId{0}, MachineConfig{}, store_);
    ASSERT_TRUE(machine_->load().ok());
  }
  void SetUp() override { make(); }
  std::string apply(std::vector<Command> commands) {
    auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, std::move(commands));
    EXPECT_TRUE(effects.ok());
    storage::WriteBatch batch;
    machine_->take_writes(batch);
    EXPECT_TRUE(store_.write(batch, storage::Sync::no).ok());
    return effects.ok() ? text(*effects) : "failed";
  }
  PeopleReader reader() { return {store_, 1}; }
  // "1:a 2:b": numbers and ids of those that wait.
  std::string waiting() {
    std::vector<NoticeRef> refs;
    const auto unfinished = reader().unfinished(ShardId{0});
    for (const auto& one : unfinished->notices) refs.push_back({one.shard, one.row.number});
    std::vector<std::string> parts;
    const auto found = reader().read_notices(refs);
    for (const auto& [ref, one] : *found) parts.push_back(fmt::format("{}:{}", ref.number, one.id));
    return joined(parts);
  }
  std::string dead(const std::string& target = "audit", NoticeRef after = {}, std::size_t limit = 100) {
    std::vector<std::string> parts;
    const auto found = reader().read_dead(target, after, limit);
    for (const auto& one : *found) { parts.push_back(fmt::format("{}:{}", one.ref.number, one.dead.notice.id)); }
    return joined(parts);
  }

  storage::MemoryStore store_;
  std::unique_ptr<ShardMachine> machine_;
};

TEST_F(NoticesTest, AreNumberedOverAllTargetsAndFoundAgain) {
  EXPECT_EQ(apply({note({"a", "b@crm"}), note({"c"})}), "noted 1@audit 2@crm noted 3@audit");
  EXPECT_EQ(waiting(), "1:a 2:b 3:c");
  const auto unfinished = reader().unfinished(ShardId{0});
  ASSERT_EQ(unfinished->notices.size(), 3U);
  EXPECT_EQ(unfinished->notices[1].row.target, "crm");
}

TEST_F(NoticesTest, ComeBackWithAllThatTheyWere) {
  Notice full{.id = "x", .app = "4711", .target = "audit", .kind = NoticeKind::client_event};
  full.time = {77};
  full.channel = "presence-x";
  full.user_id = "ann";
  full.event = "client-typing";
  full.data = "{\"a\":1}";
  full.socket = SocketId{42};
  full.count = 7;
  full.last_seen = {66};
  full.domains = {"7", "8"};
  SaveNotices save;
  save.notices = {full};
  apply({{kRoom, {1'000}, save}});
  const auto found = reader().read_notices({{ShardId{0}, 1}});
  ASSERT_EQ(found->size(), 1U);
  const auto& one = found->front().second;
  EXPECT_EQ(std::tie(one.id, one.app, one.target, one.kind, one.time, one.channel, one.user_id, one.event, one.data),
            std::tie(full.id, full.app, full.target, full.kind, full.time, full.channel, full.user_id, full.event,
                     full.data));
  EXPECT_EQ(std::tie(one.socket, one.count, one.last_seen, one.domains),
            std::tie(full.socket, full.count, full.last_seen, full.domains));
}

TEST_F(NoticesTest, ThoseThatWereDeliveredAreGone) {
  apply({note({"a", "b", "c"})});
  EXPECT_EQ(apply({settle({.delivered = {1, 3}})}), "nothing");
  EXPECT_EQ(waiting(), "2:b");
  EXPECT_EQ(apply({settle({.delivered = {1, 2, 99}})}), "nothing");
  EXPECT_EQ(waiting(), "");
}

TEST_F(NoticesTest, NumbersRiseForEverAlsoOverARestart) {
  apply({note({"a", "b"})});
  apply({settle({.delivered = {1, 2}})});
  make();
  EXPECT_EQ(apply({note({"c"})}), "noted 3@audit");
}

TEST_F(NoticesTest, WhatIsGivenUpIsADeadLetterWithItsReason) {
  apply({note({"a", "b"})});
  EXPECT_EQ(apply({settle({.dead = {{1, "answered with 500"}}}, {2'000})}), "nothing");
  EXPECT_EQ(waiting(), "2:b");
  const auto letters = reader().read_dead("audit", {}, 100);
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ(letters->front().ref, (NoticeRef{ShardId{0}, 1}));
  EXPECT_EQ(letters->front().dead.why, "answered with 500");
  EXPECT_EQ(letters->front().dead.died.ms, 2'000);
  EXPECT_EQ(letters->front().dead.notice.id, "a");
  EXPECT_EQ(reader().unfinished(ShardId{0})->dead.at("audit"), 1U);
}

TEST_F(NoticesTest, BeyondTheBoundTheOldestOfTheTargetDies) {
  const NoticeBounds bounds{2, 0};
  EXPECT_EQ(apply({note({"a", "x@crm", "b"}, bounds)}), "noted 1@audit 2@crm 3@audit");
  EXPECT_EQ(apply({note({"c"}, bounds)}), "noted 4@audit -1");
  EXPECT_EQ(waiting(), "2:x 3:b 4:c");
  EXPECT_EQ(dead(), "1:a");
  EXPECT_EQ(apply({note({"d", "e", "f"}, bounds)}), "noted 5@audit 6@audit 7@audit -3 -4 -5") << "also its own";
  EXPECT_EQ(waiting(), "2:x 6:e 7:f");
  EXPECT_EQ(dead("crm"), "");
}

TEST_F(NoticesTest, BeyondTheBoundTheOldestDeadLetterIsDropped) {
  const NoticeBounds bounds{1, 2};
  apply({note({"a", "b", "c", "d"}, bounds)});
  EXPECT_EQ(waiting(), "4:d");
  EXPECT_EQ(dead(), "2:b 3:c");
  apply({settle({.dead = {{4, "x"}}, .bounds = bounds})});
  EXPECT_EQ(dead(), "3:c 4:d");
}

TEST_F(NoticesTest, ZeroIsNoBound) {
  std::vector<std::string> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(std::to_string(i));
  apply({note(ids)});
  EXPECT_EQ(reader().unfinished(ShardId{0})->notices.size(), 500U);
}

TEST_F(NoticesTest, AReplayedOneWaitsBehindAllOthersWithItsId) {
  apply({note({"a", "b"})});
  apply({settle({.dead = {{1, "x"}}})});
  EXPECT_EQ(apply({settle({.replayed = {1}})}), "noted 3@audit");
  EXPECT_EQ(waiting(), "2:b 3:a");
  EXPECT_EQ(dead(), "");
  EXPECT_EQ(apply({settle({.replayed = {1, 2, 3}})}), "nothing") << "only dead ones are";
  make();
  EXPECT_EQ(apply({note({"c"})}), "noted 4@audit");
}

TEST_F(NoticesTest, ADroppedOneIsGone) {
  apply({note({"a", "b"})});
  apply({settle({.dead = {{1, "x"}, {2, "x"}}})});
  EXPECT_EQ(apply({settle({.replayed = {1, 2}, .dropped = {2}})}), "noted 3@audit") << "dropped first";
  EXPECT_EQ(waiting(), "3:a");
  EXPECT_EQ(dead(), "");
}

TEST_F(NoticesTest, DeadLettersAreReadInPages) {
  apply({note({"a", "x@crm", "b", "c"})});
  apply({settle({.dead = {{1, "x"}, {2, "x"}, {3, "x"}, {4, "x"}}})});
  EXPECT_EQ(dead("audit", {}, 2), "1:a 3:b");
  EXPECT_EQ(dead("audit", {ShardId{0}, 3}, 2), "4:c");
  EXPECT_EQ(dead("audit", {ShardId{0}, 4}, 2), "");
  EXPECT_EQ(dead("crm"), "2:x");
}

TEST_F(NoticesTest, WhatTheBackendWasToldStandsUntilTheOpposite) {
  SaveNotices save;
  save.told = {{"", true}, {"7", true, IdForm::number}, {"ann", true}, {"bob", true}};
  apply({{kRoom, {1'000}, save}});
  EXPECT_EQ(reader().told(kRoom).value(), (std::vector<SaidId>{{""}, {"7", IdForm::number}, {"ann"}, {"bob"}}));
  EXPECT_EQ(reader().unfinished(ShardId{0})->channels, std::vector<ChannelKey>{kRoom});
  save.told = {{"7", false}, {"ann", false}, {"nobody", false}};
  apply({{kRoom, {1'000}, save}});
  EXPECT_EQ(reader().told(kRoom).value(), (std::vector<SaidId>{{""}, {"bob"}}));
  save.told = {{"", false}, {"bob", false}};
  apply({{kRoom, {1'000}, save}});
  EXPECT_TRUE(reader().unfinished(ShardId{0})->channels.empty());
}

// A whole node's shards: what was acknowledged to the proposer is there after a crash, as it was.
TEST(NoticesOfShards, ACrashLosesNothingThatWasApplied) {
  testing::FaultyStore store;
  ManualClock clock;
  Metrics metrics;
  LocalShardsConfig config;
  config.shard_count = 4;
  const auto shard = shard_of(kRoom, config.shard_count);
  std::unique_ptr<Recorder> listener;
  std::shared_ptr<Shards> shards;
  EntryToken next = 1;
  const auto start = [&] {
    shards.reset();
    listener = std::make_unique<Recorder>();
    shards = start_local_shards(store, clock, metrics, config, *listener).value();
  };
  const auto apply = [&](Command command) {
    shards->propose(shard, next, {std::move(command)}, storage::Sync::yes);
    return listener->wait_for(next++);
  };
  start();
  EXPECT_EQ(apply(note({"a", "b", "c", "d"})), "noted 1@audit 2@audit 3@audit 4@audit");
  EXPECT_EQ(apply(settle({.delivered = {1}, .dead = {{2, "x"}, {3, "x"}}})), "nothing");
  EXPECT_EQ(apply(settle({.replayed = {2}})), "noted 5@audit");
  for (int round = 0; round < 3; ++round) {
    shards.reset();
    store.crash(static_cast<std::size_t>(round));
    start();
    const auto unfinished = shards->unfinished(shard);
    ASSERT_EQ(unfinished->notices.size(), 2U);
    EXPECT_EQ(unfinished->notices[0].shard, shard);
    EXPECT_EQ(unfinished->notices[0].row.number, 4U);
    EXPECT_EQ(unfinished->notices[1].row.number, 5U);
    EXPECT_EQ(unfinished->dead.at("audit"), 1U);
  }
  std::promise<std::string> read;
  shards->read_notices({{shard, 5}, {shard, 1}, {shard, 4}},
                       [&](Result<std::vector<std::pair<NoticeRef, Notice>>> found) {
                         std::string ids;
                         for (const auto& [ref, one] : *found) ids += one.id;
                         read.set_value(ids);
                       });
  EXPECT_EQ(read.get_future().get(), "bd") << "in the asked order, without those that are gone";
  EXPECT_EQ(apply(note({"e"})), "noted 6@audit");
}

}  // namespace
}  // namespace parley::cluster

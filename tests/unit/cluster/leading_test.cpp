// A node that is alone leads every shard, in a new term with each start; and what bounds its machine goes with its
// entries, so that others, and itself with another configuration, come to the same state.
#include "schemas/replica.h"
#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

TEST(Leading, ANodeThatIsAloneLeadsAllShardsInANewTermWithEachStart) {
  storage::MemoryStore store;
  ManualClock clock;
  Metrics metrics;
  LocalShardsConfig config;
  config.shard_count = 3;
  for (std::uint64_t start = 1; start <= 2; ++start) {
    Recorder listener;
    auto shards = start_local_shards(store, clock, metrics, config, listener).value();
    EXPECT_TRUE(listener.leading().empty()) << "nobody listens yet";
    shards->begin_leading();
    const auto leading = listener.leading();
    ASSERT_EQ(leading.size(), 3U);
    for (std::uint16_t i = 0; i < 3; ++i) EXPECT_EQ(leading[i], (std::pair{ShardId{i}, Term{start + 1}}));
  }
}

TEST(Leading, WhatWasLeftOpenIsReadShardByShard) {
  storage::MemoryStore store;
  ManualClock clock;
  Metrics metrics;
  LocalShardsConfig config;
  config.shard_count = 4;
  Recorder listener;
  auto shards = start_local_shards(store, clock, metrics, config, listener).value();
  SaveUser save;
  save.record.status = UserStatus::online;
  const UserKey user{"4711", "42"};
  const auto shard = shard_of(user_place(user), 4);
  shards->propose(shard, 1, {Command{user_place(user), clock.wall(), save}}, storage::Sync::yes);
  listener.wait_for(1);
  for (std::uint16_t i = 0; i < 4; ++i) {
    std::promise<Result<Unfinished>> read;
    shards->read_unfinished(ShardId{i}, [&](Result<Unfinished> found) { read.set_value(std::move(found)); });
    const auto later = read.get_future().get();
    const auto now = shards->unfinished(ShardId{i});
    ASSERT_TRUE(later.ok() && now.ok());
    EXPECT_EQ(now->users.size(), ShardId{i} == shard ? 1U : 0U);
    EXPECT_EQ(later->users.size(), now->users.size());
  }
}

// ---- bounds that go with an entry ----

struct Replica {
  explicit Replica(MachineConfig config) : machine(ShardId{0}, config, store) { EXPECT_TRUE(machine.load().ok()); }
  std::string apply(std::vector<Command> commands, const MachineBounds& bounds) {
    const auto effects = machine.apply(LogIndex{machine.applied().value + 1}, std::move(commands), bounds);
    EXPECT_TRUE(effects.ok());
    storage::WriteBatch batch;
    machine.take_writes(batch);
    EXPECT_TRUE(store.write(batch, storage::Sync::no).ok());
    return effects ? text(*effects) : "failed";
  }
  storage::MemoryStore store;
  ShardMachine machine;
};

Command confirmed(const std::string& client, WallTime time) {
  return {kRoom, time, SaveCursors{{{client, Offset{1}, false, kEpoch}}, {100, 0, 0}, SaveCursors::For::published, {}}};
}

TEST(MachineBounds, OfTheEntryCountWhateverAReplicaIsConfiguredFor) {
  const MachineConfig large{seconds(3'600), 1'000, seconds(86'400), 1'000, 16};
  const MachineConfig small{seconds(1), 2, seconds(1), 2, 16};
  Replica a(large);
  Replica b(small);
  const MachineBounds bounds{seconds(60), 3, seconds(60)};
  std::int64_t now = 1'000;
  for (int i = 0; i < 40; ++i) {
    now += 7'000;
    std::vector<Command> commands{
        keyed(append(fmt::format("m{}", i), {now}), fmt::format("key-{}", i % 5), fmt::format("once-{}", i % 7)),
        confirmed(fmt::format("client-{}", i % 4), {now})};
    if (i % 5 == 4) commands.push_back({kRoom, {now}, TrimHistory{{seconds(0), 0, 0}}});
    EXPECT_EQ(a.apply(commands, bounds), b.apply(commands, bounds)) << i;
    EXPECT_EQ(content(a.store, storage::Family::state), content(b.store, storage::Family::state)) << i;
  }
}

TEST(MachineBounds, AreTheNodesOwnInEntriesThatDoNotSayThem) {
  Replica a({seconds(3'600), 1'000, seconds(86'400), 1'000, 16});
  Replica b({seconds(1), 1'000, seconds(86'400), 1'000, 16});
  EXPECT_EQ(a.apply({keyed(append("x", {1'000}), "key")}, {}), "1:x");
  EXPECT_EQ(b.apply({keyed(append("x", {1'000}), "key")}, {}), "1:x");
  EXPECT_EQ(a.apply({keyed(append("x", {5'000}), "key")}, {}), "duplicate:1");
  EXPECT_EQ(b.apply({keyed(append("x", {5'000}), "key")}, {}), "2:x");
  // One that says them counts for itself alone.
  EXPECT_EQ(b.apply({keyed(append("y", {5'100}), "key")}, {seconds(60), 0, seconds(0)}), "duplicate:2");
  EXPECT_EQ(b.apply({keyed(append("y", {9'000}), "key")}, {}), "3:y");
}

TEST(MachineBounds, StandInEachEntryThatANodeProposes) {
  storage::MemoryStore store;
  ManualClock clock;
  Metrics metrics;
  LocalShardsConfig config;
  config.shard_count = 1;
  config.idempotency_window = seconds(60);
  Recorder listener;
  auto shards = start_local_shards(store, clock, metrics, config, listener).value();
  shards->propose(ShardId{0}, 1, {keyed(append("x", clock.wall()), "key")}, storage::Sync::yes);
  EXPECT_EQ(listener.wait_for(1), "1:x");
  // Applied anew, by a process that is configured otherwise, it leads to the same.
  // Behind the founding and the first entry of the term.
  const auto stored = store.get(storage::Family::log, storage::keys::replica_entry(ShardId{0}, LogIndex{3}));
  ASSERT_TRUE(stored.ok() && stored->has_value());
  const auto framed = schemas::unframe_replica_entry(ShardId{0}, LogIndex{3}, **stored);
  ASSERT_TRUE(framed.ok());
  const auto entry = schemas::decode_entry(framed->payload);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->bounds.idempotency_window, seconds(60));
  EXPECT_EQ(entry->bounds.idempotency_keys_max, config.idempotency_keys_max);
  EXPECT_EQ(entry->bounds.cursor_lifetime, config.cursor_lifetime);
}

}  // namespace
}  // namespace parley::cluster

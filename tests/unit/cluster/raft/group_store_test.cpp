// What replicas keep is there again, in one batch for many of them; and what is damaged is found when it is read.

#include "cluster/raft/group_set.h"
#include "schemas/replica.h"
#include "storage/keys.h"
#include "storage/memory_store.h"
#include "storage/rocks_store.h"
#include "tests/unit/cluster/raft/replica.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace parley::cluster::raft {
namespace {

using storage::Family;
using storage::MemoryStore;
using testing::voters;
namespace keys = storage::keys;

constexpr ShardId kShard{5};

Ready ready_with(const std::vector<RaftEntry>& entries, std::optional<HardState> hard_state = std::nullopt) {
  Ready ready;
  for (const auto& entry : entries) ready.entries.push_back({entry.index, entry.term, entry.kind, entry.payload});
  ready.hard_state = hard_state;
  return ready;
}
RaftEntry entry(std::uint64_t index, std::uint64_t term, std::string payload = "x") {
  return {LogIndex{index}, Term{term}, RaftEntryKind::command, std::move(payload)};
}

struct Kept {
  MemoryStore store;
  GroupStore groups{store};
  void write(const storage::WriteBatch& batch) { ASSERT_TRUE(store.write(batch, storage::Sync::yes)); }
  std::optional<StoredGroup> read() {
    GroupStore fresh(store);
    const auto stored = fresh.read(kShard);
    EXPECT_TRUE(stored.ok());
    return *stored;
  }
};

TEST(GroupStore, WhatWasWrittenIsThereAgain) {
  Kept kept;
  EXPECT_FALSE(kept.read());
  storage::WriteBatch batch;
  kept.groups.create(kShard, ReplicaId{7}, voters({7, 8}), {}, batch);
  const std::vector<RaftEntry> first{entry(2, 2), entry(3, 2), entry(4, 2)};
  kept.groups.write(kShard, ready_with(first, HardState{Term{2}, ReplicaId{8}, LogIndex{1}}), batch);
  const std::vector<RaftEntry> second{entry(3, 3, "other")};
  kept.groups.write(kShard, ready_with(second), batch);
  const auto now = voters({7, 8, 9});
  kept.groups.applied(kShard, LogIndex{2}, &now, batch);
  kept.write(batch);

  const auto stored = kept.read();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->self, ReplicaId{7});
  EXPECT_EQ(stored->hard_state.term, Term{2});
  EXPECT_EQ(stored->hard_state.vote, ReplicaId{8});
  EXPECT_EQ(stored->cut, LogIndex{1});
  EXPECT_EQ(stored->last, LogIndex{3});  // what stood behind is gone
  EXPECT_EQ(stored->applied, LogIndex{2});
  EXPECT_EQ(stored->membership, now);
  const auto entries = kept.groups.entries(kShard, LogIndex{2}, LogIndex{4}, 1'000);
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(*entries, (std::vector<RaftEntry>{entry(2, 2), entry(3, 3, "other")}));
  EXPECT_EQ(*kept.groups.term(kShard, LogIndex{3}), Term{3});
  EXPECT_EQ(kept.groups.entries(kShard, LogIndex{2}, LogIndex{4}, 1)->size(), 1U);  // at least one
}

TEST(GroupStore, ASnapshotStandsInThePlaceOfTheLog) {
  Kept kept;
  storage::WriteBatch batch;
  kept.groups.create(kShard, ReplicaId{7}, {}, {}, batch);
  std::vector<RaftEntry> many;
  for (std::uint64_t i = 1; i <= 40; ++i) many.push_back(entry(i, 1));
  kept.groups.write(kShard, ready_with(many), batch);
  Ready ready;
  ready.snapshot = RaftSnapshot{LogIndex{100}, Term{4}, voters({7}), ""};
  kept.groups.write(kShard, ready, batch);
  kept.groups.applied(kShard, LogIndex{100}, &ready.snapshot->membership, batch);
  kept.write(batch);
  const auto stored = kept.read();
  EXPECT_EQ(stored->cut, LogIndex{100});
  EXPECT_EQ(stored->cut_term, Term{4});
  EXPECT_EQ(stored->last, LogIndex{100});
  EXPECT_FALSE(kept.groups.term(kShard, LogIndex{40}).ok());
}

TEST(GroupStore, TheHeadIsCutAndASingleVotersLogIsNotTouched) {
  Kept kept;
  storage::WriteBatch batch;
  batch.put(Family::log, keys::log_entry(kShard, LogIndex{1}), "kept");
  batch.put(Family::log, keys::log_head(kShard), "kept");
  kept.groups.create(kShard, ReplicaId{7}, voters({7}), {}, batch);
  std::vector<RaftEntry> many;
  for (std::uint64_t i = 2; i <= 40; ++i) many.push_back(entry(i, 1));
  kept.groups.write(kShard, ready_with(many), batch);
  kept.groups.applied(kShard, LogIndex{40}, nullptr, batch);
  kept.groups.cut(kShard, LogIndex{30}, Term{1}, batch);
  kept.write(batch);
  const auto stored = kept.read();
  EXPECT_EQ(stored->cut, LogIndex{30});
  EXPECT_EQ(stored->last, LogIndex{40});
  EXPECT_FALSE(kept.groups.term(kShard, LogIndex{30}).ok());
  EXPECT_TRUE(kept.groups.term(kShard, LogIndex{31}).ok());
  EXPECT_EQ(kept.store.get(Family::log, keys::log_entry(kShard, LogIndex{1}))->value(), "kept");
  EXPECT_EQ(kept.store.get(Family::log, keys::log_head(kShard))->value(), "kept");
}

TEST(GroupStore, DamageIsFound) {
  Kept kept;
  storage::WriteBatch batch;
  kept.groups.create(kShard, ReplicaId{7}, voters({7}), {}, batch);
  const std::vector<RaftEntry> some{entry(2, 1), entry(3, 1), entry(4, 1)};
  kept.groups.write(kShard, ready_with(some), batch);
  batch.remove(Family::log, keys::replica_entry(kShard, LogIndex{3}));
  kept.write(batch);
  EXPECT_EQ(kept.groups.entries(kShard, LogIndex{2}, LogIndex{5}, 1'000).error().code, Errc::corrupt);  // a hole
  EXPECT_EQ(kept.groups.entries(kShard, LogIndex{3}, LogIndex{4}, 1'000).error().code, Errc::corrupt);
  storage::WriteBatch ahead;
  ahead.put(Family::state, keys::membership(kShard), schemas::encode_membership({LogIndex{9}, voters({7})}));
  kept.write(ahead);
  GroupStore fresh(kept.store);
  EXPECT_EQ(fresh.read(kShard).error().code, Errc::corrupt);
  storage::WriteBatch none;
  none.remove(Family::state, keys::membership(kShard));
  kept.write(none);
  EXPECT_EQ(fresh.read(kShard).error().code, Errc::corrupt);
}

// ---- many groups, one turn ----

struct Owner final : GroupOwner {
  void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch&) override {
    if (!entry.payload.empty()) applied[shard].emplace_back(entry.payload);
  }
  void restore(ShardId, const RaftSnapshot&, storage::WriteBatch&) override {}
  Result<std::string> snapshot(ShardId, ReplicaId) override { return std::string(); }
  void on_membership(ShardId, LogIndex, const RaftMembership&, const Change*, storage::WriteBatch&) override {}
  void on_role(ShardId shard, Role role, Term, ReplicaId) override { roles[shard] = role; }
  void on_read(ShardId, const ReadDone&) override {}
  void send(ShardId, RaftMessage message) override { sent.push_back(std::move(message)); }
  void on_broken(ShardId shard, const Error& error) override { broken[shard] = error.message; }
  std::map<ShardId, std::vector<std::string>> applied;
  std::map<ShardId, Role> roles;
  std::map<ShardId, std::string> broken;
  std::vector<RaftMessage> sent;
};

GroupConfig config_of(std::uint16_t shard) {
  GroupConfig config;
  config.shard = ShardId{shard};
  config.salt = 3;
  return config;
}

void create(storage::Store& store, std::uint16_t shards) {
  GroupStore groups(store);
  storage::WriteBatch batch;
  for (std::uint16_t i = 0; i < shards; ++i)
    groups.create(ShardId{i}, ReplicaId{100U + i}, voters({100U + i}), {}, batch);
  ASSERT_TRUE(store.write(batch, storage::Sync::yes));
}

int turns(GroupSet& set, storage::Store& store) {
  int count = 0;
  while (const auto turn = set.turn()) {
    ++count;
    EXPECT_TRUE(store.write(turn->results, storage::Sync::no));
    EXPECT_TRUE(store.write(turn->batch, turn->sync));
    set.written(turn->number);
  }
  return count;
}

TEST(GroupSet, SixtyFourGroupsShareATurnAndComeBackFromTheDisk) {
  const auto folder = std::filesystem::temp_directory_path() / ("parley_groups_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  constexpr std::uint16_t kShards = 64;
  for (int life = 0; life < 2; ++life) {
    auto store = storage::RocksStore::open(folder.string());
    ASSERT_TRUE(store.ok()) << store.error().message;
    if (life == 0) create(**store, kShards);
    GroupStore groups(**store);
    Owner owner;
    GroupSet set({}, groups, owner);
    for (std::uint16_t i = 0; i < kShards; ++i) ASSERT_TRUE(set.open(config_of(i)));
    for (std::uint16_t i = 0; i < kShards; ++i) ASSERT_TRUE(set.group(ShardId{i})->campaign());
    // Election, the term's first entry, its commit: not one more for 64 groups than for one.
    EXPECT_LE(turns(set, **store), 3);
    for (std::uint16_t i = 0; i < kShards; ++i)
      ASSERT_TRUE(set.group(ShardId{i})->propose("in life " + std::to_string(life)).ok());
    EXPECT_LE(turns(set, **store), 2);
    for (std::uint16_t i = 0; i < kShards; ++i) {
      EXPECT_EQ(owner.roles[ShardId{i}], Role::leader);
      ASSERT_EQ(owner.applied[ShardId{i}].size(), 1U);  // what was applied before is not applied again
      EXPECT_EQ(owner.applied[ShardId{i}][0], "in life " + std::to_string(life));
      EXPECT_EQ(set.group(ShardId{i})->status().term.value, 2U + static_cast<unsigned>(life));
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(GroupSet, WhoBreaksIsLetGoOfAndTheOthersGoOn) {
  MemoryStore store;
  create(store, 2);
  GroupStore groups(store);
  Owner owner;
  GroupSet set({}, groups, owner);
  for (std::uint16_t i = 0; i < 2; ++i) ASSERT_TRUE(set.open(config_of(i)));
  // A leader of its own group says that far more is committed than there is.
  RaftMessage lie;
  lie.kind = RaftKind::heartbeat;
  lie.from = ReplicaId{9};
  lie.to = ReplicaId{100};
  lie.term = Term{9};
  lie.commit = LogIndex{1'000};
  set.step(ShardId{0}, lie);
  EXPECT_NE(owner.broken[ShardId{0}].find("out of range"), std::string::npos) << owner.broken[ShardId{0}];
  EXPECT_EQ(set.group(ShardId{0}), nullptr);
  ASSERT_TRUE(set.group(ShardId{1})->campaign());
  turns(set, store);
  EXPECT_EQ(owner.roles[ShardId{1}], Role::leader);
}

TEST(GroupSet, TheLogIsCutAtItsBound) {
  MemoryStore store;
  create(store, 1);
  GroupStore groups(store);
  Owner owner;
  GroupSet set({.log_bytes_max = 10'000, .log_entries_kept = 5}, groups, owner);
  ASSERT_TRUE(set.open(config_of(0)));
  ASSERT_TRUE(set.group(ShardId{0})->campaign());
  turns(set, store);
  std::size_t most = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(set.group(ShardId{0})->propose(std::string(500, 'x')).ok());
    turns(set, store);
    std::size_t count = 0;
    const auto all = keys::replica_entries(ShardId{0});
    ASSERT_TRUE(store.scan(Family::log, all.from, all.to, storage::ScanOrder::forward, [&](auto, auto) {
      ++count;
      return storage::Visit::go_on;
    }));
    most = std::max(most, count);
  }
  EXPECT_LE(most, 30U);
  EXPECT_EQ(owner.applied[ShardId{0}].size(), 200U);
}

}  // namespace
}  // namespace parley::cluster::raft

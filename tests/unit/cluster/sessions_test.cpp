// What a shard does with sessions that are to be taken up again: keeps them, gives each out once, lets them
// end, bounds them; and that a restart or a crash finds them as they were.
#include "storage/rocks_store.h"
#include "tests/unit/cluster/world.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

namespace parley::cluster {
namespace {

ChannelKey place(const std::string& key) { return session_place("4711", key); }
Command keep(const std::string& key, const std::string& record, WallTime expires, WallTime now = {1'000},
             std::uint64_t kept_max = 0) {
  return {place(key), now, SaveSession{record, expires, {.kept_max = kept_max}}};
}
Command claim(const std::string& key, WallTime now = {1'000}) { return {place(key), now, ClaimSession{}}; }
Command forget(const std::string& key, WallTime now = {1'000}, bool if_expired = false) {
  return {place(key), now, ForgetSession{if_expired}};
}

class SessionsTest : public ::testing::Test {
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
    return effects.ok() ? text(*effects) : std::string(info(effects.error().code).name);
  }
  // Rows of sessions: a record and an end for each.
  std::size_t rows() {
    std::size_t count = 0;
    for (const auto& [key, value] : content(store_, storage::Family::state)) count += key[2] == 's' || key[2] == 'y';
    return count;
  }

  storage::MemoryStore store_;
  std::unique_ptr<ShardMachine> machine_;
};

TEST_F(SessionsTest, ARecordIsGivenOutAsItCameAndOnlyOnce) {
  const std::string record("\0opaque\xff\n", 9);
  EXPECT_EQ(apply({keep("k", record, {5'000})}), "nothing");
  EXPECT_EQ(machine_->kept_sessions(), 1U);
  EXPECT_EQ(apply({claim("k"), claim("k")}), "claimed:" + record + " unclaimed") << "of two who ask, one gets it";
  EXPECT_EQ(apply({claim("k")}), "unclaimed");
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(machine_->kept_sessions(), 0U);
}

Command keep_of(Origin origin, const std::string& key, std::size_t bytes, WallTime expires, SessionBounds bounds) {
  return {place(key), {1'000}, SaveSession{std::string(bytes, 'r'), expires, bounds, origin}};
}

TEST_F(SessionsTest, OneOriginCannotPushOutOthers) {
  const SessionBounds bounds{0, 20'000, 0};
  apply({keep_of(Origin{3}, "honest", 500, {90'000}, bounds)});
  for (int i = 0; i < 100; ++i) {
    apply({keep_of(Origin{2}, fmt::format("invented-{}", i), 1'000, {10'000 + i}, bounds)});
    ASSERT_LE(machine_->kept_session_bytes(), 20'000U);
  }
  EXPECT_EQ(apply({claim("honest")}), "claimed:" + std::string(500, 'r')) << "although it ends last of all";
  EXPECT_GT(machine_->take_evicted_sessions(), 50U);
}

TEST_F(SessionsTest, AnOriginHasItsOwnBytes) {
  const SessionBounds bounds{0, 0, 5'000};
  apply({keep_of(Origin{3}, "honest", 4'000, {90'000}, bounds)});
  for (int i = 0; i < 20; ++i) apply({keep_of(Origin{2}, fmt::format("k{:02}", i), 1'000, {20'000 - i}, bounds)});
  EXPECT_EQ(machine_->kept_sessions(), 1U + 4U);
  EXPECT_EQ(apply({claim("k19")}), "claimed:" + std::string(1'000, 'r')) << "those that end last went";
  EXPECT_EQ(apply({claim("k00")}), "unclaimed");
}

TEST_F(SessionsTest, ARecordThatHasNoRoomEvenAloneIsNotKept) {
  const SessionBounds bounds{0, 0, 2'000};
  apply({keep_of(Origin{2}, "k", 100, {20'000}, bounds)});
  apply({keep_of(Origin{2}, "k", 3'000, {20'000}, bounds)});
  EXPECT_EQ(apply({claim("k")}), "unclaimed") << "nor is what stood there, an older truth";
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, ARestartKnowsTheBytesAndWhoseTheyAre) {
  const SessionBounds bounds{0, 0, 5'000};
  for (int i = 0; i < 3; ++i) apply({keep_of(Origin{2}, fmt::format("k{}", i), 1'000, {20'000 + i}, bounds)});
  const auto before = machine_->kept_session_bytes();
  EXPECT_GT(before, 3'000U);
  make();
  EXPECT_EQ(machine_->kept_session_bytes(), before);
  for (int i = 3; i < 9; ++i) apply({keep_of(Origin{2}, fmt::format("k{}", i), 1'000, {20'000 + i}, bounds)});
  EXPECT_EQ(machine_->kept_sessions(), 4U);
  for (int i = 0; i < 9; ++i) apply({forget(fmt::format("k{}", i))});
  EXPECT_EQ(machine_->kept_session_bytes(), 0U);
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, EndsThatAnEarlierReleaseWroteAreRead) {
  apply({keep("k", "r", {5'000})});
  storage::WriteBatch batch;
  batch.put(storage::Family::state, storage::keys::session_end(ShardId{0}, {5'000}, place("k")), {});
  ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  make();
  EXPECT_EQ(machine_->kept_sessions(), 1U);
  EXPECT_EQ(machine_->kept_session_bytes(), 0U);
  EXPECT_EQ(apply({claim("k")}), "claimed:r");
}

TEST_F(SessionsTest, WhatWasNeverKeptIsNotThere) {
  apply({keep("k", "r", {5'000})});
  EXPECT_EQ(apply({claim("K"), claim("k2"), claim("")}), "unclaimed unclaimed unclaimed");
  EXPECT_EQ(apply({{session_place("other", "k"), {1'000}, ClaimSession{}}}), "unclaimed") << "of another application";
}

TEST_F(SessionsTest, KeepingAgainReplacesTheRecordAndItsEnd) {
  apply({keep("k", "first", {9'000}), keep("k", "second", {2'000})});
  EXPECT_EQ(rows(), 2U);
  EXPECT_EQ(apply({claim("k", {2'000})}), "unclaimed");
  apply({keep("k", "first", {2'000}), keep("k", "second", {9'000})});
  EXPECT_EQ(apply({claim("k", {8'999})}), "claimed:second");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, ItEndsByTheCommandsTime) {
  apply({keep("a", "a", {5'000}), keep("b", "b", {5'000})});
  EXPECT_EQ(apply({claim("a", {4'999})}), "claimed:a");
  EXPECT_EQ(apply({claim("b", {5'000})}), "unclaimed");
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(apply({claim("b", {4'000})}), "unclaimed") << "a clock that is set back brings nothing back";
}

TEST_F(SessionsTest, ADroppedOneIsGone) {
  apply({keep("a", "a", {5'000}), keep("b", "b", {5'000})});
  EXPECT_EQ(apply({forget("a"), forget("nobody")}), "nothing nothing");
  EXPECT_EQ(apply({claim("a"), claim("b")}), "unclaimed claimed:b");
}

TEST_F(SessionsTest, ASweepTakesOnlyWhatHasExpired) {
  apply({keep("a", "a", {5'000})});
  apply({forget("a", {4'999}, true)});
  EXPECT_EQ(machine_->kept_sessions(), 1U);
  apply({keep("a", "again", {9'000}, {4'999}), forget("a", {5'000}, true)});
  EXPECT_EQ(apply({claim("a", {5'000})}), "claimed:again") << "it was kept again before the sweep's command came";
  apply({keep("a", "a", {5'000}), forget("a", {5'000}, true)});
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, ExpiredOnesGoAFewAtATimeWithEachCommand) {
  for (int i = 0; i < 100; ++i) apply({keep(fmt::format("old{}", i), "r", {2'000 + i})});
  EXPECT_EQ(machine_->kept_sessions(), 100U);
  apply({claim("nobody", {10'000})});
  EXPECT_EQ(machine_->kept_sessions(), 100U - kSessionsDroppedAtOnceMax);
  apply({keep("new", "r", {99'000}, {10'000})});
  EXPECT_EQ(machine_->kept_sessions(), 101U - 2 * kSessionsDroppedAtOnceMax);
  for (int i = 0; i < 6; ++i) apply({forget("nobody", {10'000})});
  EXPECT_EQ(machine_->kept_sessions(), 1U);
  EXPECT_EQ(rows(), 2U);
  EXPECT_EQ(machine_->take_evicted_sessions(), 0U) << "their time had come";
}

TEST_F(SessionsTest, AtTheBoundTheOneThatEndsLastMakesRoom) {
  const auto bounded = [](const std::string& key, std::int64_t expires) {
    return keep(key, key, {expires}, {1'000}, 3);
  };
  apply({bounded("a", 7'000), bounded("b", 5'000), bounded("c", 6'000)});
  EXPECT_EQ(machine_->take_evicted_sessions(), 0U);
  apply({bounded("d", 4'000)});
  EXPECT_EQ(machine_->kept_sessions(), 3U);
  EXPECT_EQ(machine_->take_evicted_sessions(), 1U);
  EXPECT_EQ(apply({claim("a"), claim("b"), claim("c"), claim("d")}), "unclaimed claimed:b claimed:c claimed:d")
      << "of connections that live the node has them still";
}

TEST_F(SessionsTest, ReplacingAtTheBoundEvictsNobody) {
  apply({keep("a", "a", {5'000}, {1'000}, 2), keep("b", "b", {5'000}, {1'000}, 2)});
  apply({keep("a", "again", {6'000}, {1'000}, 2)});
  EXPECT_EQ(machine_->take_evicted_sessions(), 0U);
  EXPECT_EQ(apply({claim("a"), claim("b")}), "claimed:again claimed:b");
}

TEST_F(SessionsTest, ALoweredBoundIsReachedInSteps) {
  for (int i = 0; i < 100; ++i) apply({keep(std::to_string(i), "r", {5'000 + i})});
  apply({keep("new", "r", {9'000}, {1'000}, 10)});
  EXPECT_EQ(machine_->kept_sessions(), 101U - kSessionsDroppedAtOnceMax);
  for (int i = 0; i < 6; ++i) apply({keep("new", "r", {9'000}, {1'000}, 10)});
  EXPECT_EQ(machine_->kept_sessions(), 10U);
}

TEST_F(SessionsTest, TimesAtTheEdgesOfWhatANumberHolds) {
  apply({keep("never", "r", {-5}, {-10}), keep("ever", "r", {INT64_MAX})});
  EXPECT_EQ(apply({claim("never"), claim("ever", {INT64_MAX - 1})}), "unclaimed claimed:r");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, ARestartKnowsWhatIsKeptAndWhatWasTaken) {
  apply({keep("a", "a", {5'000}), keep("b", "b", {6'000}), keep("c", "c", {7'000}), claim("b")});
  make();
  EXPECT_EQ(machine_->kept_sessions(), 2U);
  EXPECT_EQ(apply({claim("b"), claim("c")}), "unclaimed claimed:c");
  EXPECT_EQ(apply({keep("d", "d", {9'000}, {1'000}, 1)}), "nothing");
  EXPECT_EQ(machine_->take_evicted_sessions(), 1U) << "the order of their ends is known again";
  make();
  EXPECT_EQ(apply({claim("a"), claim("d")}), "unclaimed claimed:d");
}

TEST_F(SessionsTest, NothingOfASessionIsAChannelsOrAUsers) {
  apply({keep("k", "r", {5'000})});
  for (const auto& [key, value] : content(store_, storage::Family::state)) {
    EXPECT_EQ(storage::keys::meta_channel(key), std::nullopt);
    EXPECT_EQ(storage::keys::user_key(key), std::nullopt);
    EXPECT_EQ(storage::keys::told_channel(key), std::nullopt);
  }
  EXPECT_TRUE(content(store_, storage::Family::history).empty());
}

TEST_F(SessionsTest, ADamagedRowIsNotGuessedAt) {
  apply({keep("k", "r", {5'000})});
  storage::WriteBatch batch;
  batch.remove(storage::Family::state, storage::keys::kept_session(ShardId{0}, place("k")));
  ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  const auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, {claim("k")});
  ASSERT_FALSE(effects.ok());
  EXPECT_EQ(effects.error().code, Errc::corrupt);
  EXPECT_EQ(effects.error().message.find("session.k"), std::string::npos) << "the key is a secret";
  batch.clear();
  auto row = storage::keys::session_end(ShardId{0}, {5'000}, place("k"));
  batch.put(storage::Family::state, row.substr(0, row.find('/')), {});
  ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  EXPECT_EQ(machine_->load().error().code, Errc::corrupt);
}

// A plain model of the rules beside the machine, over restarts.
TEST_F(SessionsTest, RandomLivesAgreeWithTheModel) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  struct Kept {
    std::string record;
    std::int64_t expires;
  };
  std::map<std::string, Kept> model;
  std::int64_t now = 100'000;
  for (int step = 0; step < 3'000; ++step) {
    now += static_cast<std::int64_t>(random() % 200);
    const auto key = fmt::format("k{}", random() % 40);
    const auto known = model.find(key);
    const bool there = known != model.end() && known->second.expires > now;
    switch (random() % 5) {
      case 0:
      case 1: {
        const Kept kept{fmt::format("r{}", step), now + static_cast<std::int64_t>(random() % 4'000) - 100};
        apply({keep(key, kept.record, {kept.expires}, {now})});
        model[key] = kept;
        break;
      }
      case 2: {
        const bool if_expired = random() % 2 == 0;
        apply({forget(key, {now}, if_expired)});
        if (!if_expired || !there) model.erase(key);
        break;
      }
      default:
        EXPECT_EQ(apply({claim(key, {now})}), there ? "claimed:" + known->second.record : "unclaimed")
            << "seed " << seed << " step " << step;
        model.erase(key);
    }
    if (random() % 50 == 0) make();
    const auto live = std::count_if(model.begin(), model.end(), [&](auto& one) { return one.second.expires > now; });
    ASSERT_GE(machine_->kept_sessions(), static_cast<std::size_t>(live)) << "seed " << seed << " step " << step;
    ASSERT_LE(machine_->kept_sessions(), model.size()) << "seed " << seed << " step " << step;
    ASSERT_EQ(rows(), 2 * machine_->kept_sessions()) << "seed " << seed << " step " << step;
  }
}

// ---- a whole node's shards ----

class SessionsOfShards : public ::testing::Test {
 protected:
  SessionsOfShards() {
    config_.shard_count = 4;
    config_.retention_sweep_interval = seconds(1'000'000);
    clock_.advance(seconds(1'000));
  }
  void start(storage::Store& store) {
    shards_.reset();
    listener_ = std::make_unique<Recorder>();
    auto local = std::make_shared<LocalShards>(store, clock_, metrics_, config_, *listener_);
    const auto started = local->start();
    ASSERT_TRUE(started.ok()) << started.error().message;
    local->begin_leading();
    shards_ = local;
  }
  std::string apply(Command command, storage::Sync sync = storage::Sync::yes) {
    const auto shard = shard_of(command.channel, config_.shard_count);
    shards_->propose(shard, next_, {std::move(command)}, sync);
    return listener_->wait_for(next_++);
  }
  WallTime now() const { return clock_.wall(); }
  WallTime later() const { return clock_.wall() + seconds(60); }

  ManualClock clock_;
  Metrics metrics_;
  LocalShardsConfig config_;
  std::unique_ptr<Recorder> listener_;
  std::shared_ptr<LocalShards> shards_;
  EntryToken next_ = 1;
};

TEST_F(SessionsOfShards, ACrashKeepsWhatWasKeptAndDoesNotBringBackWhatWasTaken) {
  testing::FaultyStore store;
  start(store);
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(apply(keep(std::to_string(i), fmt::format("r{}", i), later(), now())), "nothing");
  EXPECT_EQ(metrics_.kept_sessions.value(), 40);
  for (int i = 0; i < 40; i += 2) EXPECT_EQ(apply(claim(std::to_string(i), now())), fmt::format("claimed:r{}", i));
  EXPECT_EQ(metrics_.kept_sessions.value(), 20);
  for (std::size_t round = 0; round < 3; ++round) {
    shards_.reset();
    store.crash(round);  // what was not synced is lost, up to a part of it
    start(store);
    EXPECT_EQ(metrics_.kept_sessions.value(), 20);
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(apply(claim(std::to_string(i), now())), i % 2 == 0 ? "unclaimed" : fmt::format("claimed:r{}", i));
  }
  EXPECT_EQ(metrics_.kept_sessions.value(), 0);
  shards_.reset();
}

TEST_F(SessionsOfShards, TheDirectoryOfADeadProcessHasThemToo) {
  std::string pattern = (std::filesystem::temp_directory_path() / "parley-sessions-XXXXXX").string();
  const std::filesystem::path root = mkdtemp(pattern.data());
  {
    auto store = storage::RocksStore::open((root / "data").string()).value();
    start(*store);
    apply(keep("taken", "t", later(), now()));
    apply(keep("kept", std::string(65'536, '\xfe'), later(), now()));
    apply(keep("short", "s", now() + seconds(1), now()));
    EXPECT_EQ(apply(claim("taken", now())), "claimed:t");
    // What a process leaves that is killed now: its files as they are, nothing closed.
    std::filesystem::copy(root / "data", root / "left", std::filesystem::copy_options::recursive);
    shards_.reset();
    store.reset();
    clock_.advance(seconds(2));
    store = storage::RocksStore::open((root / "left").string()).value();
    start(*store);
    EXPECT_EQ(metrics_.kept_sessions.value(), 2);
    EXPECT_EQ(apply(claim("taken", now())), "unclaimed");
    EXPECT_EQ(apply(claim("short", now())), "unclaimed");
    EXPECT_EQ(apply(claim("kept", now())), "claimed:" + std::string(65'536, '\xfe'));
    EXPECT_EQ(apply(claim("kept", now())), "unclaimed");
    shards_.reset();
  }
  std::filesystem::remove_all(root);
}

TEST_F(SessionsOfShards, ASweepEndsThoseThatNobodyAsksFor) {
  storage::MemoryStore store;
  start(store);
  for (int i = 0; i < 2'000; ++i) apply(keep(std::to_string(i), "r", now() + seconds(1), now()), storage::Sync::no);
  apply(keep("longer", "r", later(), now()));
  const auto sweep = [&] {
    std::promise<void> swept;
    shards_->sweep([&] { swept.set_value(); });
    swept.get_future().wait();
  };
  sweep();
  EXPECT_EQ(metrics_.kept_sessions.value(), 2'001);
  clock_.advance(seconds(1));
  sweep();
  // More than one step of each shard: the sweep goes on by itself.
  while (metrics_.kept_sessions.value() > 1) std::this_thread::yield();
  EXPECT_EQ(apply(claim("longer", now())), "claimed:r");
  EXPECT_EQ(metrics_.kept_sessions_evicted.value(), 0);
  shards_.reset();
  for (const auto& [key, value] : content(store, storage::Family::state)) {
    if (key.starts_with("\xff\xff")) continue;  // the store's own
    EXPECT_TRUE(key[2] != 's' && key[2] != 'y');
  }
}

TEST_F(SessionsOfShards, EvictionsAreCounted) {
  storage::MemoryStore store;
  config_.shard_count = 1;
  start(store);
  for (int i = 0; i < 10; ++i) apply(keep(std::to_string(i), "r", later(), now(), 4));
  EXPECT_EQ(metrics_.kept_sessions.value(), 4);
  EXPECT_EQ(metrics_.kept_sessions_evicted.value(), 6);
  shards_.reset();
}

}  // namespace
}  // namespace parley::cluster

// The whole of a single node's durable side: propose, commit, apply, tell, read, restart, fail.
#include "schemas/log_frame.h"
#include "schemas/replica.h"
#include "tests/unit/cluster/world.h"

#include <thread>

namespace parley::cluster {
namespace {

using testing::FaultyStore;

class LocalShardsTest : public ::testing::Test {
 protected:
  LocalShardsTest() {
    config_.shard_count = 4;
    config_.boot = "this one";  // a crash that loses something in the same boot: nothing was told and not synced
    config_.retention_sweep_interval = seconds(1'000'000);
  }
  void start() {
    shards_.reset();
    listener_ = std::make_unique<Recorder>();
    auto local = std::make_shared<LocalShards>(store_, clock_, metrics_, config_, *listener_);
    const auto started = local->start();
    ASSERT_TRUE(started.ok()) << started.error().message;
    local->begin_leading();
    shards_ = local;
    next_ = 1;
  }
  Error refused_start() {
    shards_.reset();
    auto started = start_local_shards(store_, clock_, metrics_, config_, *listener_);
    EXPECT_FALSE(started.ok());
    return started.ok() ? Error{} : started.error();
  }
  EntryToken propose(std::vector<Command> commands, storage::Sync sync = storage::Sync::yes) {
    const auto shard = shard_of(commands[0].channel, config_.shard_count);
    shards_->propose(shard, next_, std::move(commands), sync);
    return next_++;
  }
  std::string apply(std::vector<Command> commands) { return listener_->wait_for(propose(std::move(commands))); }
  std::string history(const ChannelKey& channel = kRoom) {
    GetHistory query;
    query.channel = channel;
    const auto page = read(*shards_, query);
    return page.ok() ? text(page->publications) : std::string(info(page.error().code).name);
  }
  void wait_available() {
    while (!shards_->available()) std::this_thread::yield();
  }
  void sweep() {
    std::promise<void> swept;
    shards_->sweep([&] { swept.set_value(); });
    swept.get_future().wait();
  }

  FaultyStore store_;
  ManualClock clock_;
  Metrics metrics_;
  LocalShardsConfig config_;
  std::unique_ptr<Recorder> listener_ = std::make_unique<Recorder>();
  std::shared_ptr<LocalShards> shards_;
  EntryToken next_ = 1;
};

TEST_F(LocalShardsTest, WhatIsProposedIsToldAndRead) {
  start();
  EXPECT_EQ(apply({append("a"), append("b")}), "1:a 2:b");
  EXPECT_EQ(history(), "1:a 2:b");
  const auto state = open(*shards_, kRoom);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->newest, (Position{kEpoch, Offset{2}}));
  EXPECT_EQ(state->oldest.value, 1u);
}

// Who lived shorter than it takes to the first regular stamp, and lost its power then.
TEST_F(LocalShardsTest, AProcessThatDiesAtOnceWasThere) {
  start();
  EXPECT_EQ(shards_->unfinished(ShardId{0})->alive.ms, 0);
  const auto born = clock_.wall();
  shards_.reset();
  store_.crash();
  clock_.advance(seconds(9));
  start();
  EXPECT_EQ(shards_->unfinished(ShardId{0})->alive, born);
}

TEST_F(LocalShardsTest, AnAcknowledgedEntrySurvivesACrash) {
  start();
  for (int i = 1; i <= 50; ++i) apply({append(std::to_string(i))});
  shards_.reset();
  store_.crash();
  start();
  EXPECT_EQ(open(*shards_, kRoom)->newest.offset.value, 50u);
  EXPECT_EQ(apply({append("next")}), "51:next");
}

TEST_F(LocalShardsTest, AReplayGivesTheSameStateAsNoCrash) {
  const auto run = [&](bool crash) {
    start();
    for (int i = 1; i <= 100; ++i) {
      const ChannelKey channel("4711", fmt::format("domain.{}", i % 7));
      apply({keyed(append(std::to_string(i), {i * 1'000}, channel, {seconds(30), 5, 0}), std::to_string(i % 13)),
             {channel, {i * 1'000}, SaveCursors{{{"ann", Offset{1}}}}}});
      if (crash && i % 9 == 0) {
        shards_.reset();
        store_.crash(static_cast<std::size_t>(i) % 3);
        start();
      }
    }
    shards_.reset();
    auto state = content(store_, storage::Family::state);
    for (std::uint16_t i = 0; i < config_.shard_count; ++i) {  // each start brings an entry of its own
      state.erase(storage::keys::applied(ShardId{i}));
      state.erase(storage::keys::membership(ShardId{i}));  // ids are drawn
      state.erase(storage::keys::replica_places(ShardId{i}));
    }
    return std::pair(content(store_, storage::Family::history), std::move(state));
  };
  const auto crashed = run(true);
  const auto before = content(store_, storage::Family::log).size();
  EXPECT_GT(before, 0u);
  storage::WriteBatch wipe;
  for (std::size_t i = 0; i < storage::kFamilyCount; ++i)
    wipe.remove_range(static_cast<storage::Family>(i), "", "\xff\xff\xff");
  ASSERT_TRUE(store_.write(wipe, storage::Sync::yes).ok());
  const auto straight = run(false);
  EXPECT_EQ(crashed.first, straight.first);
  EXPECT_EQ(crashed.second, straight.second);
}

TEST_F(LocalShardsTest, IdempotencyHoldsOverACrash) {
  start();
  EXPECT_EQ(apply({keyed(append("a"), "k", "sig")}), "1:a");
  shards_.reset();
  store_.crash();
  start();
  EXPECT_EQ(apply({keyed(append("a"), "k", "sig"), keyed(append("a"), "", "sig")}), "duplicate:1 replayed");
}

TEST_F(LocalShardsTest, AsyncEntriesAreToldWithoutASync) {
  start();
  const auto before = store_.synced_writes();
  EXPECT_EQ(listener_->wait_for(propose({append("a")}, storage::Sync::no)), "1:a");
  EXPECT_EQ(store_.synced_writes(), before);
  EXPECT_EQ(history(), "1:a");
}

class CutLog : public LocalShardsTest {
 protected:
  std::size_t log_bytes() {
    std::size_t bytes = 0;
    for (const auto& [key, value] : content(store_, storage::Family::log)) {
      if (storage::keys::replica_entry_index(key)) bytes += key.size() + value.size();
    }
    return bytes;
  }
};

TEST_F(CutLog, TheLogsOfAllShardsAreCutAtABoundInBytes) {
  config_.log_bytes_max = 100'000;
  start();
  std::map<std::string, int> counts;
  std::size_t most = 0;
  for (int i = 1; i <= 400; ++i) {
    const ChannelKey room("4711", fmt::format("domain.{}", i % 7));
    const auto size = i % 50 == 0 ? 30'000u : 2'000u;
    apply({append(std::string(size, 'x'), {1'000}, room)});
    ++counts[room.text()];
    most = std::max(most, log_bytes());
  }
  EXPECT_GT(most, 50'000u) << "cutting is rare";
  EXPECT_LE(most, 100'000u + 40'000u) << "the bound and the last entry";
  EXPECT_GE(metrics_.log_cuts.value(), 5);
  // Whatever a crash leaves: each entry, or what it led to.
  shards_.reset();
  store_.crash();
  start();
  for (int i = 0; i < 7; ++i) {
    const ChannelKey room("4711", fmt::format("domain.{}", i));
    EXPECT_EQ(apply({append("next", {1'000}, room)}), fmt::format("{}:next", counts[room.text()] + 1));
  }
}

TEST_F(CutLog, ACrashAfterAnyWriteLeavesEachEntryOrItsResults) {
  config_.log_bytes_max = 3'000;
  int count = 0;
  for (int round = 1; round <= 60; ++round) {
    start();
    for (int i = 0; i < round % 5; ++i) apply({append(std::string(700, 'a'))});
    EXPECT_EQ(apply({append("last")}), fmt::format("{}:last", count += round % 5 + 1));
    shards_.reset();
    store_.crash();  // loses what was not synced: results, and the cuts that went with them
  }
}

// A log of an earlier release, bounded by entries, or of a larger configured bound.
TEST_F(CutLog, WhatAStartFindsAndAppliesIsCutAtOnce) {
  start();
  for (int i = 1; i <= 40; ++i) apply({append(std::string(10'000, 'x'))});
  EXPECT_GT(log_bytes(), 400'000u);
  shards_.reset();
  start();
  EXPECT_LT(log_bytes(), 1'000u) << "what starts themselves wrote";
  EXPECT_EQ(apply({append("next")}), "41:next");
}

TEST_F(LocalShardsTest, EachStartBeginsATerm) {
  for (std::uint64_t term = 1; term <= 3; ++term) {
    start();
    apply({append("a")});
    const auto head = store_.get(storage::Family::log, storage::keys::replica_head(ShardId{0})).value();
    EXPECT_EQ(schemas::decode_replica_head(*head)->term.value, term + 1);  // that of the founding is the first
  }
}

TEST_F(LocalShardsTest, AnotherCountOfShardsIsRefused) {
  start();
  config_.shard_count = 8;
  const auto error = refused_start();
  EXPECT_EQ(error.code, Errc::config_invalid);
  EXPECT_EQ(error.message,
            "the data directory was made for 4 shards, the configuration says 8: the count cannot change later");
}

// ---- damage ----

class DamagedLog : public LocalShardsTest {
 protected:
  // An entry that is in the log and not applied.
  void SetUp() override {
    start();
    apply({append("a")});
    shards_.reset();
    put(next(), frame(next()));
  }
  // Of the entry behind the founding, the first of the term, and "a".
  [[nodiscard]] static LogIndex next(std::uint64_t skipped = 0) { return LogIndex{4 + skipped}; }
  [[nodiscard]] ShardId shard() const { return shard_of(kRoom, config_.shard_count); }
  [[nodiscard]] std::string frame(LogIndex index) const {
    const auto payload = schemas::encode_entry({1}, {append("b")});
    return schemas::frame_replica_entry(shard(), {index, Term{2}, RaftEntryKind::command, payload});
  }
  void put(LogIndex index, const std::string& bytes) {
    storage::WriteBatch batch;
    batch.put(storage::Family::log, storage::keys::replica_entry(shard(), index), bytes);
    ASSERT_TRUE(store_.write(batch, storage::Sync::yes).ok());
  }
};

TEST_F(DamagedLog, ASoundEntryIsReplayed) {
  start();
  EXPECT_EQ(history(), "1:a 2:b");
}

TEST_F(DamagedLog, AFlippedBitIsRefusedByName) {
  auto bytes = frame(next());
  bytes[bytes.size() / 2] ^= 1;
  put(next(), bytes);
  const auto error = refused_start();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_EQ(error.message,
            fmt::format("log entry 4 of shard {}: its checksum does not match its bytes", shard().value));
}

TEST_F(DamagedLog, AMisplacedEntryIsRefused) {
  put(next(1), frame(next()));
  EXPECT_EQ(refused_start().code, Errc::corrupt);
}

TEST_F(DamagedLog, AMissingEntryIsRefused) {
  put(next(2), frame(next(2)));
  const auto error = refused_start();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_EQ(error.message,
            fmt::format("log entry 5 of shard {0}: entry 6 of shard {0} lies in its place", shard().value));
}

TEST_F(DamagedLog, AStateAheadOfTheLogIsRefused) {
  storage::WriteBatch batch;
  batch.put(storage::Family::state, storage::keys::applied(shard()), storage::keys::number(9));
  ASSERT_TRUE(store_.write(batch, storage::Sync::yes).ok());
  EXPECT_EQ(refused_start().code, Errc::corrupt);
}

// ---- failures ----

// Every write of a short life fails once, in both ways in which a write can fail. What was
// acknowledged is there afterwards, in order and once; what was refused is there at most once.
TEST_F(LocalShardsTest, EveryFailurePointKeepsWhatWasAcknowledged) {
  for (const auto failure : {FaultyStore::Failure::nothing_written, FaultyStore::Failure::all_written}) {
    bool failed = true;
    for (std::size_t nth = 1; failed; ++nth) {
      ASSERT_LT(nth, 200u);
      SCOPED_TRACE(fmt::format("write {} fails, {}", nth,
                               failure == FaultyStore::Failure::all_written ? "written" : "not written"));
      store_.crash();
      storage::WriteBatch wipe;
      for (std::size_t i = 0; i < storage::kFamilyCount; ++i)
        wipe.remove_range(static_cast<storage::Family>(i), "", "\xff\xff\xff");
      ASSERT_TRUE(store_.write(wipe, storage::Sync::yes).ok());
      start();
      store_.fail_write(nth, failure);
      std::map<std::string, std::string> acknowledged;  // data -> offset
      failed = false;
      for (int i = 1; i <= 12; ++i) {
        const auto data = fmt::format("d{}", i);
        wait_available();
        // The client tries again with the same key until it is acknowledged.
        for (std::string outcome = "refused:"; outcome.starts_with("refused:");) {
          outcome = apply({keyed(append(data), data)});
          if (outcome.starts_with("refused:")) {
            EXPECT_EQ(outcome, "refused:storage_unavailable");
            failed = true;
            wait_available();
          } else if (outcome.starts_with("duplicate:")) {
            acknowledged[data] = outcome.substr(10);
          } else {
            acknowledged[data] = outcome.substr(0, outcome.find(':'));
          }
        }
      }
      const auto check = [&] {
        std::string expected;
        for (int i = 1; i <= 12; ++i) {
          EXPECT_EQ(acknowledged[fmt::format("d{}", i)], std::to_string(i));
          expected += fmt::format("{}{}:d{}", i == 1 ? "" : " ", i, i);
        }
        EXPECT_EQ(history(), expected);
      };
      check();
      // Everyone who listened was told of each publication once, whether by its entry or by the recovery.
      std::map<std::string, int> told;
      for (const auto& outcome : listener_->outcomes()) {
        if (outcome.effects.find(":d") != std::string::npos) ++told[outcome.effects];
      }
      EXPECT_EQ(told.size(), 12u);
      for (const auto& [effects, times] : told) EXPECT_EQ(times, 1) << effects;
      shards_.reset();
      store_.crash();
      start();
      check();
      shards_.reset();
    }
  }
}

TEST_F(LocalShardsTest, WhileTheDiskIsBadProposalsAreRefusedAndReadsGoOn) {
  start();
  apply({append("a")});
  store_.fail_recoveries(1'000'000'000);
  store_.fail_write(1);
  EXPECT_EQ(apply({append("b")}), "refused:storage_unavailable");
  EXPECT_FALSE(shards_->available());
  EXPECT_EQ(apply({append("c")}), "refused:storage_unavailable");
  EXPECT_EQ(history(), "1:a");
  store_.fail_recoveries(0);
  wait_available();
  EXPECT_EQ(apply({append("d")}), "2:d");
}

TEST_F(LocalShardsTest, AFailedReadWhileApplyingLosesNothingThatWasLogged) {
  start();
  apply({append("a")});
  store_.fail_reads(true);
  const ChannelKey cold("4711", "domain.cold");
  EXPECT_EQ(apply({append("b", {1}, cold)}), "refused:storage_unavailable");
  store_.fail_reads(false);
  wait_available();
  EXPECT_EQ(history(cold), "1:b");  // its outcome was unknown; it was stored
  EXPECT_EQ(apply({append("c")}), "2:c");
}

// ---- bounds ----

TEST_F(LocalShardsTest, MoreThanMayWaitIsRefusedAsOverloaded) {
  config_.pending_commands_max = 3;
  start();
  EXPECT_EQ(apply({append("a"), append("b"), append("c"), append("d")}), "1:a 2:b 3:c 4:d");  // alone, any entry fits
  std::vector<std::string> outcomes;
  std::vector<EntryToken> tokens;
  for (int i = 0; i < 2'000; ++i) tokens.push_back(propose({append("x")}));
  std::size_t overloaded = 0;
  for (const auto token : tokens) overloaded += listener_->wait_for(token) == "refused:overloaded";
  EXPECT_GT(overloaded, 0u);
  EXPECT_EQ(open(*shards_, kRoom)->newest.offset.value, 4 + 2'000 - overloaded);
  EXPECT_FALSE(apply({append("y")}).starts_with("refused"));
}

TEST_F(LocalShardsTest, TheBoundOfWhatWaitsCanBeRaisedWhileItRuns) {
  config_.pending_commands_max = 1;
  start();
  shards_->limit_pending(10'000);
  std::vector<EntryToken> tokens;
  for (int i = 0; i < 2'000; ++i) tokens.push_back(propose({append("x")}));
  for (const auto token : tokens) EXPECT_NE(listener_->wait_for(token), "refused:overloaded");
}

TEST_F(LocalShardsTest, MoreReadsThanMayWaitAreRefusedAtOnce) {
  config_.reads_waiting_max = 2;
  start();
  std::promise<void> held;
  std::promise<void> release;
  shards_->open_channel(kRoom, [&](auto) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  std::atomic<int> done{0};
  for (int i = 0; i < 2; ++i) shards_->open_channel(kRoom, [&](auto) { ++done; });
  GetHistory query;
  query.channel = kRoom;
  EXPECT_EQ(read(*shards_, query).error().code, Errc::overloaded);
  EXPECT_EQ(cursor(*shards_, kRoom, "me").error().code, Errc::overloaded);
  release.set_value();
  shards_.reset();  // what waits is answered before the end
  EXPECT_EQ(done, 2);
}

// ---- retention of idle channels ----

TEST_F(LocalShardsTest, ASweepTrimsIdleChannelsThroughTheLog) {
  start();
  const auto begin = clock_.wall();
  apply({append("a", begin, kRoom, {seconds(60), 0, 0})});
  sweep();
  EXPECT_EQ(history(), "1:a");
  clock_.advance(seconds(61));
  sweep();
  EXPECT_EQ(listener_->wait_for(0), "removed:1");
  EXPECT_EQ(history(), "");
  EXPECT_EQ(metrics_.retention_trimmed.value(), 1);
  shards_.reset();
  store_.crash(1'000);
  start();
  EXPECT_EQ(history(), "");
  EXPECT_EQ(apply({append("b", clock_.wall())}), "2:b");
}

TEST_F(LocalShardsTest, NothingIsSweptBeforeSomebodyCanBeTold) {
  start();
  apply({append("a", clock_.wall(), kRoom, {seconds(60), 0, 0})});
  clock_.advance(seconds(61));
  shards_.reset();
  listener_ = std::make_unique<Recorder>();
  auto local = std::make_shared<LocalShards>(store_, clock_, metrics_, config_, *listener_);
  ASSERT_TRUE(local->start().ok());
  shards_ = local;
  sweep();
  EXPECT_EQ(history(), "1:a");
  EXPECT_TRUE(listener_->outcomes().empty());
  local->begin_leading();
  sweep();
  EXPECT_EQ(listener_->wait_for(0), "removed:1");
}

TEST_F(LocalShardsTest, ASweepGoesOnUntilALongHistoryIsGone) {
  start();
  const auto begin = clock_.wall();
  for (int entry = 0; entry < 10; ++entry) {
    std::vector<Command> commands;
    for (int i = 0; i < 1'000; ++i) commands.push_back(append("x", begin, kRoom, {seconds(60), 0, 0}));
    apply(std::move(commands));
  }
  clock_.advance(seconds(61));
  sweep();
  listener_->wait_for_count(12);  // ten entries, and two trims of which each has a bound
  EXPECT_EQ(open(*shards_, kRoom)->oldest.value, 10'001u);
  EXPECT_EQ(content(store_, storage::Family::history).size(), 0u);
}

TEST_F(LocalShardsTest, CursorsAreReadAndExpire) {
  config_.cursor_lifetime = seconds(100);
  start();
  apply({append("a"), {kRoom, clock_.wall(), SaveCursors{{{"me", Offset{1}}}}}});
  EXPECT_EQ(cursor(*shards_, kRoom, "me").value().position->offset.value, 1u);
  clock_.advance(seconds(100));
  EXPECT_EQ(cursor(*shards_, kRoom, "me").value().position, std::nullopt);
}

// ---- order ----

TEST_F(LocalShardsTest, ManyProposersEachKeepTheirOrderAndReadersSeeWhatWasTold) {
  start();
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      std::size_t told = 0;
      for (const auto& outcome : listener_->outcomes()) told += outcome.effects.find(":room0-") != std::string::npos;
      const auto newest = open(*shards_, ChannelKey("4711", "domain.0"));
      ASSERT_TRUE(newest.ok());
      ASSERT_GE(newest->newest.offset.value, told);
    }
  });
  std::vector<std::thread> threads;
  for (int room = 0; room < 4; ++room) {
    threads.emplace_back([&, room] {
      const ChannelKey channel("4711", fmt::format("domain.{}", room));
      for (int i = 1; i <= 250; ++i) {
        shards_->propose(shard_of(channel, 4), static_cast<EntryToken>(room * 1'000 + i),
                         {append(fmt::format("room{}-{}", room, i), {1}, channel)}, storage::Sync::yes);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  listener_->wait_for_count(1'000);
  over = true;
  reader.join();
  for (const auto& outcome : listener_->outcomes()) {
    const auto room = outcome.token / 1'000;
    const auto i = outcome.token % 1'000;
    EXPECT_EQ(outcome.effects, fmt::format("{}:room{}-{}", i, room, i));
  }
  EXPECT_EQ(metrics_.commands_applied.value(), 1'000);
}

}  // namespace
}  // namespace parley::cluster

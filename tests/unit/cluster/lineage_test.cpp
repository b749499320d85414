// Durability async: whatever a power loss or a failed disk takes, a position names one publication for ever.
#include "cluster/machine/lineage.h"

#include "tests/unit/cluster/world.h"

#include <set>
#include <thread>

namespace parley::cluster {
namespace {

using testing::FaultyStore;

Command unsynced(Command command) {
  std::get<AppendPublication>(command.what).unsynced = true;
  return command;
}

class LineageTest : public ::testing::Test {
 protected:
  void SetUp() override { make(); }
  void make() {
    machine_ = std::make_unique<ShardMachine>(ShardId{0}, MachineConfig{}, store_);
    ASSERT_TRUE(machine_->load().ok());
  }
  void begin_lineage() {
    make();
    machine_->begin_lineage();
    write(storage::Sync::yes);
  }
  std::string apply(Command command) {
    std::vector<Command> commands;
    commands.push_back(std::move(command));
    const auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, std::move(commands));
    EXPECT_TRUE(effects.ok());
    if (const auto* appended = std::get_if<Effect::Appended>(&effects->front().what)) {
      last_ = appended->publication->position;
    }
    return text(*effects);
  }
  void write(storage::Sync sync = storage::Sync::no) {
    storage::WriteBatch batch;
    machine_->take_writes(batch);
    ASSERT_TRUE(store_.write(batch, sync).ok());
  }
  Position newest_after(storage::Sync sync) {
    write(sync);
    return newest();
  }
  Position newest() { return HistoryReader(store_, 1, 1 << 20).open_channel(kRoom)->newest; }
  HistoryPage page(std::optional<Position> since = {}) {
    GetHistory query{.channel = kRoom, .since = since};
    return HistoryReader(store_, 1, 1 << 20).read_history(query).value();
  }

  FaultyStore store_;
  std::unique_ptr<ShardMachine> machine_;
  Position last_;
};

TEST_F(LineageTest, ALostTailGoesOnUnderAnotherEpoch) {
  apply(unsynced(append("a")));
  write(storage::Sync::yes);
  const auto kept = last_;
  apply(unsynced(append("lost")));
  write();
  const auto lost = last_;
  store_.crash();
  begin_lineage();
  // Readers know it before anything is appended, and the same for ever after.
  const auto told = newest();
  EXPECT_EQ(told.offset, kept.offset);
  EXPECT_NE(told.epoch, kept.epoch);
  EXPECT_EQ(apply(unsynced(append("b"))), "2:b");
  EXPECT_EQ(last_.epoch, told.epoch);
  EXPECT_NE(last_, lost);
  write();
  EXPECT_EQ(newest(), last_);
  EXPECT_EQ(text(page().publications), "1:a 2:b");
  EXPECT_TRUE(page(lost).gap) << "who has what was lost is told";
  EXPECT_TRUE(page(kept).gap);
  EXPECT_FALSE(page(Position{told.epoch, kept.offset}).gap);
}

TEST_F(LineageTest, WhatIsAskedForTwiceIsNamedAsReadersKnowIt) {
  auto kept = unsynced(append("a"));
  std::get<AppendPublication>(kept.what).idempotency_key = "key";
  const auto again = kept;
  apply(std::move(kept));
  write(storage::Sync::yes);
  const auto before = last_;
  begin_lineage();
  std::vector<Command> commands{again};
  const auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, std::move(commands));
  ASSERT_TRUE(effects.ok());
  const auto& first = std::get<Effect::Duplicate>(effects->front().what).first;
  EXPECT_EQ(first, newest());
  EXPECT_NE(first, before);
}

TEST_F(LineageTest, EachLossIsANewLife) {
  apply(unsynced(append("a")));
  write(storage::Sync::yes);
  std::set<std::uint64_t> epochs{last_.epoch.value};
  for (int i = 0; i < 50; ++i) {
    begin_lineage();
    epochs.insert(newest().epoch.value);
    if (i % 3 == 0) {
      apply(unsynced(append("x")));
      if (i % 2 == 0) write();
      epochs.insert(last_.epoch.value);
    }
    store_.crash();
  }
  EXPECT_EQ(epochs.size(), 51u);
}

TEST_F(LineageTest, WhatWasSyncedKeepsItsEpoch) {
  apply(append("a"));
  write(storage::Sync::yes);
  begin_lineage();
  EXPECT_EQ(newest(), (Position{kEpoch, Offset{1}}));
  EXPECT_EQ(apply(append("b")), "2:b");
  EXPECT_EQ(last_, (Position{kEpoch, Offset{2}}));
  // Also where a synced publication stands behind unsynced ones: they are on the disk with it.
  apply(unsynced(append("c")));
  apply(append("d"));
  write(storage::Sync::yes);
  begin_lineage();
  EXPECT_EQ(newest(), (Position{kEpoch, Offset{4}}));
}

TEST_F(LineageTest, ThatATailIsUnsyncedIsSyncedBeforeItIsTold) {
  apply(append("a"));
  write(storage::Sync::yes);
  EXPECT_FALSE(machine_->must_sync());
  apply(unsynced(append("b")));
  EXPECT_TRUE(machine_->must_sync()) << "else the loss of b would leave a channel that seems whole";
  write(storage::Sync::yes);
  apply(unsynced(append("c")));
  EXPECT_FALSE(machine_->must_sync()) << "once is enough";
  write();
  const auto told = last_;
  store_.crash();
  begin_lineage();
  EXPECT_NE(newest().epoch, told.epoch);
}

TEST_F(LineageTest, ANewChannelNeedsNoSync) {
  apply(unsynced(append("a")));
  EXPECT_FALSE(machine_->must_sync()) << "if all of it is lost, the next publication brings another epoch";
}

// A log of a release that sent the epoch only when it believed that there was none.
TEST_F(LineageTest, ACommandWithoutAnEpochOnAChannelThatIsLostIsApplied) {
  auto command = append("a");
  std::get<AppendPublication>(command.what).epoch_if_new = {};
  EXPECT_EQ(apply(command), "1:a");
  EXPECT_TRUE(last_.exists());
}

TEST_F(LineageTest, ADeletionGoesByThePresentName) {
  apply(unsynced(append("a")));
  apply(unsynced(append("b")));
  write(storage::Sync::yes);
  begin_lineage();
  EXPECT_EQ(apply({kRoom, {1'000}, RemovePublication{{kEpoch, Offset{1}}}}), "nothing");
  EXPECT_EQ(apply({kRoom, {1'000}, RemovePublication{{newest().epoch, Offset{1}}}}), "removed:1");
  write();
  EXPECT_EQ(text(page().publications), "2:b");
}

TEST_F(LineageTest, WhatWasConfirmedOfAnotherLifeStaysOfThatLife) {
  for (int i = 0; i < 5; ++i) apply(unsynced(append("x")));
  write(storage::Sync::yes);
  const auto before = newest();
  begin_lineage();
  apply({kRoom, {1'000}, SaveCursors{{{"old", before.offset, false, before.epoch}}}});
  apply({kRoom, {1'000}, SaveCursors{{{"new", before.offset, false, newest().epoch}}}});
  write();
  const HistoryReader reader(store_, 1, 1 << 20);
  EXPECT_EQ(reader.read_cursor(kRoom, "old", {1'000}, seconds(100)).value().position, before);
  EXPECT_EQ(reader.read_cursor(kRoom, "new", {1'000}, seconds(100)).value().position, newest());
}

TEST_F(LineageTest, APositionInThisLifeReplacesOneInAnother) {
  for (int i = 0; i < 5; ++i) apply(unsynced(append("x")));
  const auto before = newest_after(storage::Sync::yes);
  apply({kRoom, {1'000}, SaveCursors{{{"ann", before.offset, false, before.epoch}}}});
  write();
  begin_lineage();
  const auto place = [&] {
    write();
    return HistoryReader(store_, 1, 1 << 20).read_cursor(kRoom, "ann", {1'000}, seconds(100)).value().position;
  };
  EXPECT_EQ(place(), before) << "of which life it is, it says";
  apply({kRoom, {1'000}, SaveCursors{{{"ann", Offset{2}, false, newest().epoch}}}});
  EXPECT_EQ(place(), (Position{newest().epoch, Offset{2}})) << "although its number is smaller";
  apply({kRoom, {1'000}, SaveCursors{{{"ann", before.offset, false, before.epoch}}}});
  EXPECT_EQ(place(), (Position{newest().epoch, Offset{2}})) << "what comes late takes nothing back";
}

// ---- when a node thinks that something may be lost ----

class UnsyncedTail : public ::testing::Test {
 protected:
  UnsyncedTail() {
    config_.shard_count = 4;
    config_.retention_sweep_interval = seconds(1'000'000);
    config_.boot = "one";
  }
  void start() {
    end();
    listener_ = std::make_unique<Recorder>();
    shards_ = std::make_shared<LocalShards>(store_, clock_, metrics_, config_, *listener_);
    ASSERT_TRUE(shards_->start().ok());
    next_ = 1;
  }
  void end(bool in_order = false) {
    if (shards_ && in_order) shards_->end_in_order();
    shards_.reset();
  }
  std::string say(const std::string& data) {
    std::vector<Command> commands;
    commands.push_back(unsynced(append(data)));
    std::get<AppendPublication>(commands[0].what).epoch_if_new = fresh_;
    shards_->propose(shard_of(kRoom, 4), next_, std::move(commands), storage::Sync::no);
    return listener_->wait_for(next_++);
  }
  Position newest() { return open(*shards_, kRoom)->newest; }

  FaultyStore store_;
  ManualClock clock_;
  Metrics metrics_;
  LocalShardsConfig config_;
  std::unique_ptr<Recorder> listener_;
  std::shared_ptr<LocalShards> shards_;
  EntryToken next_ = 1;
  Epoch fresh_ = kEpoch;  // what a proposer sends for a channel that has none
};

TEST_F(UnsyncedTail, IsWholeAfterAnEndInOrder) {
  start();
  EXPECT_EQ(say("a"), "1:a");
  end(true);
  store_.crash();  // the machine goes down later: all was synced
  config_.boot = "two";
  start();
  EXPECT_EQ(newest(), (Position{kEpoch, Offset{1}}));
}

TEST_F(UnsyncedTail, IsWholeAfterAKillInTheSameBoot) {
  start();
  say("a");
  end();
  start();
  EXPECT_EQ(newest(), (Position{kEpoch, Offset{1}}));
}

TEST_F(UnsyncedTail, MayBeLostAfterAnotherBootAndWhereTheBootIsNotKnown) {
  for (const auto& boot : {"two", "", ""}) {
    start();
    say("a");
    const auto before = newest();
    end();
    config_.boot = boot;
    start();
    EXPECT_NE(newest().epoch, before.epoch) << boot;
  }
}

TEST_F(UnsyncedTail, MayBeLostAfterARecoveryOfTheDisk) {
  start();
  EXPECT_EQ(say("a"), "1:a");
  const auto before = newest();
  store_.fail_write(1);
  EXPECT_EQ(say("b"), "refused:storage_unavailable");
  while (!shards_->available()) std::this_thread::yield();
  EXPECT_NE(newest().epoch, before.epoch);
  EXPECT_EQ(say("c"), "2:c");
  EXPECT_EQ(metrics_.histories_renewed.value(), 1);
}

// The path that a living process took into its own check: the whole channel lost under an actor that knew its epoch.
TEST_F(UnsyncedTail, ThatIsLostAsAWholeBeginsAgainAlsoForAnOldLog) {
  start();
  say("a");
  store_.crash();
  store_.fail_write(1);
  say("b");
  while (!shards_->available()) std::this_thread::yield();
  auto blind = append("c");
  std::get<AppendPublication>(blind.what).epoch_if_new = {};
  std::vector<Command> commands;
  commands.push_back(std::move(blind));
  shards_->propose(shard_of(kRoom, 4), 77, std::move(commands), storage::Sync::yes);
  EXPECT_EQ(listener_->wait_for(77), "1:c");
  start();  // and its replay
  EXPECT_EQ(newest().offset.value, 1u);
}

// Every length of a lost tail, again and again: no position ever has two publications.
TEST_F(UnsyncedTail, NeverGivesAPositionTwice) {
  std::map<Position, std::string> names;
  int said = 0;
  for (int round = 0; round < 40; ++round) {
    config_.boot = std::to_string(round);
    start();
    for (int i = 0; i < 1 + round % 5; ++i) {
      const auto data = std::to_string(++said);
      fresh_.value += 2;
      say(data);
      const auto [place, fresh] = names.try_emplace(newest(), data);
      ASSERT_TRUE(fresh) << position_text(newest()) << " is " << place->second << " and " << data;
    }
    end();
    store_.crash(static_cast<std::size_t>(round) % 4);
  }
}

}  // namespace
}  // namespace parley::cluster

// A data directory of an earlier release: what its log has and its state has not is applied, the replica is founded
// behind it, and the log is gone.
#include "cluster/former_log.h"

#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "schemas/replica.h"
#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

namespace keys = storage::keys;
using storage::Family;
using testing::FaultyStore;

class FormerRelease : public ::testing::Test {
 protected:
  FormerRelease() {
    config_.shard_count = 2;
    config_.boot = "this one";
    storage::WriteBatch batch;
    batch.put(Family::state, keys::shard_count(), keys::number(2));
    EXPECT_TRUE(store_.write(batch, storage::Sync::yes).ok());
  }
  [[nodiscard]] ShardId shard() const { return shard_of(kRoom, 2); }
  // A log of entries `from` to `to`, of which the first `applied` are applied.
  void write_log(std::uint64_t from, std::uint64_t to, std::uint64_t applied) {
    ShardMachine machine(shard(), {}, store_);
    ASSERT_TRUE(machine.load().ok());
    storage::WriteBatch batch;
    for (std::uint64_t i = 1; i <= to; ++i) {
      const auto command = append(std::to_string(i), {static_cast<std::int64_t>(i)});
      if (i <= applied) { ASSERT_TRUE(machine.apply(LogIndex{i}, {command}).ok()); }
      if (i < from) continue;
      batch.put(Family::log, keys::log_entry(shard(), LogIndex{i}),
                schemas::frame_log_entry({shard(), Term{3}, LogIndex{i}}, schemas::encode_entry({1}, {command})));
    }
    machine.take_writes(batch);
    batch.put(Family::log, keys::log_head(shard()),
              schemas::encode_log_head({Term{3}, LogIndex{from - 1}, Term{from == 1 ? 0U : 3U}}));
    ASSERT_TRUE(store_.write(batch, storage::Sync::yes).ok());
  }
  Status start() {
    shards_.reset();
    listener_ = std::make_unique<Recorder>();
    auto local = std::make_shared<LocalShards>(store_, clock_, metrics_, config_, *listener_);
    if (const auto started = local->start(); !started) return started;
    local->begin_leading();
    shards_ = local;
    return {};
  }
  std::string say(const std::string& data) {
    shards_->propose(shard(), ++token_, {append(data)}, storage::Sync::yes);
    return listener_->wait_for(token_);
  }
  [[nodiscard]] bool has_former() {
    for (const auto& [key, value] : content(store_, Family::log)) {
      if (keys::log_index(key) || key == keys::log_head(shard())) return true;
    }
    return false;
  }

  FaultyStore store_;
  ManualClock clock_;
  Metrics metrics_;
  LocalShardsConfig config_;
  std::unique_ptr<Recorder> listener_;
  std::shared_ptr<LocalShards> shards_;
  EntryToken token_ = 0;
};

TEST_F(FormerRelease, WhatItsLogHasIsThereAndGoesOnInALaterTerm) {
  for (const auto& [from, to, applied] : {std::tuple{1, 5, 2}, {4, 5, 3}, {4, 5, 5}, {6, 5, 5}, {1, 1, 0}}) {
    SCOPED_TRACE(fmt::format("entries {} to {}, applied to {}", from, to, applied));
    shards_.reset();
    storage::WriteBatch wipe;
    for (const auto family : {Family::log, Family::history, Family::state}) {
      wipe.remove_range(family, "", keys::of_shard(ShardId{2}).from);
    }
    ASSERT_TRUE(store_.write(wipe, storage::Sync::yes).ok());
    write_log(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(to), static_cast<std::uint64_t>(applied));
    for (int life = 1; life <= 2; ++life) {
      const auto started = start();
      ASSERT_TRUE(started.ok()) << started.error().message;
      EXPECT_FALSE(has_former());
      EXPECT_EQ(say("more"), fmt::format("{}:more", to + life));
      for (const auto& [led, term] : listener_->leading()) {
        if (led == shard()) { EXPECT_EQ(term.value, 3U + static_cast<unsigned>(life)); }
      }
    }
    EXPECT_EQ(read(*shards_, {.channel = kRoom})->publications.size(), static_cast<std::size_t>(to) + 2);
  }
}

// Every write of the first start fails, or is all that a crash leaves: the next start has everything.
TEST_F(FormerRelease, AStartThatEndsAnywhereIsBegunAgain) {
  bool failed = true;
  for (std::size_t nth = 1; failed; ++nth) {
    ASSERT_LT(nth, 50U);
    SCOPED_TRACE(nth);
    shards_.reset();
    storage::WriteBatch wipe;
    for (const auto family : {Family::log, Family::history, Family::state}) {
      wipe.remove_range(family, "", keys::of_shard(ShardId{2}).from);
    }
    ASSERT_TRUE(store_.write(wipe, storage::Sync::yes).ok());
    write_log(2, 9, 4);
    store_.fail_write(nth, nth % 2 == 0 ? FaultyStore::Failure::nothing_written : FaultyStore::Failure::all_written);
    failed = !start().ok();
    shards_.reset();
    store_.crash();
    ASSERT_TRUE(store_.recover().ok());
    const auto again = start();
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(say("more"), "10:more");
    EXPECT_FALSE(has_former());
  }
}

TEST_F(FormerRelease, ADamagedLogIsRefusedByName) {
  write_log(1, 5, 2);
  storage::WriteBatch damage;
  damage.put(Family::log, keys::log_entry(shard(), LogIndex{4}), "rubbish");
  ASSERT_TRUE(store_.write(damage, storage::Sync::yes).ok());
  EXPECT_EQ(start().error().code, Errc::corrupt);
  damage.clear();
  damage.remove(Family::log, keys::log_entry(shard(), LogIndex{4}));
  ASSERT_TRUE(store_.write(damage, storage::Sync::yes).ok());
  EXPECT_EQ(start().error().message, fmt::format("log entry 4 of shard {} is missing", shard().value));
  damage.clear();
  damage.put(Family::state, keys::applied(shard()), keys::number(9));
  ASSERT_TRUE(store_.write(damage, storage::Sync::yes).ok());
  EXPECT_EQ(start().error().message,
            fmt::format("shard {}: its state is at entry 9, its log has 1 to 5", shard().value));
}

}  // namespace
}  // namespace parley::cluster

// What a node gives of its shards: the moment, in parts, to whom it was offered, within its bounds.
#include "cluster/snapshots/snapshot_source.h"
#include "storage/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/unit/cluster/snapshots/shard.h"

#include <gtest/gtest.h>

#include <optional>

namespace parley::cluster::snapshots {
namespace {

using namespace testing;
using Kind = SnapshotAsk::Kind;

class SnapshotSourceTest : public ::testing::Test {
 protected:
  SnapshotSourceTest() {
    put_own(store_, kShard, LogIndex{40}, "the source");
    WriteBatch batch;
    for (const auto* key : {"a/1", "b/1", "c/1"}) batch.put(Family::history, key_of(kShard, key), key);
    batch.put(Family::state, key_of(kShard, "ma/1"), "meta");
    batch.put(Family::state, key_of(kShard, "ub/1"), "user");
    for (const auto shard : {ShardId{2}, ShardId{4}}) {
      batch.put(Family::history, key_of(shard, "x/1"), "another shard's");
      batch.put(Family::state, key_of(shard, "mx/1"), "another shard's");
    }
    write(store_, batch);
  }

  SnapshotOffer offered(ReplicaId to = kTarget, LogIndex applied = LogIndex{40}) {
    const auto offer = source_->offer(kShard, kSource, to, applied, now_);
    EXPECT_TRUE(offer.ok());
    return schemas::decode_snapshot_offer(*offer).value();
  }
  SnapshotAsk asked(const SnapshotOffer& offer, SnapshotCursor cursor = {}, ReplicaId by = kTarget) {
    return {kShard, offer.id, by, kSource, Kind::part, std::move(cursor)};
  }
  std::vector<SnapshotPart> answers(const SnapshotAsk& ask) {
    now_ += seconds(1);
    source_->ask(ask, now_);
    return source_->take(now_);
  }
  SnapshotPart answer(const SnapshotAsk& ask) {
    auto parts = answers(ask);
    EXPECT_EQ(parts.size(), 1U);
    return parts.empty() ? SnapshotPart{} : parts.front();
  }
  // All of it, part by part.
  Rows all(const SnapshotOffer& offer) {
    Rows rows;
    Checksum sum;
    SnapshotCursor cursor;
    for (int parts = 0; parts < 10'000; ++parts) {
      const auto part = answer(asked(offer, cursor));
      EXPECT_EQ(part.cursor, cursor);
      EXPECT_EQ(part.checksum, checksum_of(part));
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < part.rows.size(); ++i) {
        const auto& row = part.rows[i];
        const auto offset = i == 0 ? cursor.offset : 0;
        bytes += row.key.size() + row.value.size() + kSnapshotRowBytes;
        sum.add(row, offset);
        auto& value = rows[{family_of(row.family), row.key}];
        EXPECT_EQ(value.size(), offset);
        value += row.value;
      }
      EXPECT_LE(bytes, config_.part_bytes_max);
      if (part.last) {
        EXPECT_EQ(part.whole, sum.value());
        return rows;
      }
      EXPECT_FALSE(part.rows.empty());
      cursor = after(part);
    }
    ADD_FAILURE() << "it does not end";
    return rows;
  }

  storage::MemoryStore store_;
  SeededRandom random_{3};
  SnapshotSourceConfig config_{};
  std::optional<SnapshotSource> source_{std::in_place, config_, store_, random_};
  MonoTime now_{seconds(100)};
};

TEST_F(SnapshotSourceTest, GivesTheShardsStateAndNothingElse) {
  const auto offer = offered();
  EXPECT_EQ(offer.format, storage::kSchemaVersion);
  const auto part = answer(asked(offer));
  EXPECT_TRUE(part.last);
  std::vector<std::string> keys;
  for (const auto& row : part.rows) keys.push_back(row.key.substr(2));
  EXPECT_EQ(keys, (std::vector<std::string>{"a/1", "b/1", "c/1", "ma/1", "ub/1"}));
  EXPECT_EQ(part.from, kSource);
  EXPECT_EQ(part.to, kTarget);
  EXPECT_EQ(all(offer), state_of(store_));
}

TEST_F(SnapshotSourceTest, GivesTheMomentOfTheOffer) {
  const auto then = state_of(store_);
  const auto offer = offered();
  WriteBatch batch;
  batch.remove(Family::history, key_of(kShard, "a/1"));
  batch.put(Family::history, key_of(kShard, "b/1"), "changed");
  batch.put(Family::state, key_of(kShard, "zz/1"), "new");
  batch.put(Family::state, keys::applied(kShard), keys::number(41));
  write(store_, batch);
  EXPECT_EQ(all(offer), then);
}

TEST_F(SnapshotSourceTest, CutsPartsAndRowsAndGivesTheSameAgain) {
  config_.part_bytes_max = 1'000;
  source_.emplace(config_, store_, random_);
  SeededRandom dice(8);
  WriteBatch batch;
  for (int i = 0; i < 60; ++i) {
    batch.put(i % 2 == 0 ? Family::history : Family::state, key_of(kShard, fmt::format("m{:03}", i)),
              noise(dice, dice.below(300)));
  }
  // Around what one part holds, and far above.
  for (const std::size_t size : {0, 1, 925, 926, 927, 928, 929, 930, 931, 932, 933, 1'000, 1'900, 10'000}) {
    batch.put(Family::history, key_of(kShard, fmt::format("large{}", size)), noise(dice, size));
  }
  write(store_, batch);
  const auto offer = offered();
  EXPECT_EQ(all(offer), state_of(store_));
  SnapshotCursor cursor;
  for (bool last = false; !last;) {
    const auto part = answer(asked(offer, cursor));
    EXPECT_EQ(answer(asked(offer, cursor)), part);
    last = part.last;
    cursor = after(part);
  }
  EXPECT_EQ(all(offer), state_of(store_)) << "from the beginning, as after a crash of the receiver";
}

TEST_F(SnapshotSourceTest, IsOnlyForWhomItWasOfferedAndUntilItEnds) {
  const auto offer = offered();
  EXPECT_TRUE(answer(asked(offer, {}, ReplicaId{23})).gone);
  auto other = asked(offer);
  other.id ^= 1U;
  EXPECT_TRUE(answer(other).gone);
  other = asked(offer);
  other.to = ReplicaId{12};
  EXPECT_TRUE(answer(other).gone);
  other = asked(offer);
  other.shard = ShardId{4};
  EXPECT_TRUE(answer(other).gone);
  other.shard = ShardId{0xFFFF};
  const auto gone = answer(other);
  EXPECT_TRUE(gone.gone);
  EXPECT_EQ(gone.checksum, checksum_of(gone));
  EXPECT_TRUE(source_->take_reports().empty());
  EXPECT_FALSE(answer(asked(offer)).gone);
  auto end = asked(offer);
  end.kind = Kind::arrived;
  EXPECT_TRUE(answers(end).empty());
  EXPECT_EQ(source_->take_reports(), (std::vector<SnapshotSource::Report>{{kShard, kTarget, true}}));
  EXPECT_TRUE(answer(asked(offer)).gone);
  EXPECT_EQ(source_->exports(), 0U);
}

TEST_F(SnapshotSourceTest, TheLogIsNeededWhileItIsCopiedAndAMomentAfterwards) {
  EXPECT_EQ(source_->log_needed(kShard, now_), std::nullopt);
  auto end = asked(offered());
  EXPECT_EQ(source_->log_needed(kShard, now_), LogIndex{40});
  EXPECT_EQ(source_->log_needed(ShardId{4}, now_), std::nullopt);
  WriteBatch batch;
  batch.put(Family::state, keys::applied(kShard), keys::number(41));
  write(store_, batch);
  auto other = asked(offered(ReplicaId{23}, LogIndex{41}), {}, ReplicaId{23});
  EXPECT_EQ(source_->log_needed(kShard, now_), LogIndex{40});
  end.kind = Kind::arrived;
  EXPECT_TRUE(answers(end).empty());
  EXPECT_EQ(source_->log_needed(kShard, now_), LogIndex{40});
  now_ += config_.catch_up;
  EXPECT_EQ(source_->log_needed(kShard, now_), LogIndex{41});
  other.kind = Kind::given_up;
  EXPECT_TRUE(answers(other).empty());
  EXPECT_EQ(source_->log_needed(kShard, now_), std::nullopt);
}

TEST_F(SnapshotSourceTest, WhatWasGivenUpIsReportedAsThat) {
  auto end = asked(offered());
  end.kind = Kind::given_up;
  EXPECT_TRUE(answers(end).empty());
  EXPECT_EQ(source_->take_reports(), (std::vector<SnapshotSource::Report>{{kShard, kTarget, false}}));
  EXPECT_TRUE(answers(end).empty());
  EXPECT_TRUE(source_->take_reports().empty()) << "once";
}

TEST_F(SnapshotSourceTest, OffersTheSameAgainForTheSameIndexAndOtherwiseAnew) {
  const auto first = offered();
  EXPECT_EQ(offered(), first);
  WriteBatch batch;
  batch.put(Family::state, keys::applied(kShard), keys::number(41));
  write(store_, batch);
  const auto second = offered(kTarget, LogIndex{41});
  EXPECT_NE(second.id, first.id);
  EXPECT_TRUE(answer(asked(first)).gone);
  EXPECT_FALSE(answer(asked(second)).gone);
  EXPECT_EQ(source_->exports(), 1U);
  EXPECT_EQ(source_->take_reports(), (std::vector<SnapshotSource::Report>{{kShard, kTarget, true}}))
      << "of the second: who asked for another one has forgotten the one before";
}

TEST_F(SnapshotSourceTest, OffersNothingThatIsNotTheStateOfItsIndex) {
  EXPECT_EQ(source_->offer(kShard, kSource, kTarget, LogIndex{41}, now_).error().code, Errc::overloaded);
  EXPECT_EQ(source_->offer(kShard, kSource, kTarget, LogIndex{39}, now_).error().code, Errc::overloaded);
  EXPECT_EQ(source_->offer(ShardId{4}, kSource, kTarget, LogIndex{40}, now_).error().code, Errc::overloaded);
  WriteBatch batch;
  batch.put(Family::state, keys::restoring(kShard), "x");
  write(store_, batch);
  EXPECT_EQ(source_->offer(kShard, kSource, kTarget, LogIndex{40}, now_).error().code, Errc::overloaded);
  EXPECT_EQ(source_->exports(), 0U);
}

TEST_F(SnapshotSourceTest, IsBoundedInNumberAndTime) {
  for (std::uint64_t to = 0; to < config_.exports_max; ++to) offered(ReplicaId{100 + to});
  EXPECT_EQ(source_->offer(kShard, kSource, kTarget, LogIndex{40}, now_).error().code, Errc::overloaded);
  const auto begun = now_;
  const auto offer = offered(ReplicaId{100});
  while (now_ - begun < config_.idle_max) answer(asked(offer, {}, ReplicaId{100}));
  EXPECT_LE(source_->next(), begun + config_.idle_max + milliseconds(1));
  (void)source_->take(now_ + milliseconds(1));
  EXPECT_EQ(source_->exports(), 1U) << "those that nobody asked for have ended";
  const auto reports = source_->take_reports();
  ASSERT_EQ(reports.size(), config_.exports_max);
  EXPECT_EQ(reports[0], (SnapshotSource::Report{kShard, ReplicaId{100}, true}));
  for (std::size_t i = 1; i < reports.size(); ++i) EXPECT_FALSE(reports[i].arrived);
  now_ += config_.idle_max + milliseconds(1);
  EXPECT_TRUE(answer(asked(offer, {}, ReplicaId{100})).gone) << "and so does the one that comes too late";
  EXPECT_TRUE(source_->take_reports().empty()) << "of whom all was given, that was reported";
}

TEST_F(SnapshotSourceTest, EndsAfterItsTimeHoweverOftenItIsAsked) {
  const auto offer = offered();
  const auto begun = now_;
  while (now_ - begun < config_.lifetime_max) EXPECT_FALSE(answer(asked(offer)).gone);
  EXPECT_TRUE(answer(asked(offer)).gone);
}

TEST_F(SnapshotSourceTest, DropsWhatMakesNoSenseAndGoesOn) {
  const auto offer = offered();
  const auto last = key_of(kShard, "ub/1");
  EXPECT_TRUE(answers(asked(offer, {SnapshotFamily::history, key_of(kShard, "b/1"), 0})).empty())
      << "nobody has what is before it";
  EXPECT_TRUE(answer(asked(offer)).last);
  EXPECT_TRUE(answers(asked(offer, {SnapshotFamily::state, key_of(kShard, "zz"), 0})).empty());
  EXPECT_TRUE(answers(asked(offer, {SnapshotFamily::state, last, 4})).empty()) << "behind its value";
  EXPECT_TRUE(answers(asked(offer, {SnapshotFamily::state, last + "x", 1})).empty()) << "no such row";
  EXPECT_EQ(answer(asked(offer, {SnapshotFamily::state, last, 3})).rows.at(0).value, "r");
  EXPECT_TRUE(answer(asked(offer)).last);
  EXPECT_EQ(source_->take_reports(), (std::vector<SnapshotSource::Report>{{kShard, kTarget, true}}));
}

TEST_F(SnapshotSourceTest, GivesNoMoreThanItsShareASecond) {
  config_.part_bytes_max = 10'000;
  config_.bytes_per_second = 100'000;
  source_.emplace(config_, store_, random_);
  SeededRandom dice(8);
  WriteBatch batch;
  for (int i = 0; i < 300; ++i)
    batch.put(Family::history, key_of(kShard, fmt::format("m{:03}", i)), noise(dice, 1'000));
  write(store_, batch);
  std::array<SnapshotOffer, 2> offers{offered(), offered(ReplicaId{23})};
  std::array<SnapshotCursor, 2> cursors;
  std::array<std::size_t, 2> bytes{};
  const auto begun = now_;
  for (std::size_t i = 0; i < 2; ++i) source_->ask(asked(offers[i], {}, i == 0 ? kTarget : ReplicaId{23}), now_);
  while (now_ - begun < seconds(2)) {
    for (const auto& part : source_->take(now_)) {
      const auto i = part.to == kTarget ? 0U : 1U;
      for (const auto& row : part.rows) bytes[i] += row.key.size() + row.value.size() + kSnapshotRowBytes;
      cursors[i] = after(part);
      source_->ask(asked(offers[i], cursors[i], part.to), now_);
    }
    EXPECT_TRUE(source_->take(now_).empty()) << "what waits, waits for the next moment";
    now_ = std::max(source_->next(), now_ + std::chrono::microseconds(1));
  }
  EXPECT_GT(bytes[0] + bytes[1], 190'000U) << "of what it may it gives nearly all";
  EXPECT_LT(bytes[0] + bytes[1], 230'000U);
  EXPECT_LT(bytes[0], 125'000U) << "to both";
  EXPECT_LT(bytes[1], 125'000U);
}

TEST(SnapshotSourceView, ThatEndedWithItsStoreIsGone) {
  parley::testing::FaultyStore store;
  put_own(store, kShard, LogIndex{40}, "the source");
  SeededRandom random(3);
  SnapshotSource source({}, store, random);
  const auto offer = source.offer(kShard, kSource, kTarget, LogIndex{40}, MonoTime{});
  ASSERT_TRUE(offer.ok());
  const auto id = schemas::decode_snapshot_offer(*offer)->id;
  ASSERT_TRUE(store.recover().ok());
  source.ask({kShard, id, kTarget, kSource, Kind::part, {}}, MonoTime{seconds(1)});
  const auto parts = source.take(MonoTime{seconds(1)});
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_TRUE(parts[0].gone);
  EXPECT_EQ(parts[0].to, kTarget);
  EXPECT_EQ(source.take_reports(), (std::vector<SnapshotSource::Report>{{kShard, kTarget, false}}));
  store.fail_reads(true);
  EXPECT_EQ(source.offer(kShard, kSource, kTarget, LogIndex{40}, MonoTime{}).error().code, Errc::storage_unavailable);
}

TEST_F(SnapshotSourceTest, OfAClosedReplicaNothingIsLeftNorTold) {
  const auto offer = offered();
  source_->ask(asked(offer), now_);
  source_->drop(kShard);
  EXPECT_TRUE(source_->take(now_).empty());
  EXPECT_TRUE(source_->take_reports().empty());
  EXPECT_EQ(source_->exports(), 0U);
  EXPECT_TRUE(answer(asked(offer)).gone);
}

}  // namespace
}  // namespace parley::cluster::snapshots

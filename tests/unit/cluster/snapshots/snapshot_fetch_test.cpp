// What a replica makes of a snapshot and of parts: what it writes, what it asks, what it refuses.
#include "cluster/snapshots/snapshot_fetch.h"
#include "storage/memory_store.h"
#include "tests/unit/cluster/snapshots/shard.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

namespace parley::cluster::snapshots {
namespace {

using namespace testing;
using Kind = SnapshotAsk::Kind;

class SnapshotFetchTest : public ::testing::Test {
 protected:
  SnapshotFetchTest() {
    put_own(store_, kShard, LogIndex{7}, "the target");
    put_own(store_, ShardId{4}, LogIndex{9}, "another shard");
    WriteBatch batch;
    batch.put(Family::history, key_of(kShard, "old/1"), "old");
    batch.put(Family::state, key_of(kShard, "c"), "old");
    batch.put(Family::state, key_of(kShard, "mold/1"), "old");
    batch.put(Family::state, key_of(kShard, "z"), "old");
    batch.put(Family::history, key_of(ShardId{4}, "x/1"), "another shard's");
    batch.put(Family::state, key_of(ShardId{2}, "x/1"), "another shard's");
    write(store_, batch);
  }

  static std::string offer(std::uint64_t id = 77, std::uint64_t bytes = 1'000,
                           std::uint32_t format = storage::kSchemaVersion) {
    return schemas::encode_snapshot_offer({id, bytes, format});
  }
  // What it begins with is written.
  Status begin(const RaftMessage& message) {
    WriteBatch batch;
    const auto begun = fetch_->begin(kShard, message, now_, batch);
    written_ = !batch.empty();
    write(store_, batch);
    return begun;
  }
  Status take(const SnapshotPart& part) {
    WriteBatch batch;
    const auto taken = fetch_->part(part, now_, batch);
    written_ = !batch.empty();
    write(store_, batch);
    return taken;
  }
  void load() {
    fetch_.emplace(config_, store_);
    ASSERT_TRUE(fetch_->load(kShard, now_).ok());
  }
  std::optional<SnapshotAsk> asked() {
    auto asks = fetch_->take_asks(now_);
    EXPECT_LE(asks.size(), 1U);
    return asks.empty() ? std::nullopt : std::optional(asks.front());
  }
  SnapshotPart part_at(SnapshotCursor cursor, std::vector<SnapshotRow> rows, std::optional<std::uint64_t> whole = {}) {
    SnapshotPart part{.shard = kShard, .id = 77, .from = kSource, .to = kTarget, .last = whole.has_value()};
    part.cursor = std::move(cursor);
    part.rows = std::move(rows);
    part.whole = whole.value_or(0);
    part.checksum = checksum_of(part);
    return part;
  }
  static SnapshotRow row(SnapshotFamily family, std::string_view rest, std::string value, bool goes_on = false) {
    return {family, key_of(kShard, rest), std::move(value), goes_on};
  }
  static std::uint64_t sum(const std::vector<SnapshotRow>& rows) {
    Checksum sum;
    for (const auto& one : rows) sum.add(one, 0);
    return sum.value();
  }
  // The new state, in one part.
  std::vector<SnapshotRow> small_state() {
    return {row(SnapshotFamily::history, "new/1", "n1"), row(SnapshotFamily::state, "mnew/1", "m1")};
  }
  void complete() {
    ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
    ASSERT_TRUE(take(part_at({}, small_state(), sum(small_state()))).ok());
  }
  std::string get(std::string_view rest, Family family = Family::state) {
    return store_.get(family, key_of(kShard, rest)).value().value_or("nothing");
  }
  bool marked() { return store_.get(Family::state, keys::restoring(kShard)).value().has_value(); }

  storage::MemoryStore store_;
  SnapshotFetchConfig config_{};
  std::optional<SnapshotFetch> fetch_{std::in_place, config_, store_};
  MonoTime now_{seconds(100)};
  bool written_ = false;
  static constexpr auto kHistory = SnapshotFamily::history;
  static constexpr auto kState = SnapshotFamily::state;
};

// ---- beginning ----

TEST_F(SnapshotFetchTest, RemovesTheShardsRowsButNotTheReplicasOwn) {
  const auto before = others(store_);
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  EXPECT_TRUE(fetch_->restoring(kShard));
  EXPECT_FALSE(fetch_->restoring(ShardId{4}));
  EXPECT_EQ(state_of(store_), Rows{});
  EXPECT_EQ(others(store_), before);
  EXPECT_EQ(store_.get(Family::state, keys::applied(kShard)).value(), keys::number(7));
  EXPECT_TRUE(marked());
  const auto ask = asked();
  ASSERT_TRUE(ask.has_value());
  EXPECT_EQ(*ask, (SnapshotAsk{kShard, 77, kTarget, kSource, Kind::part, {}}));
}

TEST_F(SnapshotFetchTest, RefusesWhatIsNoOfferOfOursAndLeavesTheStateAlone) {
  const auto before = rows_of(store_, kShard);
  const auto refused = [&](const RaftMessage& message) {
    const auto begun = begin(message);
    EXPECT_FALSE(begun.ok());
    EXPECT_FALSE(written_);
    EXPECT_FALSE(fetch_->restoring(kShard));
    EXPECT_EQ(rows_of(store_, kShard), before);
    return begun.ok() ? Errc::internal : begun.error().code;
  };
  const auto good = message_with(offer(), LogIndex{50});
  auto message = good;
  message.kind = RaftKind::append;
  EXPECT_EQ(refused(message), Errc::bad_request);
  message = good;
  message.snapshot.reset();
  EXPECT_EQ(refused(message), Errc::bad_request);
  message = good;
  message.from = {};
  EXPECT_EQ(refused(message), Errc::bad_request);
  message = good;
  message.snapshot->index = {};
  EXPECT_EQ(refused(message), Errc::bad_request);
  EXPECT_EQ(refused(message_with("", LogIndex{50})), Errc::corrupt);
  EXPECT_EQ(refused(message_with("nonsense of some length", LogIndex{50})), Errc::corrupt);
  EXPECT_TRUE(fetch_->take_asks(now_).empty()) << "there is nobody to tell";
  message = good;
  message.snapshot->membership.voters = {kSource};
  EXPECT_EQ(refused(message), Errc::corrupt);
  EXPECT_EQ(asked()->kind, Kind::given_up);
  EXPECT_EQ(refused(message_with(offer(77, 1, storage::kSchemaVersion + 1), LogIndex{50})), Errc::newer_schema);
  EXPECT_EQ(asked()->kind, Kind::given_up);
  EXPECT_EQ(refused(message_with(offer(77, 1, 0), LogIndex{50})), Errc::corrupt);
  EXPECT_EQ(asked()->kind, Kind::given_up);
  EXPECT_EQ(refused(message_with(offer(77, config_.bytes_max + 1), LogIndex{50})), Errc::too_large);
  EXPECT_EQ(asked()->kind, Kind::given_up);
  WriteBatch batch;
  EXPECT_EQ(fetch_->begin(ShardId{0xFFFF}, good, now_, batch).error().code, Errc::bad_request);
}

TEST_F(SnapshotFetchTest, TellsTheSourceOfOneThatItPutsOffAndTouchesNothing) {
  EXPECT_EQ(fetch_->under_way(), 0U);
  fetch_->put_off(kShard, message_with(offer(77), LogIndex{50}));
  const auto told = asked();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->id, 77U);
  EXPECT_EQ(told->kind, Kind::given_up);
  EXPECT_FALSE(fetch_->restoring(kShard));
  EXPECT_EQ(get("c"), "old");
  ASSERT_TRUE(begin(message_with(offer(77), LogIndex{50})).ok());
  EXPECT_EQ(fetch_->under_way(), 1U);
}

TEST_F(SnapshotFetchTest, GoesOnWithWhatItHasUnlessANewerOneComes) {
  ASSERT_TRUE(begin(message_with(offer(77), LogIndex{50}, Term{5})).ok());
  (void)asked();
  ASSERT_TRUE(take(part_at({}, {row(kHistory, "new/1", "n1")})).ok());
  const auto where = *asked();
  EXPECT_TRUE(begin(message_with(offer(77), LogIndex{50}, Term{5})).ok());
  EXPECT_FALSE(written_) << "the same, twice";
  EXPECT_TRUE(begin(message_with(offer(78), LogIndex{49}, Term{5})).ok());
  EXPECT_FALSE(written_) << "an older one";
  EXPECT_EQ(asked()->id, 78U) << "whose source hears of it";
  EXPECT_TRUE(begin(message_with(offer(78), LogIndex{60}, Term{4})).ok());
  EXPECT_FALSE(written_) << "one of an earlier term";
  EXPECT_EQ(asked()->kind, Kind::given_up);
  EXPECT_EQ(get("new/1", Family::history), "n1");

  EXPECT_TRUE(begin(message_with(offer(79), LogIndex{51}, Term{5})).ok());
  EXPECT_TRUE(written_);
  EXPECT_EQ(get("new/1", Family::history), "nothing");
  auto asks = fetch_->take_asks(now_);
  ASSERT_EQ(asks.size(), 2U);
  EXPECT_EQ(asks[0].id, 77U);
  EXPECT_EQ(asks[0].kind, Kind::given_up);
  EXPECT_EQ(asks[1].id, 79U);
  EXPECT_EQ(asks[1].cursor, SnapshotCursor{});
  EXPECT_TRUE(begin(message_with(offer(77), LogIndex{51}, Term{5})).ok());
  EXPECT_FALSE(written_) << "the one before, late";
  EXPECT_EQ(take(part_at(where.cursor, {row(kHistory, "new/2", "n2")})).error().code, Errc::not_found);
}

TEST_F(SnapshotFetchTest, WhatTheGroupDoesNotNeedIsToldToItsSource) {
  fetch_->not_needed(kShard, message_with(offer(80), LogIndex{5}));
  EXPECT_EQ(*asked(), (SnapshotAsk{kShard, 80, kTarget, kSource, Kind::arrived, {}}));
  fetch_->not_needed(kShard, message_with("nonsense", LogIndex{5}));
  EXPECT_EQ(asked(), std::nullopt);
}

// ---- parts ----

TEST_F(SnapshotFetchTest, WritesEachPartWithHowFarItIs) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  (void)asked();
  ASSERT_TRUE(take(part_at({}, {row(kHistory, "a/1", "1"), row(kHistory, "b/1", "22")})).ok());
  EXPECT_EQ(get("b/1", Family::history), "22");
  const auto next = asked();
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->cursor, (SnapshotCursor{kHistory, key_of(kShard, std::string_view("b/1\0", 4)), 0}));
  const auto stored = schemas::decode_restore(*store_.get(Family::state, keys::restoring(kShard)).value()).value();
  EXPECT_EQ(stored.cursor, next->cursor);
  EXPECT_EQ(stored.bytes, 5U + 1 + 5 + 2);
  EXPECT_EQ(fetch_->progress(kShard)->bytes, stored.bytes);
  EXPECT_EQ(fetch_->progress(kShard)->bytes_about, 1'000U);
  EXPECT_FALSE(stored.complete);
  load();
  EXPECT_TRUE(fetch_->restoring(kShard));
  EXPECT_EQ(asked(), next);
}

TEST_F(SnapshotFetchTest, PutsARowTogetherThatComesInPiecesAndAfterACrashBeginsItAnew) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  const std::vector<SnapshotRow> state{row(kHistory, "a/1", "1"), row(kState, "large", "abcdefg"),
                                       row(kState, "m/1", "2")};
  (void)asked();
  ASSERT_TRUE(take(part_at({}, {state[0], row(kState, "large", "abc", true)})).ok());
  const auto begun = *asked();
  EXPECT_EQ(begun.cursor, (SnapshotCursor{kState, key_of(kShard, "large"), 3}));
  EXPECT_EQ(get("large"), "nothing");
  ASSERT_TRUE(take(part_at(begun.cursor, {row(kState, "large", "de", true)})).ok());
  EXPECT_FALSE(written_);
  EXPECT_EQ(asked()->cursor.offset, 5U);

  load();
  const auto again = *asked();
  EXPECT_EQ(again.cursor, (SnapshotCursor{kHistory, key_of(kShard, std::string_view("a/1\0", 4)), 0}));
  ASSERT_TRUE(take(part_at(again.cursor, {row(kState, "large", "abcd", true)})).ok());
  const auto rest = *asked();
  ASSERT_TRUE(take(part_at(rest.cursor, {row(kState, "large", "efg"), state[2]}, sum(state))).ok());
  EXPECT_EQ(get("large"), "abcdefg");
  EXPECT_EQ(get("m/1"), "2");
  EXPECT_TRUE(fetch_->ready(kShard, {Term{5}, kSource, LogIndex{7}}).has_value());
}

TEST_F(SnapshotFetchTest, RefusesPartsThatNoSourceOfOursSays) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  (void)asked();
  ASSERT_TRUE(take(part_at({}, {row(kHistory, "b/1", "1"), row(kState, "large", "abc", true)})).ok());
  const auto cursor = asked()->cursor;  // three bytes into a row of `state`
  const auto before = rows_of(store_, kShard);
  const auto refused = [&](SnapshotPart part, bool sealed = true) {
    if (sealed) part.checksum = checksum_of(part);
    const auto taken = take(part);
    EXPECT_FALSE(taken.ok());
    EXPECT_FALSE(written_);
    EXPECT_EQ(rows_of(store_, kShard), before);
    EXPECT_FALSE(fetch_->stuck(kShard));
    return taken.ok() ? std::string() : taken.error().message.substr(taken.error().message.find("node: ") + 6);
  };
  const auto rest = row(kState, "large", "def");
  const auto good = part_at(cursor, {rest, row(kState, "m/1", "2")});
  const auto with = [&](const std::function<void(SnapshotPart&)>& change) {
    auto part = good;
    change(part);
    return part;
  };
  const std::string nobody = "a part that nobody asked for";
  EXPECT_EQ(refused(with([](auto& part) { part.shard = ShardId{4}; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.shard = ShardId{0xFFFF}; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.id = 78; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.from = ReplicaId{12}; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.to = ReplicaId{12}; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.cursor.offset = 2; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.cursor = {}; })), nobody);
  EXPECT_EQ(refused(with([](auto& part) { part.rows[0].value[1] ^= 1; }), false), "a part that is damaged");
  EXPECT_EQ(refused(with([](auto& part) { part.gone = true; }), false), "a part that is damaged");
  EXPECT_EQ(refused(with([](auto& part) { part.rows.clear(); })), "a part without rows");
  EXPECT_EQ(refused(with([](auto& part) {
              part.rows.clear();
              part.last = true;
            })),
            "the last part ends within a row");
  const std::string foreign = "a row that is none of the shard's state";
  for (const auto& key : {keys::applied(kShard), keys::membership(kShard), keys::restoring(kShard),
                          key_of(ShardId{4}, "m/1"), key_of(ShardId{2}, "z"), keys::schema_version(), std::string()}) {
    EXPECT_EQ(refused(with([&](auto& part) { part.rows[1].key = key; })), foreign) << key;
  }
  const std::string order = "rows that are not in their order";
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[1].key = rest.key; })), order);
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[1].key = key_of(kShard, "b"); })), order);
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[1].family = kHistory; })), order);
  const std::string earlier = "a row from before what was asked for";
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[0].key = key_of(kShard, "b"); })), earlier);
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[0].family = kHistory; })), earlier);
  EXPECT_EQ(refused(with([&](auto& part) { part.rows[0].key = key_of(kShard, "large2"); })),
            "another row than the one that goes on");
  const std::string cannot = "a row that goes on where none can";
  EXPECT_EQ(refused(with([](auto& part) { part.rows[0].goes_on = true; })), cannot);
  EXPECT_EQ(refused(with([](auto& part) { part.last = part.rows[1].goes_on = true; })), cannot);
  EXPECT_EQ(refused(part_at(cursor, {row(kState, "large", "", true)})), cannot) << "it would never end";
  EXPECT_TRUE(take(good).ok()) << "and then it goes on";
  EXPECT_EQ(get("large"), "abcdef");
}

TEST_F(SnapshotFetchTest, GivesUpWhenTheSumOfAllIsAnother) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  (void)asked();
  EXPECT_EQ(take(part_at({}, small_state(), sum(small_state()) + 1)).error().code, Errc::corrupt);
  EXPECT_FALSE(written_);
  EXPECT_TRUE(fetch_->stuck(kShard));
  EXPECT_TRUE(fetch_->restoring(kShard));
  EXPECT_EQ(fetch_->take_given_up().size(), 1U);
  EXPECT_EQ(asked()->kind, Kind::given_up);
  EXPECT_EQ(take(part_at({}, small_state(), sum(small_state()))).error().code, Errc::not_found);
  EXPECT_FALSE(fetch_->ready(kShard, {Term{5}, kSource, LogIndex{7}}).has_value());
  EXPECT_TRUE(begin(message_with(offer(78), LogIndex{50})).ok()) << "another one of the same index is taken";
  EXPECT_TRUE(written_);
  EXPECT_FALSE(fetch_->stuck(kShard));
}

TEST_F(SnapshotFetchTest, GivesUpWhatIsLargerThanItMayBe) {
  config_.row_bytes_max = 10;
  config_.bytes_max = 60;
  fetch_.emplace(config_, store_);
  ASSERT_TRUE(begin(message_with(offer(77, 1), LogIndex{50})).ok());
  (void)asked();
  ASSERT_TRUE(take(part_at({}, {row(kHistory, "a", "12345678", true)})).ok());
  EXPECT_EQ(take(part_at({kHistory, key_of(kShard, "a"), 8}, {row(kHistory, "a", "901", true)})).error().code,
            Errc::too_large);
  EXPECT_FALSE(written_);
  EXPECT_TRUE(fetch_->stuck(kShard));
  ASSERT_TRUE(begin(message_with(offer(78, 1), LogIndex{50})).ok());
  auto part = part_at({}, {});
  for (char key = 'a'; key < 'h'; ++key) part.rows.push_back(row(kHistory, std::string(1, key), "1234567"));
  part.id = 78;
  part.checksum = checksum_of(part);
  EXPECT_EQ(take(part).error().code, Errc::too_large);
  EXPECT_TRUE(fetch_->stuck(kShard));
}

// ---- time ----

TEST_F(SnapshotFetchTest, AsksAgainAndGivesUpAfterItsBound) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  const auto first = *asked();
  EXPECT_EQ(asked(), std::nullopt);
  EXPECT_EQ(fetch_->next(), now_ + config_.answer_within);
  for (std::uint32_t i = 1; i < config_.asks_max; ++i) {
    now_ += config_.answer_within;
    EXPECT_EQ(asked(), first);
    EXPECT_EQ(asked(), std::nullopt);
  }
  EXPECT_TRUE(fetch_->take_given_up().empty());
  now_ += config_.answer_within;
  EXPECT_EQ(asked()->kind, Kind::given_up);
  const auto given_up = fetch_->take_given_up();
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].shard, kShard);
  EXPECT_EQ(given_up[0].why.code, Errc::timeout);
  EXPECT_EQ(fetch_->next(), kNever);
  EXPECT_TRUE(fetch_->stuck(kShard));
  EXPECT_TRUE(marked());
}

TEST_F(SnapshotFetchTest, EveryPartThatComesGivesTheNextItsWholeTime) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  SnapshotCursor cursor;
  for (int i = 0; i < 30; ++i) {
    for (std::uint32_t tries = 0; tries < config_.asks_max; ++tries) {
      ASSERT_EQ(asked()->cursor, cursor);
      now_ += config_.answer_within;
    }
    const auto part = part_at(cursor, {row(kHistory, fmt::format("{:02}", i), "x")});
    ASSERT_TRUE(take(part).ok());
    cursor = after(part);
  }
}

TEST_F(SnapshotFetchTest, GivesUpWhenItIsGone) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  (void)asked();
  SnapshotPart gone{.shard = kShard, .id = 77, .from = kSource, .to = kTarget, .gone = true};
  gone.checksum = checksum_of(gone);
  EXPECT_TRUE(take(gone).ok());
  EXPECT_FALSE(written_);
  EXPECT_TRUE(fetch_->stuck(kShard));
  EXPECT_EQ(fetch_->take_given_up().at(0).why.code, Errc::not_found);
}

// ---- the end ----

TEST_F(SnapshotFetchTest, IsTakenOverInTheBatchOfTheNewAppliedIndex) {
  complete();
  EXPECT_EQ(asked()->kind, Kind::arrived);
  EXPECT_TRUE(fetch_->restoring(kShard)) << "until the group has it";
  const auto message = fetch_->ready(kShard, {Term{5}, kSource, LogIndex{7}});
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(*message, message_with(offer(), LogIndex{50}));
  WriteBatch batch;
  auto other = *message->snapshot;
  ++other.index.value;
  EXPECT_EQ(fetch_->restored(kShard, other, batch).error().code, Errc::corrupt);
  EXPECT_TRUE(batch.empty());
  ASSERT_TRUE(fetch_->restored(kShard, *message->snapshot, batch).ok());
  EXPECT_FALSE(fetch_->restoring(kShard));
  write(store_, batch);
  EXPECT_FALSE(marked());
  EXPECT_EQ(get("mnew/1"), "m1");
  EXPECT_EQ(state_of(store_).size(), 2U);
  EXPECT_EQ(fetch_->restored(kShard, *message->snapshot, batch).error().code, Errc::corrupt) << "once";
}

TEST_F(SnapshotFetchTest, NothingIsTakenOverBeforeAllIsHere) {
  const auto message = message_with(offer(), LogIndex{50});
  WriteBatch batch;
  EXPECT_FALSE(fetch_->restored(kShard, *message.snapshot, batch).ok());
  ASSERT_TRUE(begin(message).ok());
  EXPECT_FALSE(fetch_->restored(kShard, *message.snapshot, batch).ok());
  EXPECT_FALSE(fetch_->ready(kShard, {Term{5}, kSource, LogIndex{7}}).has_value());
  EXPECT_FALSE(fetch_->reached(kShard, LogIndex{50}, batch));
  EXPECT_TRUE(batch.empty());
}

TEST_F(SnapshotFetchTest, SpeaksInTheTermThatTheGroupIsInByThen) {
  complete();
  EXPECT_FALSE(fetch_->ready(kShard, {Term{6}, {}, LogIndex{7}}).has_value()) << "nobody leads";
  EXPECT_FALSE(fetch_->ready(kShard, {Term{6}, kTarget, LogIndex{7}}).has_value());
  const auto message = fetch_->ready(kShard, {Term{6}, ReplicaId{33}, LogIndex{7}});
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->term, Term{6});
  EXPECT_EQ(message->from, ReplicaId{33});
  EXPECT_EQ(message->snapshot->term, Term{5}) << "that of its entry";
}

TEST_F(SnapshotFetchTest, WhenAllIsHereANewerOneIsNotBegun) {
  complete();
  (void)asked();
  EXPECT_TRUE(begin(message_with(offer(79), LogIndex{60}, Term{6})).ok());
  EXPECT_FALSE(written_);
  EXPECT_EQ(*asked(), (SnapshotAsk{kShard, 79, kTarget, kSource, Kind::given_up, {}}));
}

TEST_F(SnapshotFetchTest, IsCompleteAfterACrashToo) {
  complete();
  load();
  EXPECT_EQ(asked(), std::nullopt);
  EXPECT_TRUE(fetch_->restoring(kShard));
  EXPECT_EQ(fetch_->ready(kShard, {Term{5}, kSource, LogIndex{7}}), message_with(offer(), LogIndex{50}));
}

TEST_F(SnapshotFetchTest, EntriesUpToTheStateAreNotAppliedAndThoseBehindItAre) {
  WriteBatch batch;
  EXPECT_TRUE(fetch_->applies(kShard, LogIndex{8}, batch)) << "nothing is restored";
  complete();
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{8}, batch));
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{49}, batch));
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{50}, batch)) << "the state has it";
  EXPECT_FALSE(fetch_->restoring(kShard)) << "and is what was applied";
  write(store_, batch);
  EXPECT_FALSE(marked());
  EXPECT_TRUE(fetch_->applies(kShard, LogIndex{51}, batch));
}

// The entry of the snapshot's index can be a change of the membership, of which the machine hears nothing.
TEST_F(SnapshotFetchTest, TheEntryBehindTheStateTakesTheMarkerAway) {
  complete();
  WriteBatch batch;
  EXPECT_TRUE(fetch_->applies(kShard, LogIndex{51}, batch));
  write(store_, batch);
  EXPECT_FALSE(marked());
}

TEST_F(SnapshotFetchTest, EntriesBeyondAStateThatIsNotHereYetMakeItUseless) {
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  WriteBatch batch;
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{50}, batch));
  EXPECT_FALSE(fetch_->stuck(kShard));
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{51}, batch));
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(fetch_->stuck(kShard));
  EXPECT_FALSE(fetch_->applies(kShard, LogIndex{52}, batch));
  EXPECT_EQ(fetch_->take_given_up().size(), 1U);
}

TEST_F(SnapshotFetchTest, WhereTheLogHasReachedItTheMarkerGoesWithoutARestore) {
  complete();
  WriteBatch batch;
  EXPECT_FALSE(fetch_->reached(kShard, LogIndex{49}, batch));
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(fetch_->reached(kShard, LogIndex{50}, batch));
  write(store_, batch);
  EXPECT_FALSE(marked());
  EXPECT_FALSE(fetch_->restoring(kShard));
}

TEST_F(SnapshotFetchTest, AStateBehindWhatWasAppliedIsGivenUp) {
  complete();
  EXPECT_FALSE(fetch_->ready(kShard, {Term{5}, kSource, LogIndex{51}}).has_value());
  EXPECT_TRUE(fetch_->stuck(kShard));
}

TEST_F(SnapshotFetchTest, AMarkerThatCannotBeReadAsksForAnotherState) {
  WriteBatch batch;
  batch.put(Family::state, keys::restoring(kShard), "damaged");
  write(store_, batch);
  load();
  EXPECT_TRUE(fetch_->restoring(kShard));
  EXPECT_TRUE(fetch_->stuck(kShard));
  EXPECT_EQ(fetch_->take_given_up().at(0).why.code, Errc::corrupt);
  EXPECT_EQ(asked(), std::nullopt);
  ASSERT_TRUE(begin(message_with(offer(), LogIndex{50})).ok());
  EXPECT_EQ(asked()->kind, Kind::part);
  EXPECT_FALSE(fetch_->stuck(kShard));
}

TEST_F(SnapshotFetchTest, WithoutAMarkerThereIsNothingToDo) {
  load();
  EXPECT_FALSE(fetch_->restoring(kShard));
  EXPECT_EQ(fetch_->next(), kNever);
  EXPECT_EQ(fetch_->progress(kShard), std::nullopt);
}

}  // namespace
}  // namespace parley::cluster::snapshots

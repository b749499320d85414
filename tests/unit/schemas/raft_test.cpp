// What replicas say arrives as it was said; what no node of ours said is refused with a reason; and both stay readable.

#include "schemas/peer/raft.h"
#include "schemas/replica.h"
#include "schemas/snapshot.h"
#include "tests/unit/cluster/raft/any_message.h"
#include "tests/unit/schemas/golden_file.h"

#include <gtest/gtest.h>

namespace parley::schemas {
namespace {

using testing::any_message;
using testing::golden;
using testing::kRaftKinds;

RaftMessage beat(RaftKind kind, std::uint64_t term) {
  RaftMessage message;
  message.kind = kind;
  message.to = ReplicaId{2};
  message.from = ReplicaId{1};
  message.term = Term{term};
  message.commit = LogIndex{40};
  return message;
}

std::vector<RaftToShard> fixed_batch() {
  SeededRandom random(3);
  std::vector<RaftToShard> batch;
  for (const auto kind : kRaftKinds)
    batch.push_back({ShardId{static_cast<std::uint16_t>(batch.size())}, any_message(random, kind)});
  batch.push_back({ShardId{60}, beat(RaftKind::heartbeat, 7)});
  batch.push_back({ShardId{61}, beat(RaftKind::heartbeat_response, 8)});
  return batch;
}

TEST(RaftWire, ABatchArrivesAsItWasSaid) {
  SeededRandom random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<RaftToShard> batch;
    for (auto count = random.below(20); count > 0; --count) {
      batch.push_back({ShardId{static_cast<std::uint16_t>(random.below(64))},
                       any_message(random, kRaftKinds[random.below(kRaftKinds.size())])});
    }
    for (auto count = random.below(20); count > 0; --count) {
      const auto kind = random.below(2) == 0 ? RaftKind::heartbeat : RaftKind::heartbeat_response;
      batch.push_back({ShardId{static_cast<std::uint16_t>(random.below(64))}, beat(kind, random.next())});
    }
    const auto bytes = encode_raft_batch(batch);
    ASSERT_TRUE(bytes.ok());
    const auto back = decode_raft_batch(*bytes);
    ASSERT_TRUE(back.ok()) << back.error().message;
    // Those of the random ones that happen to say nothing else come with the heartbeats.
    ASSERT_TRUE(std::is_permutation(back->begin(), back->end(), batch.begin(), batch.end()));
  }
}

TEST(RaftWire, IdleGroupsCostAFewBytesEach) {
  std::vector<RaftToShard> batch;
  for (std::uint16_t shard = 0; shard < 64; ++shard) batch.push_back({ShardId{shard}, beat(RaftKind::heartbeat, 3)});
  EXPECT_LE(encode_raft_batch(batch)->size(), 64U * 48 + 64);
}

TEST(RaftWire, TheEstimateIsNeverBelowTheBytes) {
  SeededRandom random(5);
  for (int round = 0; round < 500; ++round) {
    const std::vector<RaftToShard> one{{ShardId{1}, any_message(random, kRaftKinds[random.below(kRaftKinds.size())])}};
    EXPECT_LE(encode_raft_batch(one)->size(), raft_wire_bytes(one[0].message) + 64);
  }
}

TEST(RaftWire, BatchesAreBounded) {
  SeededRandom random(6);
  std::vector<RaftToShard> all;
  for (int i = 0; i < 300; ++i) all.push_back({ShardId{1}, any_message(random, RaftKind::append)});
  auto large = any_message(random, RaftKind::append);
  large.entries = {{LogIndex{1}, Term{1}, RaftEntryKind::command, std::string(20'000, 'x')}};
  all.insert(all.begin() + 100, {ShardId{2}, large});  // alone in its batch
  large.entries[0].payload.assign(100'000, 'x');
  all.insert(all.begin() + 200, {ShardId{3}, large});  // not sent
  const auto made = raft_batches(all, 10'000, 50'000);
  EXPECT_EQ(made.dropped, 1U);
  std::size_t count = 0;
  for (const auto& bytes : made.batches) {
    const auto back = decode_raft_batch(bytes);
    ASSERT_TRUE(back.ok());
    count += back->size();
    EXPECT_TRUE(bytes.size() <= 10'000 || back->size() == 1) << bytes.size();
  }
  EXPECT_EQ(count, all.size() - 1);
  EXPECT_EQ(encode_raft_batch(all, 10'000).error().code, Errc::too_large);
  EXPECT_EQ(decode_raft_batch(*encode_raft_batch(all), 10'000).error().code, Errc::too_large);
}

TEST(RaftWire, DamagedBytesAreRefusedOrSaySomethingElse) {
  const auto bytes = *encode_raft_batch(fixed_batch());
  SeededRandom random(9);
  for (std::size_t size = 0; size < bytes.size(); size += 7) (void)decode_raft_batch(bytes.substr(0, size));
  for (int round = 0; round < 5'000; ++round) {
    auto changed = bytes;
    for (auto count = 1 + random.below(4); count > 0; --count) {
      changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    }
    const auto back = decode_raft_batch(changed);
    if (back) { EXPECT_TRUE(encode_raft_batch(*back).ok()); }
  }
  EXPECT_EQ(decode_raft_batch("").error().code, Errc::corrupt);
}

TEST(RaftWire, WhatDoesNotTravelIsRefused) {
  for (const int kind : {0, 1, 2, 10, 11, 12, 13, 19, 255}) {
    auto message = beat(static_cast<RaftKind>(kind), 1);
    const std::vector<RaftToShard> one{{ShardId{1}, message}};
    EXPECT_EQ(decode_raft_batch(*encode_raft_batch(one)).error().code, Errc::corrupt) << kind;
  }
  auto talkative = beat(RaftKind::heartbeat, 1);
  talkative.context.assign(kRaftContextBytesMax + 1, 'x');
  const std::vector<RaftToShard> one{{ShardId{1}, talkative}};
  EXPECT_EQ(decode_raft_batch(*encode_raft_batch(one)).error().code, Errc::corrupt);
}

SnapshotOffer some_offer() { return {0x1122334455667788, 81, 82}; }
StoredRestore some_restore() {
  StoredRestore restore;
  restore.complete = true;
  restore.cursor = {SnapshotFamily::state, std::string("k\0e", 3), 0};
  restore.bytes = 91;
  restore.checksum = 92;
  restore.from = ReplicaId{93};
  restore.to = ReplicaId{94};
  restore.term = Term{95};
  restore.snapshot = {LogIndex{96}, Term{97}, {{ReplicaId{93}}, {ReplicaId{94}}, {}, {}, false}, "offer"};
  return restore;
}

TEST(SnapshotValues, ComeBackAsTheyWereAndDamageIsAnErrorOrSomethingElse) {
  EXPECT_EQ(decode_snapshot_offer(encode_snapshot_offer(some_offer())).value(), some_offer());
  EXPECT_EQ(decode_restore(encode_restore(some_restore())).value(), some_restore());
  EXPECT_EQ(decode_restore(encode_restore({})).value(), StoredRestore{});
  EXPECT_EQ(decode_snapshot_offer(encode_snapshot_offer({})).error().code, Errc::corrupt) << "without an id";
  EXPECT_EQ(decode_snapshot_offer("").error().code, Errc::corrupt);
  EXPECT_EQ(decode_snapshot_offer("whatever it is, it is no offer at all").error().code, Errc::corrupt);
  auto later = encode_snapshot_offer(some_offer());
  ASSERT_EQ(later[16], 1);  // the version, behind the frame's head and the root's pointer
  later[16] = 2;
  EXPECT_EQ(decode_snapshot_offer(later).error().code, Errc::newer_schema);
  later[16] = 0;
  EXPECT_EQ(decode_snapshot_offer(later).error().code, Errc::corrupt);
  for (auto bytes : {encode_snapshot_offer(some_offer()), encode_restore(some_restore())}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_snapshot_offer(bytes.substr(0, size)).ok());
      EXPECT_FALSE(decode_restore(bytes.substr(0, size)).ok());
    }
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      auto& byte = bytes[bit / 8];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      (void)decode_snapshot_offer(bytes);
      if (const auto restore = decode_restore(bytes)) {
        EXPECT_EQ(decode_restore(encode_restore(*restore)).value(), *restore);
      }
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    }
  }
}

TEST(RaftGolden, WhatIsSentAndStoredStaysReadable) {
  const auto batch = fixed_batch();
  EXPECT_EQ(decode_raft_batch(golden("peer/raft_batch", *encode_raft_batch(batch))).value(), batch);
  const ReplicaHead head{ReplicaId{71}, Term{72}, ReplicaId{73}, LogIndex{74}, LogIndex{75}, Term{76}};
  EXPECT_EQ(decode_replica_head(golden("replica_head", encode_replica_head(head))).value(), head);
  const StoredMembership members{LogIndex{9},
                                 {{ReplicaId{1}, ReplicaId{2}}, {ReplicaId{3}}, {ReplicaId{4}}, {ReplicaId{5}}, true}};
  EXPECT_EQ(decode_membership(golden("replica_membership", encode_membership(members))).value(), members);
  EXPECT_EQ(decode_snapshot_offer(golden("snapshot_offer", encode_snapshot_offer(some_offer()))).value(), some_offer());
  EXPECT_EQ(decode_restore(golden("snapshot_restore", encode_restore(some_restore()))).value(), some_restore());
  const RaftEntryView entry{LogIndex{4}, Term{3}, RaftEntryKind::change, "who"};
  const auto bytes = golden("replica_entry", frame_replica_entry(ShardId{2}, entry));
  EXPECT_EQ(unframe_replica_entry(ShardId{2}, LogIndex{4}, bytes).value(), entry);
  EXPECT_FALSE(unframe_replica_entry(ShardId{2}, LogIndex{5}, bytes).ok());
  EXPECT_FALSE(unframe_replica_entry(ShardId{2}, LogIndex{4}, bytes.substr(0, bytes.size() - 1)).ok());
}

}  // namespace
}  // namespace parley::schemas

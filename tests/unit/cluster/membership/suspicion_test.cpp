// How long somebody is suspected, and how often something is told.
#include "cluster/membership/suspicion.h"
#include "cluster/membership/rumour_queue.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

NodeAddress address(std::uint64_t node) { return {NodeId{node}, Incarnation{1}}; }

TEST(Suspicion, IsShorterWhereLinksWereClosedAndWithEachConfirmation) {
  const SwimTiming timing;
  Suspicion suspicion(MonoTime{}, address(1));
  EXPECT_EQ(suspicion.timeout(true, 3, timing), timing.gone_max);
  EXPECT_EQ(suspicion.timeout(false, 3, timing), timing.silent_max);
  auto before = suspicion.timeout(false, 3, timing);
  for (std::uint64_t node = 2; node <= 4; ++node) {
    EXPECT_TRUE(suspicion.confirm(address(node), 3));
    EXPECT_FALSE(suspicion.confirm(address(node), 3)) << "once each";
    EXPECT_LT(suspicion.timeout(false, 3, timing), before);
    before = suspicion.timeout(false, 3, timing);
  }
  EXPECT_EQ(before, timing.silent_min);
  EXPECT_EQ(suspicion.timeout(true, 3, timing), timing.gone_min);
  EXPECT_FALSE(suspicion.confirm(address(5), 3)) << "no more make a difference";
  EXPECT_GT(timing.silent_min, seconds(5));
}

TEST(Suspicion, WithoutOthersToConfirmItLastsTheLongest) {
  const SwimTiming timing;
  const Suspicion suspicion(MonoTime{}, address(1));
  EXPECT_EQ(suspicion.timeout(true, 0, timing), timing.gone_max);
  EXPECT_EQ(suspicion.timeout(false, 0, timing), timing.silent_max);
}

TEST(RumourQueue, StateGoesFirstThenWhatWasToldLeastAndEachSoOften) {
  RumourQueue queue;
  queue.put(NodeId{1}, About::record, true);
  queue.put(NodeId{2}, About::state, false);
  queue.put(NodeId{3}, About::state, false);
  queue.told(NodeId{2}, 2, 1);
  const auto order = queue.order();
  ASSERT_EQ(order.size(), 3U);
  EXPECT_EQ(order[0].node, NodeId{3});
  EXPECT_EQ(order[1].node, NodeId{2});
  EXPECT_EQ(order[2].node, NodeId{1});
  EXPECT_TRUE(order[2].with_record);
  queue.told(NodeId{2}, 2, 1);
  queue.told(NodeId{1}, 2, 1);
  EXPECT_EQ(queue.size(), 1U);
}

TEST(RumourQueue, NewsOfOneWhoWaitsAlreadyGoesWithIt) {
  RumourQueue queue;
  queue.put(NodeId{1}, About::record, true);
  queue.put(NodeId{1}, About::state, false);
  ASSERT_EQ(queue.size(), 1U);
  EXPECT_TRUE(queue.order()[0].with_record);
}

}  // namespace
}  // namespace parley::cluster

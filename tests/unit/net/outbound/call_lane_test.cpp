#include "net/outbound/call_lane.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley::net {
namespace {

// Takes and gives back, one call at a time: the order in which calls start.
std::vector<CallLane::Id> order(CallLane& lane) {
  std::vector<CallLane::Id> ids;
  while (const auto turn = lane.take()) {
    ids.push_back(turn->id);
    lane.release(turn->address);
  }
  return ids;
}

TEST(CallLane, CallsForNobodyInParticularKeepTheirOrder) {
  CallLane lane;
  for (CallLane::Id id = 1; id <= 5; ++id) lane.push(id, "", 0);
  EXPECT_EQ(order(lane), (std::vector<CallLane::Id>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(lane.idle());
}

TEST(CallLane, WhoAsksALittleDoesNotWaitForWhoAsksMuch) {
  CallLane lane;
  for (CallLane::Id id = 1; id <= 1'000; ++id) lane.push(id, "a", id % 30);
  lane.push(2'000, "b", 7);
  lane.push(2'001, "b", 7);
  const auto ids = order(lane);
  ASSERT_EQ(ids.size(), 1'002U);
  EXPECT_EQ(ids[1], 2'000U) << "addresses take turns";
  EXPECT_EQ(ids[3], 2'001U);
}

TEST(CallLane, ConnectionsOfOneAddressTakeTurnsToo) {
  CallLane lane;
  for (CallLane::Id id = 1; id <= 100; ++id) lane.push(id, "a", 1);
  lane.push(200, "a", 2);
  EXPECT_EQ(order(lane)[1], 200U);
}

TEST(CallLane, NobodyHasMorePlacesThanThereAre) {
  CallLane lane;
  lane.bound(2, 0);
  for (CallLane::Id id = 1; id <= 3; ++id) lane.push(id, "", 0);
  EXPECT_TRUE(lane.take());
  EXPECT_TRUE(lane.take());
  EXPECT_FALSE(lane.take());
  lane.release("");
  EXPECT_TRUE(lane.take());
  EXPECT_FALSE(lane.take());
}

TEST(CallLane, OneAddressLeavesPlacesToOthers) {
  CallLane lane;
  lane.bound(4, 3);
  for (CallLane::Id id = 1; id <= 10; ++id) lane.push(id, "a", id);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(lane.take()->address, "a");
  EXPECT_FALSE(lane.take()) << "the last place is another's";
  lane.push(20, "b", 1);
  EXPECT_EQ(lane.take()->id, 20U);
  lane.release("b");
  EXPECT_FALSE(lane.take());
  lane.release("a");
  EXPECT_EQ(lane.take()->id, 4U);
  // Calls that name no address are the node's own.
  for (CallLane::Id id = 30; id <= 33; ++id) lane.push(id, "", 0);
  EXPECT_EQ(lane.take()->id, 30U);
  EXPECT_FALSE(lane.take());
}

TEST(CallLane, KeepsNothingOfWhomItServed) {
  CallLane lane;
  lane.bound(8, 2);
  for (CallLane::Id id = 1; id <= 1'000; ++id) lane.push(id, std::to_string(id % 50), id);
  EXPECT_FALSE(lane.idle());
  EXPECT_EQ(order(lane).size(), 1'000U);
  EXPECT_TRUE(lane.idle());
}

}  // namespace
}  // namespace parley::net

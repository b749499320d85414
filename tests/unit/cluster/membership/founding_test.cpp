// Who is of one cluster, who gives way to whom, and who never: rule by rule. Races: tests/membership.
#include "cluster/membership/founding.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

constexpr Charter kNone{};
constexpr Charter kNoneWithData{.data = true};
constexpr Charter kOne{.cluster = {1}};
constexpr Charter kOneWithData{.cluster = {1}, .data = true};
constexpr Charter kTwo{.cluster = {2}};
constexpr Charter kTwoWithData{.cluster = {2}, .data = true};

NodeAddress address(std::uint64_t node, std::uint64_t incarnation = 1) {
  return {NodeId{node}, Incarnation{incarnation}};
}

TEST(Founding, WhoeverMeetsTakesInGoesOverOrRefusesAndBothAgree) {
  struct Row {
    Charter ours, theirs;
    Meeting meeting;
  };
  const Row rows[] = {
      {kNone, kNone, Meeting::together},
      {kNone, kNoneWithData, Meeting::together},
      {kNone, kOne, Meeting::go_over},
      {kNone, kOneWithData, Meeting::go_over},
      {kNoneWithData, kOne, Meeting::refuse},
      {kNoneWithData, kOneWithData, Meeting::refuse},
      {kOne, kOneWithData, Meeting::together},
      {kOneWithData, kOneWithData, Meeting::together},
      {kOne, kTwo, Meeting::take_in},
      {kOneWithData, kTwo, Meeting::take_in},
      {kOne, kTwoWithData, Meeting::go_over},
      {kOneWithData, kTwoWithData, Meeting::refuse},
      {kNoneWithData, kNoneWithData, Meeting::refuse},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(meet(row.ours, row.theirs), row.meeting);
    const auto other = row.meeting == Meeting::go_over   ? Meeting::take_in
                       : row.meeting == Meeting::take_in ? Meeting::go_over
                                                         : row.meeting;
    EXPECT_EQ(meet(row.theirs, row.ours), other);
  }
}

TEST(Founding, ARefusalSaysWhoHasWhat) {
  const auto text = refusal("a (1)", kOneWithData, "b (2)", kTwoWithData);
  for (const auto* part : {"a (1)", "b (2)", "0000000000000001", "0000000000000002", "holds data", "not merged"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  EXPECT_NE(refusal("a", kNoneWithData, "b", kTwo).find("of no cluster yet and holds data"), std::string::npos);
}

TEST(Founding, AloneItIsACluster) {
  SeededRandom random(1);
  Founding alone(address(5), {.expect = 1});
  while (alone.step({}, random)) continue;
  EXPECT_NE(alone.own().cluster.value, 0U);
  Founding waiting(address(5), {.expect = 2});
  while (waiting.step({}, random)) continue;
  EXPECT_EQ(waiting.own().cluster.value, 0U);
  EXPECT_EQ(waiting.own().backs, address(5));
}

TEST(Founding, TheLowestMakesTheIdOnceAllExpectedBackIt) {
  SeededRandom random(1);
  Founding low(address(1), {.expect = 2});
  Founding high(address(2), {.expect = 2});
  while (low.step({}, random)) continue;
  while (high.step({}, random)) continue;
  ASSERT_TRUE(high.step({{address(1), low.own()}}, random));
  EXPECT_EQ(high.own().backs, address(1));
  EXPECT_EQ(high.own().cluster.value, 0U);
  ASSERT_TRUE(low.step({{address(2), high.own()}}, random));
  EXPECT_NE(low.own().cluster.value, 0U);
  ASSERT_TRUE(high.step({{address(1), low.own()}}, random));
  EXPECT_EQ(high.own().cluster, low.own().cluster);
}

TEST(Founding, WhomANodeBacksItLeavesOnlyWhenThatOneHasGivenUp) {
  SeededRandom random(1);
  Founding voter(address(9), {.expect = 3});
  while (voter.step({}, random)) continue;
  const Charter runs_five{.backs = address(5), .round = 1, .expect = 3};
  const Charter runs_one{.backs = address(1), .round = 1, .expect = 3};
  while (voter.step({{address(5), runs_five}}, random)) continue;
  ASSERT_EQ(voter.own().backs, address(5));
  EXPECT_FALSE(voter.step({{address(1), runs_one}, {address(5), runs_five}}, random)) << "5 may count on it";
  const Charter given_up{.backs = address(1), .round = 1, .expect = 3};
  EXPECT_TRUE(voter.step({{address(1), runs_one}, {address(5), given_up}}, random));
  EXPECT_EQ(voter.own().backs, address(1));
}

TEST(Founding, AnEarlierCandidacyIsNotBackedAnyMore) {
  SeededRandom random(1);
  Founding candidate(address(5), {.expect = 2});
  while (candidate.step({}, random)) continue;
  const auto first = candidate.own().round;
  const Charter backs_first{.backs = address(5), .round = first, .expect = 2};
  const Charter better{.backs = address(1), .round = 1, .expect = 2};
  ASSERT_TRUE(candidate.step({{address(1), better}}, random));
  ASSERT_EQ(candidate.own().backs, address(1));
  while (candidate.step({}, random)) continue;  // the better one is gone
  EXPECT_EQ(candidate.own().backs, address(5));
  EXPECT_GT(candidate.own().round, first);
  EXPECT_FALSE(candidate.step({{address(9), backs_first}}, random)) << "it may have gone over to another since";
  EXPECT_EQ(candidate.own().cluster.value, 0U);
}

TEST(Founding, WhoHoldsDataMakesTheIdAndGivesWayToNobody) {
  SeededRandom random(1);
  Founding with_data(address(9), {.data = true, .expect = 2});
  Founding low(address(1), {.expect = 2});
  while (with_data.step({{address(1), low.own()}}, random)) continue;
  while (low.step({{address(9), with_data.own()}}, random)) continue;
  EXPECT_EQ(low.own().backs, address(9));
  EXPECT_TRUE(with_data.step({{address(1), low.own()}}, random));
  EXPECT_NE(with_data.own().cluster.value, 0U);
  const auto id = with_data.own().cluster;
  EXPECT_FALSE(with_data.step({{address(2), kOneWithData}}, random));
  EXPECT_EQ(with_data.own().cluster, id);
}

TEST(Founding, DataOfAnotherNodeOfTheClusterCounts) {
  SeededRandom random(1);
  Founding one(address(1), {.cluster = ClusterId{7}});
  EXPECT_TRUE(one.step({{address(2), {.cluster = ClusterId{7}, .data = true}}}, random));
  EXPECT_TRUE(one.own().data);
  EXPECT_FALSE(one.step({{address(3), kOneWithData}}, random));
}

}  // namespace
}  // namespace parley::cluster

#include "core/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace parley {
namespace {

struct ByteBudgetTest : testing::Test {
  Metrics metrics;
  std::shared_ptr<ByteBudget> budget =
      std::make_shared<ByteBudget>(metrics.catch_up_bytes, metrics.catch_up_waiting, 3);
  std::vector<ByteBudget::Hold> granted;

  // Who still waits would be granted something while `granted` goes.
  ~ByteBudgetTest() override { budget->close(); }

  ByteBudget::Taken take(std::size_t bytes, Origin origin = {}) {
    return budget->take(origin, bytes, 100, [this](ByteBudget::Hold hold) { granted.push_back(std::move(hold)); });
  }
};

TEST_F(ByteBudgetTest, WhatDoesNotFitWaitsUntilSomethingIsGivenBackInOrder) {
  auto first = take(60);
  auto second = take(40);
  ASSERT_TRUE(first.hold && second.hold);
  EXPECT_FALSE(take(50).hold);
  EXPECT_FALSE(take(1).hold) << "who came before it waits: it does not overtake";
  EXPECT_EQ(metrics.catch_up_bytes.value(), 100);
  EXPECT_EQ(metrics.catch_up_waiting.value(), 2);
  second.hold.reset();
  EXPECT_TRUE(granted.empty());
  first.hold.reset();
  EXPECT_EQ(granted.size(), 2U);
  EXPECT_EQ(metrics.catch_up_bytes.value(), 51);
  granted.clear();
  EXPECT_EQ(metrics.catch_up_bytes.value(), 0);
  EXPECT_EQ(metrics.catch_up_waiting.value(), 0);
}

TEST_F(ByteBudgetTest, MoreThanTheWholeIsGrantedToOneWhoIsAlone) {
  EXPECT_TRUE(take(1'000).hold);
  auto small = take(1);
  EXPECT_FALSE(take(1'000).hold);
  small.hold.reset();
  EXPECT_EQ(granted.size(), 1U);
}

TEST_F(ByteBudgetTest, AFullLineIsRefused) {
  const auto all = take(100);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(take(10).refused);
  EXPECT_TRUE(take(10).refused);
}

TEST_F(ByteBudgetTest, AnOriginHasAQuarterAndTheOthersGoOn) {
  const Origin greedy{1};
  const Origin honest{2};
  const auto share = take(25, greedy);
  ASSERT_TRUE(share.hold);
  EXPECT_FALSE(take(5, greedy).hold) << "it has its share";
  auto others = take(25, honest);
  EXPECT_TRUE(others.hold) << "who has none does not wait behind it";
  EXPECT_TRUE(take(25).hold) << "and nobody's has no share";
  others.hold.reset();
  EXPECT_TRUE(granted.empty()) << "room that others leave is not for who has its share";
  EXPECT_TRUE(take(200, Origin{3}).refused == false);
  EXPECT_FALSE(take(10, Origin{4}).hold) << "who waits for room is not overtaken";
}

TEST_F(ByteBudgetTest, OriginsTakeTurns) {
  auto all = take(100);
  std::vector<std::uint64_t> order;
  const auto wait = [&](Origin origin) {
    return budget->take(origin, 100, 100, [&order, origin](const ByteBudget::Hold&) { order.push_back(origin.value); });
  };
  auto wide = std::make_shared<ByteBudget>(metrics.catch_up_bytes, metrics.catch_up_waiting);
  std::swap(budget, wide);
  all = take(100);
  for (int i = 0; i < 3; ++i) (void)wait(Origin{1});
  (void)wait(Origin{2});
  all.hold.reset();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 1, 1}));
}

TEST_F(ByteBudgetTest, AfterItsEndNobodyWaitsAndWhatIsHeldIsGivenBack) {
  auto all = take(100);
  auto held = std::make_shared<int>(1);
  (void)budget->take({}, 10, 100, [held](const ByteBudget::Hold&) {});
  EXPECT_EQ(held.use_count(), 2);
  budget->close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(metrics.catch_up_waiting.value(), 0);
  EXPECT_TRUE(take(1).refused);
  all.hold.reset();
  EXPECT_EQ(metrics.catch_up_bytes.value(), 0);
}

TEST_F(ByteBudgetTest, WhoWasGrantedMayGiveBackWhatItHoldsWhenItIsForgotten) {
  auto first = take(60);
  auto second = std::make_shared<ByteBudget::Hold>(take(40).hold);
  (void)budget->take({}, 60, 100, [second](const ByteBudget::Hold&) {});
  const std::weak_ptr<ByteBudget::Hold> left = second;
  second.reset();
  first.hold.reset();  // grants, and what was granted goes with all it had
  EXPECT_TRUE(left.expired());
  EXPECT_EQ(metrics.catch_up_bytes.value(), 0);
}

TEST_F(ByteBudgetTest, WhoGivesBackAtOnceLetsTheNextOneIn) {
  auto all = take(100);
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    (void)budget->take({}, 100, 100, [&calls](ByteBudget::Hold hold) {
      ++calls;
      hold.reset();
    });
  }
  all.hold.reset();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(metrics.catch_up_bytes.value(), 0);
}

TEST_F(ByteBudgetTest, ManyThreadsNeverHoldMoreThanTheWhole) {
  auto wide = std::make_shared<ByteBudget>(metrics.catch_up_bytes, metrics.catch_up_waiting);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::atomic<int> finished{0};
  const auto use = [&](ByteBudget::Hold hold) {
    const auto now = held.fetch_add(10) + 10;
    for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {}
    held.fetch_sub(10);
    hold.reset();
    ++finished;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        auto taken = wide->take({}, 10, 20, use);
        if (taken.hold) use(std::move(taken.hold));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(finished, 8'000);
  EXPECT_LE(most, 20);
}

}  // namespace
}  // namespace parley

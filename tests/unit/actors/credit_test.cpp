// What is taken of a line is given back, whichever way it goes.
#include "actors/credit.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace parley::actors {
namespace {

TEST(Credit, IsGivenBackAtItsEndOrBefore) {
  CreditLine line;
  {
    Credit credit(line, 3);
    EXPECT_EQ(line.taken(), 3U);
    credit.give_back();
    EXPECT_EQ(line.taken(), 0U);
    credit.give_back();
    EXPECT_EQ(line.taken(), 0U) << "once";
    const Credit other(line, 2);
    EXPECT_EQ(line.taken(), 2U);
  }
  EXPECT_EQ(line.taken(), 0U);
}

TEST(Credit, GoesWithWhoHasItAndPartsOfItGoTheirOwnWay) {
  CreditLine line;
  Credit all(line, 3);
  auto one = all.split();
  EXPECT_EQ(line.taken(), 3U);
  EXPECT_EQ(all.count(), 2U);
  auto moved = std::move(one);
  EXPECT_EQ(line.taken(), 3U);
  moved.give_back();
  EXPECT_EQ(line.taken(), 2U);
  all = {};
  EXPECT_EQ(line.taken(), 0U);
  EXPECT_EQ(all.split().count(), 0U) << "nothing is left";
  EXPECT_EQ(line.taken(), 0U);
}

TEST(Credit, ACopyIsOneMore) {
  CreditLine line;
  Credit one(line, 1);
  {
    const auto two = one;
    EXPECT_EQ(line.taken(), 2U);
  }
  EXPECT_EQ(line.taken(), 1U);
}

TEST(Credit, WhatReplacesItGivesItBack) {
  CreditLine mine;
  CreditLine other;
  Credit credit(mine, 1);
  credit = Credit(other, 2);
  EXPECT_EQ(mine.taken(), 0U);
  EXPECT_EQ(other.taken(), 2U);
}

TEST(Credit, IsWholeAfterManyThreadsTookAndGave) {
  CreditLine line;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&line] {
      for (int n = 0; n < 10'000; ++n) {
        Credit batch(line, 4);
        auto one = batch.split();
        auto copy = one;
        one = std::move(copy);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(line.taken(), 0U);
}

}  // namespace
}  // namespace parley::actors

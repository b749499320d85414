// What clients of one address may bring up and write.
#include "actors/shares.h"

#include <gtest/gtest.h>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

constexpr Origin kStranger{2};
constexpr Origin kElsewhere{3};

NodeLimits limits() {
  NodeLimits made;
  made.channels_max = 10;
  made.channels_per_address_max = 5;
  made.public_channels_per_address_max = 3;
  return made;
}

TEST(ChannelSharesTest, WhatIsOpenToAllHasTheSmallerShare) {
  ChannelShares shares;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(shares.refuses(kStranger, true, limits()), std::nullopt);
    shares.add(kStranger, true);
  }
  EXPECT_EQ(shares.refuses(kStranger, true, limits()), Errc::too_many_channels);
  EXPECT_EQ(shares.refuses(kStranger, false, limits()), std::nullopt) << "what the application allowed goes on";
  shares.add(kStranger, false);
  shares.add(kStranger, false);
  EXPECT_EQ(shares.refuses(kStranger, false, limits()), Errc::too_many_channels);
  EXPECT_EQ(shares.refuses(kElsewhere, true, limits()), std::nullopt) << "others have their own share";
}

TEST(ChannelSharesTest, AChannelThatSleepsMakesRoom) {
  ChannelShares shares;
  for (int i = 0; i < 3; ++i) shares.add(kStranger, true);
  shares.remove(kStranger, true);
  EXPECT_EQ(shares.refuses(kStranger, true, limits()), std::nullopt);
  EXPECT_EQ(shares.size(), 2U);
}

TEST(ChannelSharesTest, TheNodeHasABoundForAllOfThem) {
  ChannelShares shares;
  for (std::uint64_t i = 0; i < 10; ++i) shares.add(Origin{i + 1}, true);
  EXPECT_EQ(shares.refuses(Origin{99}, true, limits()), Errc::over_capacity);
}

TEST(ChannelSharesTest, ZeroIsNoBound) {
  auto none = limits();
  none.channels_per_address_max = none.public_channels_per_address_max = 0;
  ChannelShares shares;
  for (int i = 0; i < 9; ++i) shares.add(kStranger, true);
  EXPECT_EQ(shares.refuses(kStranger, true, none), std::nullopt);
}

TEST(WriteSharesTest, AShareComesBackWithinItsWindow) {
  WriteShares shares;
  MonoTime now{1h};
  EXPECT_TRUE(shares.take(kStranger, 600, 1'000, 100s, now));
  EXPECT_FALSE(shares.take(kStranger, 600, 1'000, 100s, now));
  EXPECT_TRUE(shares.take(kStranger, 400, 1'000, 100s, now)) << "what was refused was not written";
  EXPECT_TRUE(shares.take(kElsewhere, 600, 1'000, 100s, now));
  EXPECT_FALSE(shares.take(kStranger, 600, 1'000, 100s, now + 50s));
  EXPECT_TRUE(shares.take(kStranger, 600, 1'000, 100s, now + 61s));
  EXPECT_TRUE(shares.take(kStranger, 1'000'000, 0, 100s, now)) << "no bound";
}

TEST(WriteSharesTest, WhoOwesNothingIsForgotten) {
  WriteShares shares;
  MonoTime now{1h};
  for (std::uint64_t i = 0; i < 10'000; ++i) EXPECT_TRUE(shares.take(Origin{i + 1}, 1, 1'000, 10s, now + i * 1ms));
  EXPECT_LT(shares.size(), 3'000U) << "an address that is written down costs memory too";
}

}  // namespace
}  // namespace parley::actors

// Which clients share, by their addresses.
#include "net/address/client_origin.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

TEST(OriginTest, EachIPv4AddressIsOneHoweverItIsWritten) {
  EXPECT_EQ(origin_of("203.0.113.9"), origin_of("::ffff:203.0.113.9"));
  EXPECT_EQ(origin_of("203.0.113.9"), origin_of("::FFFF:cb00:7109"));
  EXPECT_NE(origin_of("203.0.113.9"), origin_of("203.0.113.10"));
}

TEST(OriginTest, OfIPv6ItIsTheNetworkThatOneCustomerHas) {
  EXPECT_EQ(origin_of("2001:db8:1:2::1"), origin_of("2001:db8:1:2:ffff::9"));
  EXPECT_NE(origin_of("2001:db8:1:2::1"), origin_of("2001:db8:1:3::1"));
  EXPECT_NE(origin_of("0:ffff:cb00:7109::1"), origin_of("2001:db8::1"));
}

TEST(OriginTest, WhatIsNoAddressIsSomebodyAllTheSame) {
  EXPECT_TRUE(origin_of("").exists());
  EXPECT_TRUE(origin_of("::1").exists());
  EXPECT_TRUE(origin_of("0.0.0.0").exists());
  EXPECT_EQ(origin_of("nonsense"), origin_of(""));
  EXPECT_FALSE(Origin{}.exists());
}

}  // namespace
}  // namespace parley::net

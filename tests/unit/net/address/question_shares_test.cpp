#include "net/address/question_shares.h"

#include "net/address/address.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using Taken = QuestionShares::Taken;
constexpr QuestionShares::Bounds kBounds{.application = 10, .address = 6, .connection = 4};

QuestionShares::Asker asker(const std::string& address, std::uint64_t connection) {
  return {address_share(address), SocketId{connection}};
}

TEST(QuestionShares, AConnectionAndAnAddressHaveTheirShare) {
  QuestionShares shares;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(shares.take("a", asker("192.0.2.1", 1), kBounds), Taken::yes);
  EXPECT_EQ(shares.take("a", asker("192.0.2.1", 1), kBounds), Taken::over_share);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(shares.take("a", asker("192.0.2.1", 2), kBounds), Taken::yes);
  EXPECT_EQ(shares.take("a", asker("192.0.2.1", 3), kBounds), Taken::over_share);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(shares.take("a", asker("192.0.2.2", 4), kBounds), Taken::yes);
  EXPECT_EQ(shares.take("a", asker("192.0.2.3", 5), kBounds), Taken::full);
  EXPECT_EQ(shares.take("b", asker("192.0.2.3", 5), kBounds), Taken::yes) << "another application's are its own";
  shares.release("a", asker("192.0.2.1", 1));
  EXPECT_EQ(shares.take("a", asker("192.0.2.1", 2), kBounds), Taken::yes);
}

TEST(QuestionShares, KeepsNothingOfWhoWasAnswered) {
  QuestionShares shares;
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(shares.take("a", asker("192.0.2.1", i), kBounds), Taken::yes);
  EXPECT_FALSE(shares.empty());
  for (std::uint64_t i = 0; i < 5; ++i) shares.release("a", asker("192.0.2.1", i));
  EXPECT_TRUE(shares.empty());
}

TEST(QuestionShares, AHouseholdIsOneAddress) {
  EXPECT_EQ(address_share("2001:db8:1:2::1"), address_share("2001:db8:1:2:ffff::9"));
  EXPECT_NE(address_share("2001:db8:1:2::1"), address_share("2001:db8:1:3::1"));
  EXPECT_EQ(address_share("192.0.2.1"), address_share("::ffff:192.0.2.1"));
  EXPECT_NE(address_share("192.0.2.1"), address_share("192.0.2.2"));
  EXPECT_EQ(address_share("@unix"), "@unix");
}

}  // namespace
}  // namespace parley::net

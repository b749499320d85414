// What one client address may have, and that others have theirs.

#include "net/address/address_shares.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace parley::net {
namespace {

using Kind = AddressShares::Kind;
using Place = AddressShares::Place;
using namespace std::chrono_literals;

struct World {
  NodeLimits limits;
  MonoTime now{};
  AddressShares shares;

  World() {
    limits.connections_max = 100;
    limits.connections_per_address_max = 3;
    limits.http_connections_per_address_max = 3;
    limits.sessions_opening_per_address_max = 3;
    limits.opens_per_second_per_address_max = 0;
  }
  Place take(Kind kind, std::string_view address) { return shares.take(kind, address, limits, now); }
  std::vector<Place> take_all(Kind kind, std::string_view address) {
    std::vector<Place> all;
    while (all.size() < 1'000) {
      all.push_back(take(kind, address));
      if (all.back().granted()) continue;
      all.pop_back();
      break;
    }
    return all;
  }
};

TEST(AddressShares, AnAddressHasItsShareAndOthersHaveTheirs) {
  World world;
  for (const Kind kind : {Kind::client, Kind::opening}) {
    auto one = world.take_all(kind, "192.0.2.1");
    EXPECT_EQ(one.size(), 3U);
    EXPECT_TRUE(world.take(kind, "192.0.2.2").granted());
    one.pop_back();
    EXPECT_TRUE(world.take(kind, "192.0.2.1").granted());
  }
  EXPECT_EQ(world.shares.addresses(), 0U) << "who has nothing is forgotten";
}

TEST(AddressShares, AnAddressIsOneHoweverItIsWritten) {
  World world;
  const auto a = world.take(Kind::client, "203.0.113.9");
  const auto b = world.take(Kind::client, "::ffff:203.0.113.9");
  const auto c = world.take(Kind::client, "::FFFF:cb00:7109");
  EXPECT_TRUE(a.granted() && b.granted() && c.granted());
  EXPECT_FALSE(world.take(Kind::client, "203.0.113.9").granted());
  EXPECT_EQ(world.shares.addresses(), 1U);
}

TEST(AddressShares, AddressesOfOneIpv6NetworkAreOne) {
  World world;
  const auto a = world.take(Kind::client, "2001:db8:0:1::1");
  const auto b = world.take(Kind::client, "2001:db8:0:1:ffff::2");
  const auto c = world.take(Kind::client, "2001:0DB8::1:0:0:0:3");
  EXPECT_TRUE(a.granted() && b.granted() && c.granted());
  EXPECT_FALSE(world.take(Kind::client, "2001:db8:0:1::4").granted());
  EXPECT_TRUE(world.take(Kind::client, "2001:db8:0:2::1").granted());
  // The loopback address is a host, and no network of strangers.
  EXPECT_EQ(world.take_all(Kind::client, "::1").size(), 3U);
}

TEST(AddressShares, TheNodeHasItsBoundWhoeverAsks) {
  World world;
  world.limits.connections_max = 4;
  auto one = world.take_all(Kind::client, "192.0.2.1");
  auto two = world.take_all(Kind::client, "192.0.2.2");
  EXPECT_EQ(two.size(), 1U);
  EXPECT_FALSE(world.take(Kind::opening, "192.0.2.3").granted()) << "its client would find no place";
  EXPECT_FALSE(world.take(Kind::client, "").granted());
  one.clear();
  EXPECT_EQ(world.take_all(Kind::client, "").size(), 3U) << "nobody's address is counted for the node alone";
}

TEST(AddressShares, AnOpeningSessionIsNoClient) {
  World world;
  auto one = world.take_all(Kind::opening, "192.0.2.1");
  EXPECT_EQ(world.shares.clients(), 0U);
  EXPECT_EQ(world.shares.opening(), 3U);
  EXPECT_EQ(world.take_all(Kind::client, "192.0.2.1").size(), 3U);
  EXPECT_TRUE(one[0].become_client(world.limits, world.now));
  EXPECT_TRUE(one[0].become_client(world.limits, world.now)) << "once";
  EXPECT_EQ(world.shares.clients(), 1U);
  EXPECT_EQ(world.shares.opening(), 2U);
  const auto two = world.take_all(Kind::client, "192.0.2.1");
  EXPECT_EQ(two.size(), 2U);
  EXPECT_FALSE(one[1].become_client(world.limits, world.now));
  EXPECT_EQ(one[1].kind(), Kind::opening);
  one.clear();
  EXPECT_EQ(world.shares.clients(), 2U);
  EXPECT_EQ(world.shares.opening(), 0U);
}

TEST(AddressShares, HttpConnectionsOfOneAddressAreHalfOfAllAtMost) {
  World world;
  world.limits.http_connections_per_address_max = 10'000;
  std::vector<Place> places;
  for (int i = 0; i < 20; ++i) {
    auto place = world.shares.take_http("192.0.2.1", world.limits, 20, world.now);
    if (place.granted()) places.push_back(std::move(place));
  }
  EXPECT_EQ(places.size(), 10U);
  EXPECT_TRUE(world.shares.take_http("192.0.2.2", world.limits, 20, world.now).granted());
  EXPECT_TRUE(world.shares.take_http("", world.limits, 20, world.now).granted()) << "a trusted proxy";
  world.limits.http_connections_per_address_max = 0;
  EXPECT_TRUE(world.shares.take_http("192.0.2.1", world.limits, 20, world.now).granted());
}

TEST(AddressShares, ClientsOfOneAddressComeAtARate) {
  World world;
  world.limits.connections_per_address_max = 0;
  world.limits.opens_per_second_per_address_max = 2;
  EXPECT_EQ(world.take_all(Kind::client, "192.0.2.1").size(), 10U) << "five seconds' worth at once";
  EXPECT_EQ(world.take_all(Kind::opening, "192.0.2.1").size(), 0U) << "both ways in count";
  EXPECT_EQ(world.shares.clients(), 0U);
  world.now += 1s;
  EXPECT_EQ(world.take_all(Kind::client, "192.0.2.1").size(), 2U);
  EXPECT_TRUE(world.take(Kind::client, "192.0.2.2").granted());
  world.now += 1h;
  EXPECT_EQ(world.take_all(Kind::client, "192.0.2.1").size(), 10U);
}

TEST(AddressShares, ItsOwnMemoryIsBounded) {
  World world;
  world.limits.opens_per_second_per_address_max = 1;
  const auto stays = world.take(Kind::client, "192.0.2.1");
  for (std::size_t i = 0; i < 3 * AddressShares::kAddressesIdleMax; ++i) {
    ASSERT_TRUE(world.take(Kind::client, fmt::format("2001:db8:{:x}:{:x}::1", i >> 16, i & 0xffff)).granted());
  }
  EXPECT_LE(world.shares.addresses(), AddressShares::kAddressesIdleMax + 2);
  world.limits.connections_per_address_max = 1;
  EXPECT_FALSE(world.take(Kind::client, "192.0.2.1").granted()) << "who has something is not forgotten";
}

TEST(AddressShares, BytesAreOfTheAddressAndOfTheNode) {
  World world;
  world.limits.http_bytes_per_address_max = 100'000;
  world.limits.http_bytes_max = 150'000;
  AddressShares::Bytes a(world.shares, "192.0.2.1");
  AddressShares::Bytes b(world.shares, "192.0.2.1");
  AddressShares::Bytes c(world.shares, "192.0.2.2");
  EXPECT_TRUE(a.ask(60'000, world.limits, world.now));
  EXPECT_FALSE(b.ask(60'000, world.limits, world.now)) << "over the address's";
  EXPECT_TRUE(c.ask(60'000, world.limits, world.now));
  EXPECT_FALSE(c.ask(95'000, world.limits, world.now)) << "over the node's";
  a.hold(10'000);
  EXPECT_TRUE(b.ask(60'000, world.limits, world.now));
  b.hold(10'000'000);  // an answer that is there
  EXPECT_FALSE(a.ask(20'000, world.limits, world.now));
  EXPECT_TRUE(a.ask(5'000, world.limits, world.now)) << "less is always granted";
  b.hold(0);
  a.hold(0);
  c.hold(100);
  EXPECT_EQ(world.shares.http_bytes(), 0U);
  EXPECT_EQ(world.shares.addresses(), 0U);
}

TEST(AddressShares, ZeroIsNoBound) {
  World world;
  world.limits = {};
  world.limits.connections_per_address_max = 0;
  world.limits.sessions_opening_per_address_max = 0;
  world.limits.opens_per_second_per_address_max = 0;
  world.limits.http_bytes_per_address_max = 0;
  world.limits.http_bytes_max = 0;
  EXPECT_EQ(world.take_all(Kind::client, "192.0.2.1").size(), 1'000U);
  EXPECT_EQ(world.take_all(Kind::opening, "192.0.2.1").size(), 1'000U);
  AddressShares::Bytes bytes(world.shares, "192.0.2.1");
  EXPECT_TRUE(bytes.ask(std::size_t{1} << 40, world.limits, world.now));
}

}  // namespace
}  // namespace parley::net

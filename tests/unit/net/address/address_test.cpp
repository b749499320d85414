#include "net/address/address.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

TEST(Address, RangesContainWhatTheySay) {
  const auto in = [](std::string_view range, std::string_view address) {
    return AddressRange::parse(range)->contains(*Address::parse(address));
  };
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(in("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(in("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(in("127.0.0.1", "::ffff:127.0.0.1"));
  EXPECT_TRUE(in("fd00::/8", "fd12::1"));
  EXPECT_FALSE(in("fd00::/8", "fe80::1"));
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0/8", "::/129", "host", "10.0.0.0/", "10.0.0.0/x"}) {
    EXPECT_FALSE(AddressRange::parse(bad).ok()) << bad;
  }
}

TEST(Address, HasOneForm) {
  const auto text = [](std::string_view written) { return Address::parse(written)->text(); };
  for (const char* one : {"203.0.113.9", "::ffff:203.0.113.9", "::FFFF:cb00:7109", "0:0:0:0:0:ffff:203.0.113.9"}) {
    EXPECT_EQ(text(one), "203.0.113.9") << one;
    EXPECT_EQ(address_share(one), "203.0.113.9") << one;
  }
  EXPECT_EQ(text("2001:0DB8:0:0::0001"), "2001:db8::1");
  EXPECT_EQ(address_share("2001:0DB8:1:2:3::4"), "2001:db8:1:2::");
  EXPECT_EQ(address_share("::1"), "::1");
  EXPECT_EQ(address_share("unix"), "unix");
  EXPECT_FALSE(Address::parse(std::string_view("10.0.0.1\0x", 10)).ok());
}

TEST(Address, ForwardedForIsBelievedAsFarAsProxiesAreTrusted) {
  const auto proxies = *TrustedProxies::parse({"10.0.0.0/8", "127.0.0.1"});
  EXPECT_EQ(proxies.client("203.0.113.5", "1.2.3.4"), "203.0.113.5");
  EXPECT_EQ(proxies.client("127.0.0.1", ""), "127.0.0.1");
  EXPECT_EQ(proxies.client("127.0.0.1", "1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(proxies.client("127.0.0.1", "6.6.6.6, 1.2.3.4, 10.1.1.1"), "1.2.3.4");
  EXPECT_EQ(proxies.client("127.0.0.1", "6.6.6.6, 1.2.3.4:5678"), "1.2.3.4");
  EXPECT_EQ(proxies.client("127.0.0.1", "[2001:db8::7]:99"), "2001:db8::7");
  EXPECT_EQ(proxies.client("127.0.0.1", "6.6.6.6, nonsense"), "127.0.0.1");
  EXPECT_EQ(proxies.client("127.0.0.1", "::FFFF:cb00:7109"), "203.0.113.9");
  EXPECT_EQ(proxies.client("::ffff:127.0.0.1", "[2001:DB8:0::7]:99"), "2001:db8::7");
  EXPECT_EQ(proxies.client("127.0.0.1", "10.0.0.1, 10.0.0.2"), "10.0.0.1");
}

}  // namespace
}  // namespace parley::net

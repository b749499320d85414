#include "core/origin.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Origin, PatternsAreChecked) {
  for (const std::string_view good :
       {"*", "https://example.com", "http://localhost:3000", "https://*.example.com", "http://localhost:*",
        "capacitor://localhost", "http://[::1]:8080", "https://a.com:65535", "capacitor://localhost:*"}) {
    EXPECT_TRUE(check_origin_pattern(good)) << good;
  }
  for (const std::string_view bad : {"",
                                     "example.com",
                                     "https://",
                                     "https://a.*.com",
                                     "https://*",
                                     "https://*.",
                                     "https://a.com/path",
                                     "https://a.com:80x",
                                     "https://a.com:99999",
                                     "https://a.com:0",
                                     "https://a.com:080",
                                     "https://a.com:",
                                     "://a",
                                     "https://user@a.com",
                                     "https://a b",
                                     "https://[::1",
                                     "https://[x]",
                                     "https://a.com:80:80",
                                     "https://.com",
                                     "https://[",
                                     "null",
                                     "ht tp://a.com"}) {
    EXPECT_FALSE(check_origin_pattern(bad)) << bad;
  }
}

TEST(Origin, MatchesSchemeHostAndPort) {
  EXPECT_TRUE(origin_allowed({}, "https://any.test"));
  EXPECT_TRUE(origin_allowed({"*"}, "null"));
  EXPECT_TRUE(origin_allowed({"https://Example.com"}, "https://example.COM"));
  EXPECT_TRUE(origin_allowed({"http://localhost:*"}, "http://localhost:5173"));
  EXPECT_TRUE(origin_allowed({"http://[::1]:8080"}, "http://[::1]:8080"));
  EXPECT_FALSE(origin_allowed({"http://[::1]:8080"}, "http://[::1]:8081"));
  EXPECT_FALSE(origin_allowed({"https://example.com"}, "https://example.com.evil.test"));
  EXPECT_FALSE(origin_allowed({"https://*.example.com"}, "https://.example.com.evil.test"));
  EXPECT_FALSE(origin_allowed({"https://*.example.com"}, "https://evil.test/.example.com"));
  EXPECT_FALSE(origin_allowed({"https://example.com"}, "https://example.com@evil.test"));
}

TEST(Origin, TheServersOwnAddressIsKnown) {
  EXPECT_TRUE(is_own_address("http://ws.example.com", "ws.example.com"));
  EXPECT_TRUE(is_own_address("https://WS.example.com", "ws.example.com:443"));
  EXPECT_TRUE(is_own_address("http://127.0.0.1:6001", "127.0.0.1:6001"));
  EXPECT_TRUE(is_own_address("http://[::1]:6001", "[::1]:6001"));
  EXPECT_FALSE(is_own_address("http://ws.example.com:6001", "ws.example.com"));
  EXPECT_FALSE(is_own_address("http://page.example", "ws.example.com"));
  EXPECT_FALSE(is_own_address("null", "ws.example.com"));
  EXPECT_FALSE(is_own_address("http://a", ""));
  EXPECT_FALSE(is_own_address("http://[", "["));
}

}  // namespace
}  // namespace parley

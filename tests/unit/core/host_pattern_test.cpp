#include "core/host_pattern.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(HostPattern, AHostIsItselfInAnyCase) {
  EXPECT_TRUE(host_matches("hooks.example.com", "hooks.example.com", 443));
  EXPECT_TRUE(host_matches("Hooks.Example.com", "hooks.example.COM.", 80));
  EXPECT_FALSE(host_matches("hooks.example.com", "other.example.com", 443));
  EXPECT_FALSE(host_matches("hooks.example.com", "hooks.example.com.evil.net", 443));
  EXPECT_FALSE(host_matches("hooks.example.com", "evilhooks.example.com", 443));
  EXPECT_TRUE(host_matches("127.0.0.1", "127.0.0.1", 9000));
  EXPECT_TRUE(host_matches("localhost", "localhost", 9000));
}

TEST(HostPattern, AStarIsWhatLiesBelow) {
  EXPECT_TRUE(host_matches("*.example.com", "a.example.com", 443));
  EXPECT_TRUE(host_matches("*.example.com", "A.B.example.com", 443));
  EXPECT_FALSE(host_matches("*.example.com", "example.com", 443));
  EXPECT_FALSE(host_matches("*.example.com", ".example.com", 443));
  EXPECT_FALSE(host_matches("*.example.com", "evil-example.com", 443));
  EXPECT_FALSE(host_matches("*.example.com", "a.example.com.evil.net", 443));
}

TEST(HostPattern, APortHolds) {
  EXPECT_TRUE(host_matches("hooks.example.com:8443", "hooks.example.com", 8443));
  EXPECT_FALSE(host_matches("hooks.example.com:8443", "hooks.example.com", 443));
  EXPECT_TRUE(host_matches("*.example.com:8443", "a.example.com", 8443));
  EXPECT_TRUE(host_matches("[::1]:8080", "::1", 8080));
  EXPECT_TRUE(host_matches("[::1]:8080", "[::1]", 8080));
  EXPECT_FALSE(host_matches("[::1]:8080", "::1", 80));
  EXPECT_TRUE(host_matches("::1", "::1", 80));
  EXPECT_TRUE(host_matches("[fd00::7]", "FD00::7", 80));
}

TEST(HostPattern, WhatIsNone) {
  for (const auto* text :
       {"", "*", "*.", ".example.com", "a..b", "https://example.com", "example.com/x", "a b", "a:", "a:0", "a:x",
        "a:70000", "[::1", "[::1]x", "[]", "a.*.com", "user@example.com", "*.example.com:"}) {
    EXPECT_FALSE(valid_host_pattern(text)) << text;
    EXPECT_FALSE(host_matches(text, "example.com", 443)) << text;
  }
  for (const auto* text :
       {"a", "localhost:1", "*.b.c", "10.0.0.1", "::1", "[::1]", "[::1]:65535", "my_host", "example.com."}) {
    EXPECT_TRUE(valid_host_pattern(text)) << text;
  }
}

TEST(HostPattern, NoPatternsAllowEveryHost) {
  EXPECT_TRUE(host_allowed({}, "anything", 1));
  EXPECT_TRUE(host_allowed({"a", "*.b"}, "x.b", 1));
  EXPECT_FALSE(host_allowed({"a", "*.b"}, "b", 1));
}

}  // namespace
}  // namespace parley

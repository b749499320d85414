// Who may join what, over all kinds of channels.

#include "net/auth/rights.h"

#include <gtest/gtest.h>

namespace parley::net::auth {
namespace {

struct Row {
  const char* channel;
  bool plain_user;    // sub 42 and nothing else
  bool with_rights;   // and domain 7, admin 1, channels orders.* and presence-room.*
  bool admin_of_all;  // and admin: true instead
};

constexpr Row kRows[] = {
    // Public: no right needed, whatever they are called.
    {"lobby", true, true, true},
    {"cache-lobby", true, true, true},
    {"domain.9", true, true, true},
    {"user.43", true, true, true},
    {"admin.9", true, true, true},
    {"privat-x", true, true, true},
    // Nobody's.
    {"private-lobby", false, false, false},
    {"presence-lobby", false, false, false},
    {"private-", false, false, false},
    {"private-encrypted-lobby", false, false, false},
    // One's own.
    {"private-user.42", true, true, true},
    {"presence-user.42", true, true, true},
    {"private-encrypted-user.42", true, true, true},
    {"private-cache-user.42", true, true, true},
    {"private-encrypted-cache-user.42", true, true, true},
    {"presence-cache-user.42", true, true, true},
    {"#server-to-user-42", true, true, true},
    {"private-user.43", false, false, false},
    {"private-user.4", false, false, false},
    {"private-user.422", false, false, false},
    {"private-user.42.x", false, false, false},
    {"private-user.", false, false, false},
    {"private-user", false, false, false},
    {"#server-to-user-43", false, false, false},
    {"#server-to-user-", false, false, false},
    {"#server-to-user-user.42", false, false, false},
    {"#server-to-user-orders.1", false, false, false},
    {"#server-to-user-domain.7", false, false, false},
    // A domain's.
    {"private-domain.7", false, true, false},
    {"presence-domain.7", false, true, false},
    {"private-encrypted-domain.7", false, true, false},
    {"private-cache-domain.7", false, true, false},
    {"private-encrypted-cache-domain.7", false, true, false},
    {"presence-cache-domain.7", false, true, false},
    {"private-domain.8", false, false, false},
    {"private-domain.77", false, false, false},
    {"private-domain.7.orders", false, false, false},
    {"private-domain.", false, false, false},
    {"private-domains.7", false, false, false},
    // An administrator's.
    {"private-admin.1", false, true, true},
    {"presence-admin.1", false, true, true},
    {"private-encrypted-admin.1", false, true, true},
    {"presence-cache-admin.1", false, true, true},
    {"private-admin.2", false, false, true},
    {"presence-admin.2", false, false, true},
    {"private-administration", false, false, false},
    // By pattern: without a prefix for all forms, with one for that form only.
    {"private-orders.5", false, true, false},
    {"presence-orders.5", false, true, false},
    {"private-encrypted-cache-orders.5", false, true, false},
    {"private-orders", false, false, false},
    {"private-my.orders.5", false, false, false},
    {"presence-room.1", false, true, false},
    {"private-room.1", false, false, false},
    {"presence-cache-room.1", false, false, false},
};

TEST(Rights, OfEachKindOfChannel) {
  Claims user;
  user.user_id = "42";
  auto with_rights = user;
  with_rights.domains = {"7"};
  with_rights.admin = {"1"};
  with_rights.channels = {"orders.*", "presence-room.*"};
  auto all = user;
  all.admin_all = true;
  for (const auto& row : kRows) {
    EXPECT_EQ(may_join(user, row.channel), row.plain_user) << row.channel;
    EXPECT_EQ(may_join(with_rights, row.channel), row.with_rights) << row.channel;
    EXPECT_EQ(may_join(all, row.channel), row.admin_of_all) << row.channel;
  }
}

TEST(Rights, AStarOpensAllButTheMailOfOthers) {
  Claims claims;
  claims.user_id = "42";
  claims.channels = {"*"};
  for (const char* open : {"private-lobby", "presence-domain.9", "private-user.43", "private-encrypted-admin.1"}) {
    EXPECT_TRUE(may_join(claims, open)) << open;
  }
  EXPECT_FALSE(may_join(claims, "#server-to-user-43"));
  claims.channels = {"#server-to-user-*"};
  EXPECT_TRUE(may_join(claims, "#server-to-user-43")) << "when it says so";
  EXPECT_FALSE(may_join(claims, "private-lobby"));
}

TEST(Rights, IdsAreNoPatterns) {
  Claims claims;
  claims.user_id = "*";
  claims.domains = {"*"};
  claims.admin = {"*"};
  for (const char* channel : {"private-user.42", "private-domain.7", "private-admin.1", "#server-to-user-42"}) {
    EXPECT_FALSE(may_join(claims, channel)) << channel;
  }
}

}  // namespace
}  // namespace parley::net::auth

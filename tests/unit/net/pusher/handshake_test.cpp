#include "net/pusher/handshake.h"

#include "net/pusher/session.h"
#include "net/session/rate_limit.h"

#include <gtest/gtest.h>

namespace parley::net::pusher {
namespace {

TEST(CloseCode, NeverStopsClientsForAMessageCode) {
  for (const auto& row : all_errors()) {
    const auto code = close_code(row.code);
    EXPECT_GE(code, 4000);
    EXPECT_LT(code, 4300) << row.name;
  }
}

TEST(RateLimit, GivesASecondsWorthAtOnceAndThenTheRate) {
  RateLimit limit;
  MonoTime now{seconds(100)};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limit.take(10, 1, now));
  EXPECT_FALSE(limit.take(10, 1, now));
  now += milliseconds(100);
  EXPECT_TRUE(limit.take(10, 1, now));
  EXPECT_FALSE(limit.take(10, 1, now));
  now += seconds(60);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limit.take(10, 1, now));
  EXPECT_FALSE(limit.take(10, 1, now));
  EXPECT_TRUE(limit.take(0, 1, now)) << "0 is no limit";
}

TEST(RateLimit, LetsMoreThanASecondsWorthThroughAloneAsADebt) {
  RateLimit limit;
  const MonoTime now{seconds(100)};
  EXPECT_TRUE(limit.take(10, 100, now));
  EXPECT_FALSE(limit.take(10, 1, now + seconds(5)));
  EXPECT_TRUE(limit.take(10, 1, now + seconds(10)));
}

TEST(ConnectionSlot, IsGivenBackOnce) {
  const SettingsSource source(std::make_shared<const Settings>());
  Metrics metrics;
  Revocations revocations;
  SessionContext context(source, metrics, revocations);
  App app{.id = "1"};
  app.limits.connections_max = 2;
  auto one = context.take_slot(app);
  {
    auto two = context.take_slot(app);
    ASSERT_TRUE(one && two);
    ConnectionSlot moved = std::move(*two);
    EXPECT_EQ(context.connections("1"), 2U);
    EXPECT_FALSE(context.take_slot(app));
    EXPECT_EQ(context.connections("1"), 2U);
  }
  EXPECT_EQ(context.connections("1"), 1U);
  EXPECT_EQ(context.connections("other"), 0U);
}

// Tens of thousands of these idle at once; a connection and its subscription have 6 KB together.
TEST(Session, StaysSmall) {
  EXPECT_LE(sizeof(Session), 200U);
  EXPECT_LE(sizeof(Subscription), 56U);
}

}  // namespace
}  // namespace parley::net::pusher

#include "net/hub/timer_wheel.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using namespace std::chrono_literals;

struct Node final : TimerNode {
  MonoTime on_timer(MonoTime now) override {
    ++seen;
    at = now;
    return again;
  }
  int seen = 0;
  MonoTime at;
  MonoTime again = MonoTime::max();
};

TEST(TimerWheel, SeesANodeInTheTickAfterItsTimeAndNotBefore) {
  const MonoTime start{1s};
  TimerWheel wheel(250ms, start);
  Node node;
  wheel.schedule(node, start + 600ms);
  wheel.advance(start + 500ms);
  EXPECT_EQ(node.seen, 0);
  wheel.advance(start + 750ms);
  EXPECT_EQ(node.seen, 1);
  wheel.advance(start + 10s);
  EXPECT_EQ(node.seen, 1);
}

TEST(TimerWheel, HoldsTimesBeyondItsRoundAndStandstills) {
  const MonoTime start{1s};
  TimerWheel wheel(250ms, start);
  Node far;
  far.again = start + 1'000s;
  wheel.schedule(far, start + 1'000s);
  for (int i = 1; i <= 3'999; ++i) wheel.advance(start + i * 250ms);
  const int early = far.seen;  // looked at once a round, and put back by its own word
  EXPECT_LE(early, 4);
  far.again = MonoTime::max();
  wheel.advance(start + 1'001s);
  EXPECT_EQ(far.seen, early + 1);

  Node stopped;
  wheel.schedule(stopped, start + 1'100s);
  wheel.advance(start + 100'000s);
  EXPECT_EQ(stopped.seen, 1);
}

TEST(TimerWheel, MovesEarlierButNotLaterAndForgetsTheDead) {
  const MonoTime start{1s};
  TimerWheel wheel(10ms, start);
  Node node;
  wheel.schedule(node, start + 5s);
  wheel.schedule(node, start + 100ms);
  wheel.schedule(node, start + 9s);
  wheel.advance(start + 120ms);
  EXPECT_EQ(node.seen, 1);
  wheel.schedule(node, start + 200ms);
  wheel.cancel(node);
  {
    Node dead;
    wheel.schedule(dead, start + 200ms);
  }
  wheel.advance(start + 300ms);
  EXPECT_EQ(node.seen, 1);
}

TEST(TimerWheel, ANodeThatIsAlwaysDueIsSeenOncePerTick) {
  const MonoTime start{1s};
  TimerWheel wheel(10ms, start);
  Node node;
  node.again = start;
  wheel.schedule(node, start);
  wheel.advance(start + 100ms);
  EXPECT_GE(node.seen, 5);
  EXPECT_LE(node.seen, 11);
}

}  // namespace
}  // namespace parley::net

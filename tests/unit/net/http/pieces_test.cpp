// The parts of net that are values: frames, outbox, timer wheel, addresses.

#include "net/address/address.h"
#include "net/client/socket.h"
#include "net/hub/outbox.h"
#include "net/hub/timer_wheel.h"
#include "net/socket/websocket_frame.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using namespace std::chrono_literals;

std::string all_of(Outbox& outbox, std::size_t step) {
  std::string out;
  while (!outbox.empty()) {
    struct iovec pieces[4];
    const int count = outbox.gather(pieces, 4);
    std::size_t left = step;
    std::size_t taken = 0;
    for (int i = 0; i < count && left > 0; ++i) {
      const std::size_t part = std::min(left, pieces[i].iov_len);
      out.append(static_cast<const char*>(pieces[i].iov_base), part);
      left -= part;
      taken += part;
    }
    EXPECT_GT(taken, 0U);
    outbox.consume(taken);
  }
  return out;
}

TEST(Frame, HeadersGrowWithTheLength) {
  for (const std::size_t size : {0U, 125U, 126U, 65'535U, 65'536U}) {
    const Bytes frame = text_frame(std::string(size, 'x'));
    EXPECT_EQ(frame->size(), size + (size < 126 ? 2 : size < 65'536 ? 4 : 10));
    EXPECT_EQ(frame_end(*frame + *frame, 1), frame->size());
    EXPECT_EQ(frame_end(*frame + *frame, frame->size()), frame->size());
    EXPECT_EQ(frame_end(*frame + *frame, frame->size() + 1), 2 * frame->size());
  }
}

TEST(Frame, CloseReasonsAreCutBetweenCharacters) {
  std::string reason;
  while (reason.size() < 200) reason += "ä";
  std::string frame;
  append_close_frame(frame, 4200, reason);
  EXPECT_EQ(frame.size(), 2U + 2U + 122U);
}

TEST(Outbox, SendsEverythingInOrderWhateverTheSteps) {
  for (const std::size_t step : {1U, 7U, 100U, 20'000U, 1'000'000U}) {
    Outbox outbox;
    std::string expected;
    const auto add = [&](std::size_t size, char c, bool shared) {
      const std::string text(size, c);
      expected += text;
      shared ? outbox.append(make_bytes(text)) : outbox.append(std::string_view(text));
    };
    add(10, 'a', true);
    add(10, 'b', true);
    add(30'000, 'c', true);
    add(10, 'd', false);
    add(20'000, 'e', true);
    for (int i = 0; i < 20; ++i) add(5'000, static_cast<char>('f' + i), i % 2 == 0);
    EXPECT_EQ(outbox.size(), expected.size());
    EXPECT_EQ(all_of(outbox, step), expected);
    EXPECT_TRUE(outbox.empty());
  }
}

TEST(Outbox, GrowsWhileItIsSent) {
  Outbox outbox;
  std::string expected;
  std::string out;
  for (int i = 0; i < 3'000; ++i) {
    const std::string text(static_cast<std::size_t>(i % 700 + 1), static_cast<char>('a' + i % 26));
    expected += text;
    outbox.append(make_bytes(text));
    struct iovec piece[1];
    ASSERT_EQ(outbox.gather(piece, 1), 1);
    const std::size_t part = std::min<std::size_t>(piece[0].iov_len, 150);
    out.append(static_cast<const char*>(piece[0].iov_base), part);
    outbox.consume(part);
  }
  out += all_of(outbox, 4'096);
  EXPECT_EQ(out, expected);
}

TEST(Outbox, KeepsOnlyTheFrameThatIsHalfOut) {
  Outbox outbox;
  for (int i = 0; i < 100; ++i) outbox.append(text_frame(std::string(100, static_cast<char>('a' + i % 26))));
  outbox.consume(3 * 102 + 40);  // inside the fourth frame
  outbox.keep_current_frame_only();
  EXPECT_EQ(outbox.size(), 62U);
  EXPECT_EQ(all_of(outbox, 10), std::string(62, 'd'));

  Outbox untouched;
  untouched.append(text_frame("one"));
  untouched.append(text_frame("two"));
  untouched.keep_current_frame_only();
  EXPECT_TRUE(untouched.empty());

  Outbox at_boundary;
  at_boundary.append(text_frame("one"));
  at_boundary.append(text_frame("two"));
  at_boundary.consume(5);
  at_boundary.keep_current_frame_only();
  EXPECT_TRUE(at_boundary.empty());
}

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

TEST(Url, IsReadAsWritten) {
  const auto url = parse_url("wss://[::1]:8443/ws?x=1");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/ws?x=1");
  EXPECT_EQ(parse_url("http://a")->port, 80);
  EXPECT_EQ(parse_url("http://a?b")->target, "/?b");
  for (const char* bad : {"", "a", "ftp://a", "http://", "http://a:0", "http://a:99999", "http://a:x"})
    EXPECT_FALSE(parse_url(bad).ok()) << bad;
}

}  // namespace
}  // namespace parley::net

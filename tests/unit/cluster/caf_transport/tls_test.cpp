// Links with mutual TLS: whoever has a certificate of the authority is a node, and nobody else.
#include "certificates.h"
#include "world.h"

namespace parley::cluster::test {
namespace {

CafTransportConfig with(NodeAddress self, TlsFiles files) {
  auto config = config_of(self);
  config.tls = std::move(files);
  return config;
}

TEST(LinksWithTls, CarryEverythingBothWays) {
  Authority authority("ours");
  Node a(with(address_of(1), authority.give("a")));
  Node b(with(address_of(2), authority.give("b")));
  link(a, b);
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < 500; ++i) sent.push_back(std::string(i * 7, static_cast<char>('a' + i % 26)));
  for (int i = 0; i < 3; ++i) sent.push_back(std::string(PeerLimits{}.message_bytes_max, static_cast<char>('0' + i)));
  sent.emplace_back("the last");
  for (const auto& message : sent) {
    ASSERT_EQ(a.transport->send(b.self.node, message, Lane::work), Sent::taken);
    ASSERT_EQ(b.transport->send(a.self.node, message, Lane::work), Sent::taken);
  }
  for (auto* node : {&a, &b}) {
    ASSERT_TRUE(node->has_messages(sent.size()));
    const auto got = node->messages();
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_TRUE(got[i] == sent[i]) << "message " << i;
  }
  b.transport->stop();
  ASSERT_TRUE(a.is_down(b.self));
  EXPECT_TRUE(a.was_closed(b.self));
}

TEST(LinksWithTls, CrossConnectsTooAreOneLink) {
  Authority authority("ours");
  const auto files_a = authority.give("a");
  const auto files_b = authority.give("b");
  for (int round = 0; round < 20; ++round) {
    Node a(with(address_of(1), files_a));
    Node b(with(address_of(2), files_b));
    a.transport->dial({b.seed()});
    b.transport->dial({a.seed()});
    ASSERT_TRUE(a.is_up(b.self) && b.is_up(a.self)) << "round " << round;
    ASSERT_EQ(b.transport->send(a.self.node, "hello", Lane::work), Sent::taken);
    ASSERT_TRUE(a.has_messages(1));
    ASSERT_EQ(a.log(), std::vector<std::string>{"up 2.1"});
    ASSERT_EQ(b.log(), std::vector<std::string>{"up 1.1"});
  }
}

TEST(LinksWithTls, AForeignCertificateIsRefusedAndHurtsNobodyElse) {
  Authority ours("ours");
  Authority theirs("theirs");
  Node a(with(address_of(1), ours.give("a")));
  Node b(with(address_of(2), ours.give("b")));
  link(a, b);
  // It trusts ours, so that only its own certificate is wrong; and one that does not.
  auto files = theirs.give("c");
  files.authority = ours.file();
  Node c(with(address_of(3), files));
  Node d(with(address_of(4), theirs.give("d")));
  for (auto* stranger : {&c, &d}) {
    stranger->transport->dial({a.seed()});
    ASSERT_TRUE(Node::poll_until([&] { return stranger->metrics.peer_dials_failed.value() >= 3; }));
  }
  a.transport->dial({b.place(), c.place(), d.place()});
  ASSERT_TRUE(Node::poll_until([&] { return a.refused("tls") >= 6 && a.metrics.peer_dials_failed.value() >= 2; }));
  ASSERT_EQ(b.transport->send(a.self.node, "still here", Lane::work), Sent::taken);
  ASSERT_TRUE(a.has_messages(1));
  EXPECT_EQ(a.log(), std::vector<std::string>{"up 2.1"});
  EXPECT_TRUE(c.log().empty() && d.log().empty());
}

TEST(LinksWithTls, NoCertificateNoLink) {
  Authority authority("ours");
  Node a(with(address_of(2), authority.give("a")));
  Node plain(address_of(1));
  plain.transport->dial({a.place()});
  ASSERT_TRUE(Node::poll_until([&] { return plain.metrics.peer_dials_failed.value() >= 2 && a.refused("tls") >= 2; }));
  EXPECT_TRUE(a.log().empty() && plain.log().empty());
  // And the other way: one who speaks TLS to one who does not.
  Node secret(with(address_of(3), authority.give("b")));
  secret.transport->dial({plain.seed()});
  ASSERT_TRUE(Node::poll_until([&] { return secret.metrics.peer_dials_failed.value() >= 2; }));
  EXPECT_TRUE(plain.log().empty());
}

TEST(LinksWithTls, BadFilesAreSaidAtTheStart) {
  Authority authority("ours");
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  const auto refused = [&](TlsFiles files) {
    auto opened = CafTransport::open(with(address_of(1), std::move(files)), clock, random, metrics);
    return opened.ok() ? std::string() : opened.error().message;
  };
  auto files = authority.give("a");
  files.key.clear();
  EXPECT_NE(refused(files).find("needs a certificate, its key and an authority"), std::string::npos);
  files = authority.give("b");
  files.key = authority.give("c").key;
  EXPECT_NE(refused(files), "");
  files = authority.give("d");
  files.authority = "/nowhere";
  EXPECT_NE(refused(files).find("/nowhere"), std::string::npos);
  EXPECT_EQ(refused(authority.give("e")), "");
}

TEST(Listening, AnAddressThatIsTakenIsSaid) {
  Node a(address_of(1));
  auto config = config_of(address_of(2));
  config.listen_port = a.transport->port();
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  auto opened = CafTransport::open(config, clock, random, metrics);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find(std::to_string(a.transport->port())), std::string::npos);
}

}  // namespace
}  // namespace parley::cluster::test

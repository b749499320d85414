// Who is not let in is told why by name, and the node that refuses counts it.
#include "world.h"

namespace parley::cluster::test {
namespace {

schemas::Hello hello_of(NodeAddress self, std::uint64_t cluster = 0) {
  schemas::Hello hello;
  hello.name = "by hand";
  hello.node = self;
  hello.cluster = cluster;
  return hello;
}

std::string refusal_of(Node& node, const schemas::Hello& hello) {
  RawEnd end(node.transport->port());
  EXPECT_TRUE(end.say_hello(hello));
  auto reason = end.refusal();
  EXPECT_TRUE(end.hears_the_end());
  return reason;
}

TEST(Refusals, AreByNameAndCounted) {
  auto config = config_of(address_of(5, 7));
  config.cluster = 100;
  Node a(config);
  auto other_version = hello_of(address_of(1));
  other_version.version = schemas::kLinkVersion + 1;
  EXPECT_EQ(refusal_of(a, other_version), "version");
  EXPECT_EQ(refusal_of(a, hello_of(address_of(1), 200)), "cluster");
  EXPECT_EQ(refusal_of(a, hello_of(address_of(5, 6), 100)), "own_id");
  EXPECT_EQ(refusal_of(a, hello_of(address_of(5, 8))), "own_id");
  EXPECT_EQ(refusal_of(a, hello_of(address_of(5, 7))), "self");
  {
    RawEnd end(a.transport->port());
    ASSERT_TRUE(end.say(FrameKind::hello, "this is no hello"));
    EXPECT_EQ(end.refusal(), "bad_hello");
  }
  for (const auto* reason : {"version", "cluster", "self", "bad_hello"}) EXPECT_EQ(a.refused(reason), 1) << reason;
  EXPECT_EQ(a.refused("own_id"), 2);
  EXPECT_TRUE(a.log().empty());
}

TEST(Refusals, OfAnotherClusterEndWithTheNodeThatJoins) {
  auto config = config_of(address_of(1));
  config.cluster = 100;
  Node a(config);
  config = config_of(address_of(2));
  config.cluster = 200;
  Node b(config);
  a.transport->dial({b.place()});
  ASSERT_TRUE(Node::poll_until([&] { return a.refused("cluster") + b.refused("cluster") >= 2; }));
  EXPECT_TRUE(a.log().empty());
  for (auto* node : {&a, &b}) {
    EXPECT_NE(node->first_refused().find("00000000000000c8"), std::string::npos) << node->first_refused();
  }
  b.transport->set_cluster(100);
  ASSERT_TRUE(a.is_up(b.self)) << "it is dialed again";
  ASSERT_TRUE(b.is_up(a.self));
}

TEST(Refusals, ANodeThatIsInNoClusterYetIsLetIn) {
  auto config = config_of(address_of(1));
  config.cluster = 100;
  Node a(config);
  Node b(address_of(2));
  b.transport->dial({a.seed()});
  ASSERT_TRUE(a.is_up(b.self));
}

TEST(Refusals, OfOneWhoAnswersInAnothersPlace) {
  Node a(address_of(1));
  Node b(address_of(2));
  a.transport->dial({b.place(NodeId{3})});
  ASSERT_TRUE(Node::poll_until([&] { return a.refused("other_node") >= 2; }));
  EXPECT_TRUE(b.log().empty());
}

TEST(Refusals, OfACopyOfANode) {
  Node a(address_of(1, 5));
  Node b(address_of(1, 6));
  a.transport->dial({b.seed()});
  ASSERT_TRUE(Node::poll_until([&] { return b.refused("own_id") >= 2; }));
  EXPECT_TRUE(a.log().empty());
  EXPECT_TRUE(b.log().empty());
}

TEST(Refusals, OfMoreLinksThanMayBe) {
  auto config = config_of(address_of(1));
  config.links.links_max = 3;
  Node a(config);
  std::vector<std::unique_ptr<RawEnd>> ends;
  for (std::uint64_t i = 2; i < 5; ++i) {
    ends.push_back(std::make_unique<RawEnd>(a.transport->port()));
    ASSERT_TRUE(ends.back()->introduce(address_of(i), 1));
  }
  EXPECT_EQ(refusal_of(a, hello_of(address_of(9))), "too_many_links");
  ends.front().reset();
  ASSERT_TRUE(a.is_down(address_of(2)));
  RawEnd again(a.transport->port());
  EXPECT_TRUE(again.introduce(address_of(9), 1)) << "there is room again";
}

TEST(Refusals, OfTheSecondLinkOfOneProcess) {
  Node a(address_of(1));
  RawEnd first(a.transport->port());
  ASSERT_TRUE(first.introduce(address_of(2), 1));
  ASSERT_TRUE(a.is_up(address_of(2)));
  EXPECT_EQ(refusal_of(a, hello_of(address_of(2))), "already_linked");
  EXPECT_EQ(a.log(), std::vector<std::string>{"up 2.1"});
}

}  // namespace
}  // namespace parley::cluster::test

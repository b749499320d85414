// Where other nodes are, as people write it.
#include "server/config/node_place.h"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

TEST(NodePlaceTest, IsAHostWithAPortOrWithout) {
  const auto read = [](std::string_view text) { return parse_node_place(text, 6002).value_or(NodePlace{}); };
  EXPECT_EQ(read("parley-0.parley"), (NodePlace{"parley-0.parley", 6002}));
  EXPECT_EQ(read("parley-0:7000"), (NodePlace{"parley-0", 7000}));
  EXPECT_EQ(read("10.0.0.7:1"), (NodePlace{"10.0.0.7", 1}));
  EXPECT_EQ(read("[fd00::7]:65535"), (NodePlace{"fd00::7", 65535}));
  EXPECT_EQ(read("[fd00::7]"), (NodePlace{"fd00::7", 6002}));
  EXPECT_EQ(read("fd00::7"), (NodePlace{"fd00::7", 6002}));
  EXPECT_EQ(read("fe80::1%eth0"), (NodePlace{"fe80::1%eth0", 6002}));
}

TEST(NodePlaceTest, EverythingElseIsNone) {
  for (const auto* text : {"", ":6002", "host:", "host:0", "host:65536", "host:6002x", "host:-1", "[fd00::7", "[]:1",
                           "[fd00::7]6002", "http://host", "a b", "host/path", "host:1:"}) {
    EXPECT_FALSE(parse_node_place(text, 6002)) << text;
  }
  EXPECT_FALSE(parse_node_place(std::string(256, 'h'), 6002));
}

}  // namespace
}  // namespace parley::server

// How nodes introduce themselves: what was said arrives, and what is damaged is an error.
#include "schemas/peer/hello.h"

#include <gtest/gtest.h>

namespace parley::schemas {
namespace {

Hello full() {
  return {kLinkVersion, "berlin-1", 0xfeed, {NodeId{7}, Incarnation{1'760'000'000'000}}, "parley-1.parley", 6201};
}

TEST(Hello, ArrivesWhole) {
  const auto read = decode_hello(encode_hello(full()));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->version, kLinkVersion);
  EXPECT_EQ(read->name, "berlin-1");
  EXPECT_EQ(read->cluster, 0xfeedU);
  EXPECT_EQ(read->node, full().node);
  EXPECT_EQ(read->host, "parley-1.parley");
  EXPECT_EQ(read->port, 6201);
  const auto refusal = decode_refusal(encode_refusal({"cluster", "of another one", "berlin-2"}));
  ASSERT_TRUE(refusal.ok());
  EXPECT_EQ(refusal->reason, "cluster");
  EXPECT_EQ(refusal->message, "of another one");
  EXPECT_EQ(refusal->name, "berlin-2");
}

TEST(Hello, OfAnotherVersionOnlyItsVersionAndNameCount) {
  auto later = full();
  later.version = 9;
  const auto read = decode_hello(encode_hello(later));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->version, 9);
  EXPECT_EQ(read->name, "berlin-1");
  EXPECT_FALSE(read->node.exists());
}

TEST(Hello, NamesAreCutAndTame) {
  auto loud = full();
  loud.name = "\x1b[31m\n";
  loud.name.append(1'000, 'x');
  const auto read = decode_hello(encode_hello(loud));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->name.size(), kHelloTextBytesMax);
  EXPECT_EQ(read->name.substr(0, 7), "?[31m?x");
}

TEST(Hello, WhatIsDamagedIsAnErrorOrAnotherHello) {
  const auto bytes = encode_hello(full());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_hello(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    (void)decode_hello(flipped).ok();
    (void)decode_refusal(flipped).ok();
  }
  auto nobody = full();
  nobody.node = {};
  EXPECT_FALSE(decode_hello(encode_hello(nobody)).ok());
  EXPECT_FALSE(decode_hello(encode_refusal({"a", "b", "c"})).ok()) << "it has no magic number";
}

// What 0.2.0 writes: other releases must be able to say why they do not understand each other.
TEST(Hello, ItsFirstFieldsKeepTheirPlace) {
  const auto bytes = encode_hello(full());
  ASSERT_GE(bytes.size(), 24U);
  EXPECT_EQ(bytes.substr(16, 8), "1Lyelrap") << "the magic number, little-endian";
  EXPECT_EQ(static_cast<int>(bytes[24]), 1) << "the version";
}

}  // namespace
}  // namespace parley::schemas

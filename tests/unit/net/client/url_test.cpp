#include "net/client/socket.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

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

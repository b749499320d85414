// Heads of requests that must not be believed, and what a WebSocket's must say.

#include "net/http/request_head.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

int fault(Headers headers, bool http_10 = false, bool host = true) {
  if (host) headers.emplace_back("host", "a.example");
  const auto found = fault_of({.method = "POST", .headers = std::move(headers)}, http_10);
  return found ? found->status : 0;
}

TEST(RequestHead, OneTransferEncodingIsUnderstood) {
  EXPECT_EQ(fault({{"transfer-encoding", "chunked"}}), 0);
  EXPECT_EQ(fault({{"transfer-encoding", "Chunked"}}), 0);
  EXPECT_EQ(fault({{"transfer-encoding", "xchunked"}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", "identity"}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", "gzip"}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", ""}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", "\"chunked\""}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", "chunked;q=1"}}), 501);
  EXPECT_EQ(fault({{"transfer-encoding", "chunked, chunked"}}), 400);
  EXPECT_EQ(fault({{"transfer-encoding", "gzip, chunked"}}), 400);
  EXPECT_EQ(fault({{"transfer-encoding", "chunked"}, {"transfer-encoding", "chunked"}}), 400);
  EXPECT_EQ(fault({{"transfer-encoding", "chunked"}, {"content-length", "3"}}), 400);
  EXPECT_EQ(fault({{"transfer-encoding", "chunked"}}, true), 400);
  EXPECT_EQ(fault({{"content-length", "3"}, {"content-length", "3"}}), 400);
}

TEST(RequestHead, ItIsForOneHost) {
  EXPECT_EQ(fault({}, false, false), 400);
  EXPECT_EQ(fault({}, true, false), 0) << "HTTP/1.0 knew none";
  EXPECT_EQ(fault({{"host", "b.example"}}), 400);
  EXPECT_EQ(fault({{"host", "a.example"}}, true), 400);
  for (const char* good : {"", "a.example", "a.example:80", "[::1]:6001", "my_host", "127.0.0.1"}) {
    EXPECT_EQ(fault({{"host", good}}, false, false), 0) << good;
  }
  for (const char* bad : {"a b", "a/b", "a@b", "a,\tb", "a\"b", "\xc3\xa4"}) {
    EXPECT_EQ(fault({{"host", bad}}, false, false), 400) << bad;
  }
}

TEST(RequestHead, CompressedBodiesAreNotRead) {
  EXPECT_EQ(fault({{"content-encoding", "gzip"}}), 415);
  EXPECT_EQ(fault({{"content-encoding", "br"}}), 415);
  EXPECT_EQ(fault({{"content-encoding", "identity"}, {"content-encoding", "gzip"}}), 415);
  EXPECT_EQ(fault({{"content-encoding", "identity"}}), 0);
  EXPECT_EQ(fault({{"content-encoding", "Identity"}}), 0);
  EXPECT_EQ(fault({{"content-encoding", ""}}), 0);
}

std::string missing(Headers headers, bool http_10 = false, std::string method = "GET") {
  return missing_for_websocket({.method = std::move(method), .headers = std::move(headers)}, http_10);
}

TEST(RequestHead, SaysWhatAWebSocketLacks) {
  EXPECT_EQ(missing({{"upgrade", "websocket"}, {"connection", "keep-alive, Upgrade"}}), "");
  EXPECT_EQ(missing({{"upgrade", "WebSocket"}, {"connection", "keep-alive"}, {"connection", "upgrade"}}), "");
  EXPECT_EQ(missing({{"connection", "upgrade"}}), "the header `Upgrade: websocket`");
  EXPECT_EQ(missing({{"upgrade", "websocket"}, {"connection", "close"}}), "the header `Connection: Upgrade`");
  EXPECT_EQ(missing({{"connection", "close"}}, true),
            "HTTP/1.1 and the header `Upgrade: websocket` and the header `Connection: Upgrade`");
  EXPECT_EQ(missing({{"upgrade", "websocket"}, {"connection", "upgrade"}}, false, "POST"), "the method GET");
}

TEST(RequestHead, AWebSocketKeyIsSixteenBytes) {
  EXPECT_TRUE(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_TRUE(is_websocket_key("AAAAAAAAAAAAAAAAAAAAAA=="));
  for (const char* bad : {"", "x", "dGhlIHNhbXBsZSBub25jZQ",
                          "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25jZQ===",
                          "dGhlIHNhbXBsZSBub25*ZQ==", "dGhlIHNhbXBsZSBub25-ZQ==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}) {
    EXPECT_FALSE(is_websocket_key(bad)) << bad;
  }
}

}  // namespace
}  // namespace parley::net

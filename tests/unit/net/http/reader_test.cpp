// Requests out of bytes: the same ones however the bytes are cut, and never more held than the bounds say.

#include "net/http/reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace parley::net {
namespace {

using Outcome = HttpReader::Outcome;

const std::string kStream =
    "GET /ws/a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nX: "
    "y\r\n\r\n"
    "GET http://x/d HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    "GET /e HTTP/1.0\r\n\r\n";

// What came out, as text; the last is how it ended.
std::vector<std::string> requests_of(std::string_view stream, const std::vector<std::size_t>& cuts) {
  const NodeLimits limits;
  HttpReader reader("/ws");
  std::vector<std::string> found;
  std::size_t at = 0;
  const auto read = [&](std::string_view piece) {
    reader.append(piece);
    for (;;) {
      const auto outcome = reader.read(limits);
      if (outcome == Outcome::refused) {
        found.push_back(std::to_string(reader.fault().status));
        return false;
      }
      if (outcome != Outcome::whole) return true;
      const bool websocket = reader.asks_for_websocket();
      const auto taken = reader.take();
      found.push_back(fmt::format("{} {}?{} {} headers [{}]{}{}", taken.request.method, taken.request.path,
                                  taken.request.query, taken.request.headers.size(), taken.request.body,
                                  websocket ? " websocket" : "", taken.http_10 ? " 1.0" : ""));
    }
  };
  for (const auto cut : cuts) {
    if (!read(stream.substr(at, cut - at))) return found;
    at = cut;
  }
  if (read(stream.substr(at))) found.push_back(fmt::format("{} left", reader.rest().size()));
  return found;
}

const std::vector<std::string> kFound = {"GET /a?b=1 1 headers []",    "POST /b? 2 headers [hello]",
                                         "POST /c? 2 headers [abcde]", "GET /d? 3 headers [] websocket",
                                         "GET /e? 0 headers [] 1.0",   "0 left"};

TEST(HttpReader, FieldsHaveABoundAndTheirCostIsCounted) {
  const auto head = [](std::size_t fields, std::string_view end) {
    std::string text = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (std::size_t i = 1; i < fields; ++i) text += "a:b\r\n";
    return text.append(end);
  };
  EXPECT_EQ(requests_of(head(128, "\r\n"), {}).front(), "GET /? 128 headers []");
  EXPECT_EQ(requests_of(head(129, "\r\n"), {}), std::vector<std::string>{"431"});
  EXPECT_EQ(requests_of(head(130, ""), {}), std::vector<std::string>{"431"}) << "before its end";
  HttpReader reader("");
  reader.append(head(100, ""));
  EXPECT_EQ(reader.read({}), Outcome::more);
  EXPECT_GT(reader.held(), 100U * 256U);
}

TEST(HttpReader, TheSameRequestsHoweverTheBytesAreCut) {
  EXPECT_EQ(requests_of(kStream, {}), kFound);
  for (std::size_t cut = 1; cut < kStream.size(); ++cut) EXPECT_EQ(requests_of(kStream, {cut}), kFound) << cut;
  std::vector<std::size_t> each;
  for (std::size_t cut = 1; cut < kStream.size(); ++cut) each.push_back(cut);
  EXPECT_EQ(requests_of(kStream, each), kFound);
}

TEST(HttpReader, AFaultIsTheSameHoweverTheBytesAreCut) {
  for (const auto& [bad, status] : std::vector<std::pair<std::string, std::string>>{
           {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "501"},
           {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "415"}}) {
    const std::vector<std::string> expected = {status};
    EXPECT_EQ(requests_of(bad + kStream, {}), expected) << bad;
    for (std::size_t cut = 1; cut < bad.size(); ++cut) EXPECT_EQ(requests_of(bad + kStream, {cut}), expected) << cut;
  }
}

TEST(HttpReader, HoldsNoMoreThanTheBoundsSay) {
  const NodeLimits limits;
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& [start, more] : std::vector<std::pair<std::string, std::string>>{
           {"GET /", "a"},
           {"GET / HTTP/1.1\r\nX: ", "a"},
           {"GET / HTTP/1.1\r\n", "X: a\r\n"},
           {head + "1;x=", "a"},
           {head, "1;x=" + std::string(2'000, 'a') + "\r\na\r\n"},
           {head, "0"},
           {head + "1\r\na\r\n0\r\nX: ", "a"},
           {head + "1\r\na\r\n0\r\n", "X: a\r\n"},
           {head, "1000\r\n" + std::string(4'096, 'a') + "\r\n"},
           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", std::string(4'096, 'a')}}) {
    HttpReader reader("");
    std::string piece;
    while (piece.size() < 8'192) piece += more;
    reader.append(start);
    std::size_t sent = 0;
    auto outcome = reader.read(limits);
    while (outcome != Outcome::refused && sent < 16 * limits.http_body_bytes_max) {
      reader.append(piece);
      sent += piece.size();
      outcome = reader.read(limits);
      ASSERT_LE(reader.held(), limits.http_body_bytes_max + 2 * limits.http_header_bytes_max) << start << more;
    }
    EXPECT_EQ(outcome, Outcome::refused) << start << more.substr(0, 10);
  }
}

TEST(HttpReader, SmallChunksPass) {
  std::string stream = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100'000; ++i) stream += "1\r\na\r\n";
  const auto found = requests_of(stream + "0\r\n\r\n", {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].size(), std::string("POST /? 2 headers []").size() + 100'000);
}

// Bytes of a stranger: whatever they are, an outcome.
TEST(HttpReader, TakesAnyBytes) {
  std::mt19937 random(4711);  // NOLINT: the same bytes every time
  const NodeLimits limits;
  for (int round = 0; round < 3'000; ++round) {
    std::string stream = kStream;
    for (int i = 0; i < 4; ++i) stream[random() % stream.size()] = static_cast<char>(random());
    if (round % 3 == 0) stream.insert(random() % stream.size(), std::string(random() % 30'000, 'x'));
    HttpReader reader("/ws");
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t piece = 1 + random() % 200;
      reader.append(std::string_view(stream).substr(at, piece));
      at += piece;
      Outcome outcome;
      while ((outcome = reader.read(limits)) == Outcome::whole) (void)reader.take();
      if (outcome == Outcome::refused) break;
      ASSERT_LE(reader.held(), 3 * limits.http_header_bytes_max + stream.size());
    }
  }
}

}  // namespace
}  // namespace parley::net

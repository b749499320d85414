#pragma once
// Requests out of a connection's bytes, one after the other, and the bounds of what comes: heads, bodies, what stands
// around the chunks of bodies. Pure: no socket, no clock.
//
// Beast parses; what it leaves without a bound, or takes for good, is judged here.

#include "core/limits.h"
#include "net/http/request_head.h"
#include "net/websocket/connection.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::net {

class HttpReader {
 public:
  // The prefix is cut off where a path starts with it; `/ws`, or empty.
  explicit HttpReader(std::string_view path_prefix) : prefix_(path_prefix) {}

  void append(std::string_view bytes) { buffer_.append(bytes); }

  enum class Outcome : std::uint8_t {
    nothing,  // not a byte of a request is there
    head,     // more is needed, and the head came with this call
    more,     // more is needed
    whole,    // take() it
    refused,  // fault() says why; nothing that follows means what it seems to
  };
  Outcome read(const NodeLimits& limits);
  [[nodiscard]] const HeadFault& fault() const { return fault_; }

  // ---- of the request that is coming ----
  [[nodiscard]] bool begun() const { return parser_.has_value(); }
  [[nodiscard]] bool has_head() const { return parser_ && parser_->is_header_done(); }
  [[nodiscard]] const HttpRequest& head() const { return request_; }  // without who sent it; trailers do not change it
  [[nodiscard]] std::uint64_t content_length() const { return parser_->content_length().value_or(0); }
  [[nodiscard]] std::uint64_t bytes() const { return request_bytes_; }
  [[nodiscard]] bool asks_for_websocket() const { return wants_websocket_; }

  struct Taken {
    HttpRequest request;
    UpgradeHead upgrade;  // if it asks for a WebSocket
    bool keep_alive = true;
    bool http_10 = false;
  };
  Taken take();  // the whole one
  void clear();  // gives up all that is there

  // ---- of the bytes ----
  [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(parsed_); }
  // What is held of them: a head is there twice, and each of its fields costs something beside its text.
  [[nodiscard]] std::size_t held() const {
    return buffer_.size() + (parser_ ? parser_->get().body().size() + 2 * head_bytes_ + fields_ * kFieldBytes : 0);
  }
  static constexpr std::size_t kFieldsMax = 128;  // of a head, and of trailers; then 431

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  static constexpr std::size_t kFieldBytes = 256;
  bool count_fields();  // false: too many
  Outcome refuse(int status, Errc code, std::string_view message);
  bool read_head();
  bool chunks_are_small(const NodeLimits& limits) const;
  void used(std::size_t bytes);

  std::string_view prefix_;
  std::string buffer_;
  std::size_t parsed_ = 0;  // of the buffer
  std::optional<Parser> parser_;
  HttpRequest request_;
  HeadFault fault_{};
  std::uint64_t request_bytes_ = 0;
  std::uint64_t head_bytes_ = 0;
  std::size_t fields_ = 0;
  bool wants_websocket_ = false;
};

}  // namespace parley::net

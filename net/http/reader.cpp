#include "net/http/reader.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley::net {

namespace http = boost::beast::http;

namespace {

// Sizes, extensions and line ends of chunks may be so many times as long as what is in them.
constexpr std::uint64_t kFramingMax = 8;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

struct Target {
  std::string_view path;
  std::string_view query;
};

Target split(std::string_view target, std::string_view prefix) {
  // The absolute form is for proxies, but every server must understand it.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!lower(target.substr(0, scheme.size())).starts_with(scheme)) continue;
    const auto slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  const auto question = target.find('?');
  std::string_view path = target.substr(0, question);
  if (!prefix.empty() && path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/')) {
    path.remove_prefix(prefix.size());
    if (path.empty()) path = "/";
  }
  return {path, question == std::string_view::npos ? std::string_view() : target.substr(question + 1)};
}

}  // namespace

HttpReader::Outcome HttpReader::read(const NodeLimits& limits) {
  const auto bytes = rest();
  if (bytes.empty()) {
    if (parser_) return Outcome::more;
    std::string().swap(buffer_);
    return Outcome::nothing;
  }
  if (!parser_) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits.http_header_bytes_max));
    parser_->body_limit(limits.http_body_bytes_max);
    request_bytes_ = head_bytes_ = fields_ = 0;
  }
  boost::system::error_code error;
  const bool had_head = parser_->is_header_done();
  const auto put = [&](std::string_view more) {
    const std::size_t taken = parser_->put(boost::asio::const_buffer(more.data(), more.size()), error);
    if (error == http::error::need_more) error = {};
    return taken;
  };
  std::size_t taken = put(bytes);
  if (error == http::error::header_limit ||
      (!error && !parser_->is_header_done() && bytes.size() - taken > limits.http_header_bytes_max)) {
    return refuse(431, Errc::too_large, "the request's headers are too large");
  }
  if (!count_fields()) return refuse(431, Errc::too_large, "the request has too many header fields");
  if (!had_head) head_bytes_ = request_bytes_ + taken;
  if (!had_head && parser_->is_header_done()) {
    // The head alone, before what stands behind it: with a wrong one nothing there means what it seems to, and
    // trailers are no part of it.
    if (!read_head()) return Outcome::refused;
    parser_->eager(true);
    if (!parser_->is_done() && taken < bytes.size()) taken += put(bytes.substr(taken));
  }
  used(taken);
  if (error == http::error::body_limit) return refuse(413, Errc::too_large, "the request's body is too large");
  if (error) return refuse(400, Errc::bad_request, "this is not a valid HTTP request");
  if (!parser_->is_header_done()) return Outcome::more;
  if (!chunks_are_small(limits)) {
    return refuse(431, Errc::too_large, "the chunks of the request's body have too much around them");
  }
  if (parser_->is_done()) return Outcome::whole;
  return had_head ? Outcome::more : Outcome::head;
}

bool HttpReader::count_fields() {
  const auto& message = parser_->get();
  fields_ = static_cast<std::size_t>(std::distance(message.begin(), message.end()));
  return fields_ <= kFieldsMax;
}

HttpReader::Outcome HttpReader::refuse(int status, Errc code, std::string_view message) {
  fault_ = {status, code, message};
  return Outcome::refused;
}

bool HttpReader::read_head() {
  const auto& message = parser_->get();
  request_ = {};
  request_.method = std::string(view(message.method_string()));
  const auto target = split(view(message.target()), prefix_);
  request_.path = std::string(target.path);
  request_.query = std::string(target.query);
  for (const auto& field : message) {
    request_.headers.emplace_back(lower(view(field.name_string())), std::string(view(field.value())));
  }
  wants_websocket_ = boost::beast::websocket::is_upgrade(message) && !parser_->chunked();
  if (const auto found = fault_of(request_, message.version() < 11)) {
    fault_ = *found;
    return false;
  }
  return true;
}

// Beast reads the heads of chunks, and trailers, without a bound.
bool HttpReader::chunks_are_small(const NodeLimits& limits) const {
  const std::uint64_t head = limits.http_header_bytes_max;
  if (!parser_->is_done() && rest().size() > head) return false;  // one of them goes on and on
  return request_bytes_ <= 2 * head + (1 + kFramingMax) * parser_->get().body().size();
}

void HttpReader::used(std::size_t bytes) {
  parsed_ += bytes;
  request_bytes_ += bytes;
  if (parsed_ < buffer_.size()) {
    // What comes next is appended: the front is given up now and then, not with each small request.
    if (parsed_ < buffer_.size() / 2) return;
    buffer_.erase(0, parsed_);
  } else {
    buffer_.clear();
  }
  parsed_ = 0;
}

HttpReader::Taken HttpReader::take() {
  Taken taken;
  auto message = parser_->release();
  parser_.reset();
  taken.keep_alive = message.keep_alive();
  taken.http_10 = message.version() < 11;
  taken.request = std::exchange(request_, {});
  taken.request.body = std::move(message.body());
  if (wants_websocket_) taken.upgrade = std::move(message);
  return taken;
}

void HttpReader::clear() {
  std::string().swap(buffer_);
  parsed_ = 0;
  parser_.reset();
  request_ = {};
}

}  // namespace parley::net

#include "net/client/client.h"

#include "net/auth/http_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t kResponseBytesMax = 256 * 1024 * 1024;
constexpr std::size_t kMessageBytesMax = 64 * 1024 * 1024;
const SystemClock kClock;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

std::string host_header(const Url& url) {
  const bool six = url.host.find(':') != std::string::npos;
  const std::string host = six ? "[" + url.host + "]" : url.host;
  return url.port == (url.tls ? 443 : 80) ? host : fmt::format("{}:{}", host, url.port);
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return out;
}

std::string accept_for(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr);
  return base64({reinterpret_cast<const char*>(digest.data()), length});
}

void append_headers(std::string& out, const ClientHeaders& headers) {
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
}

Result<ClientResponse> read_from(ClientSocket& socket, std::string& buffer, milliseconds timeout, bool head_only) {
  const MonoTime until = kClock.now() + timeout;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kResponseBytesMax);
  parser.eager(true);
  parser.skip(head_only);
  while (!parser.is_done()) {
    if (!buffer.empty()) {
      boost::system::error_code error;
      const std::size_t used = parser.put(boost::asio::const_buffer(buffer.data(), buffer.size()), error);
      buffer.erase(0, used);
      if (error && error != http::error::need_more) {
        return make_error(Errc::io, "the server's answer is not valid HTTP: " + error.message());
      }
      if (parser.is_done()) break;
      // After an upgrade the bytes are no longer HTTP.
      if (parser.is_header_done() && parser.get().result_int() == 101) break;
      if (used > 0 && !buffer.empty()) continue;
    }
    const auto left = std::chrono::ceil<milliseconds>(until - kClock.now());
    auto more = socket.read_some(std::max(left, milliseconds(0)));
    if (!more) return more.error();
    if (more->empty()) {
      boost::system::error_code error;
      parser.put_eof(error);
      if (error || !parser.is_done()) return make_error(Errc::io, "the server closed the connection");
      break;
    }
    buffer += *more;
  }
  ClientResponse response;
  auto message = parser.release();
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    response.headers.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                  std::string(field.value().data(), field.value().size()));
  }
  response.body = std::move(message.body());
  return response;
}

}  // namespace

// ---- HTTP ----

std::string_view ClientResponse::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<HttpClient> HttpClient::connect(const Url& url, ClientOptions options) {
  auto socket = ClientSocket::connect(url, options);
  if (!socket) return socket.error();
  return HttpClient(std::move(*socket), url, std::move(options));
}

Result<ClientResponse> HttpClient::call(std::string_view method, std::string_view target, std::string_view body,
                                        const ClientHeaders& headers) {
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, host_header(url_));
  const bool typed = std::any_of(headers.begin(), headers.end(),
                                 [](const auto& header) { return lower(header.first) == "content-type"; });
  if (!body.empty() && !typed) request += "Content-Type: application/json\r\n";
  if (!body.empty() || method == "POST") request += fmt::format("Content-Length: {}\r\n", body.size());
  append_headers(request, headers);
  request += "\r\n";
  request += body;
  if (const auto sent = send_raw(request); !sent) return sent.error();
  return read_response(method == "HEAD");
}

Result<ClientResponse> HttpClient::read_response(bool head_only) {
  return read_from(socket_, buffer_, options_.timeout, head_only);
}

Result<ClientResponse> http_call(std::string_view method, std::string_view url_text, std::string_view body,
                                 const ClientHeaders& headers, const ClientOptions& options) {
  const auto url = parse_url(url_text);
  if (!url) return url.error();
  auto client = HttpClient::connect(*url, options);
  if (!client) return client.error();
  return client->call(method, url->target, body, headers);
}

Result<ClientResponse> signed_call(const ApiKey& key, std::string_view method, std::string_view url_text,
                                   std::string_view path, std::vector<std::pair<std::string, std::string>> parameters,
                                   std::string_view body, const ClientHeaders& headers, const ClientOptions& options) {
  const auto url = parse_url(url_text);
  if (!url) return url.error();
  std::string prefix = url->target.substr(0, url->target.find('?'));
  while (prefix.ends_with('/')) prefix.pop_back();
  const std::string query = auth::sign_request(key.key, key.secret, {.method = method, .path = path, .body = body},
                                               std::move(parameters), kClock.wall());
  auto client = HttpClient::connect(*url, options);
  if (!client) return client.error();
  return client->call(method, fmt::format("{}{}?{}", prefix, path, query), body, headers);
}

// ---- WebSocket ----

Result<WebSocketClient> WebSocketClient::connect(std::string_view url_text, ClientOptions options,
                                                 const ClientHeaders& headers) {
  const auto url = parse_url(url_text);
  if (!url) return url.error();
  auto socket = ClientSocket::connect(*url, options);
  if (!socket) return socket.error();
  OsRandom random;
  const std::uint64_t nonce[2] = {random.next(), random.next()};
  const std::string key = base64({reinterpret_cast<const char*>(nonce), sizeof nonce});
  std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n",
      url->target, host_header(*url), key);
  append_headers(request, headers);
  request += "\r\n";
  if (const auto sent = socket->write_all(request, options.timeout); !sent) return sent.error();
  std::string buffer;
  auto response = read_from(*socket, buffer, options.timeout, false);
  if (!response) return response.error();
  if (response->status != 101) {
    return make_error(Errc::io,
                      fmt::format("the server answered the upgrade with {}: {}", response->status, response->body));
  }
  if (response->header("sec-websocket-accept") != accept_for(key)) {
    return make_error(Errc::io, "the server's Sec-WebSocket-Accept is wrong");
  }
  return WebSocketClient(std::move(*socket), std::move(options), std::move(buffer));
}

Status WebSocketClient::send_frame(Opcode opcode, std::string_view payload, bool final) {
  std::string frame;
  append_frame(frame, opcode, payload);
  frame.resize(frame.size() - payload.size());
  if (!final) frame[0] = static_cast<char>(frame[0] & 0x7f);
  frame[1] = static_cast<char>(frame[1] | 0x80);
  const auto mask_number = static_cast<std::uint32_t>(random_.next());
  char mask[4];
  for (int i = 0; i < 4; ++i) mask[i] = static_cast<char>(mask_number >> (8 * i));
  frame.append(mask, 4);
  const std::size_t start = frame.size();
  frame += payload;
  for (std::size_t i = 0; i < payload.size(); ++i) frame[start + i] = static_cast<char>(frame[start + i] ^ mask[i % 4]);
  return send_raw(frame);
}

Result<std::optional<WebSocketClient::Message>> WebSocketClient::take_frame() {
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(buffer_[i]); };
  if (buffer_.size() < 2) return std::optional<Message>();
  std::size_t header = 2;
  std::uint64_t length = byte(1) & 0x7f;
  if (length >= 126) {
    const std::size_t more = length == 126 ? 2 : 8;
    if (buffer_.size() < 2 + more) return std::optional<Message>();
    length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8 | byte(2 + i);
    header += more;
  }
  if ((byte(0) & 0x70) != 0 || (byte(1) & 0x80) != 0)
    return make_error(Errc::bad_frame, "the server's frame has bits that were not agreed on");
  if (length > kMessageBytesMax) return make_error(Errc::too_large, "the server's message is too large");
  if (buffer_.size() < header + length) return std::optional<Message>();
  const bool final = (byte(0) & 0x80) != 0;
  Message message{static_cast<Opcode>(byte(0) & 0x0f), buffer_.substr(header, length), 0};
  buffer_.erase(0, header + length);
  switch (message.opcode) {
    case Opcode::ping:
      if (const auto sent = send_frame(Opcode::pong, message.payload); !sent) return sent.error();
      return take_frame();
    case Opcode::pong:
      return std::optional<Message>(std::move(message));
    case Opcode::close:
      message.close_code = 1005;
      if (message.payload.size() >= 2) {
        message.close_code = static_cast<std::uint16_t>(static_cast<unsigned char>(message.payload[0]) << 8 |
                                                        static_cast<unsigned char>(message.payload[1]));
        message.payload.erase(0, 2);
      }
      return std::optional<Message>(std::move(message));
    case Opcode::continuation:
      message.opcode = partial_opcode_;
      break;
    case Opcode::text:
    case Opcode::binary:
      partial_opcode_ = message.opcode;
      break;
    default:
      return make_error(Errc::bad_frame, "the server's frame has an unknown type");
  }
  partial_ += message.payload;
  if (!final) return take_frame();
  message.payload = std::exchange(partial_, std::string());
  return std::optional<Message>(std::move(message));
}

Result<WebSocketClient::Message> WebSocketClient::receive(milliseconds timeout) {
  const MonoTime until = kClock.now() + timeout;
  for (;;) {
    auto message = take_frame();
    if (!message) return message.error();
    if (message->has_value()) return std::move(**message);
    const auto left = std::max(std::chrono::ceil<milliseconds>(until - kClock.now()), milliseconds(0));
    auto more = socket_.read_some(left);
    if (!more && more.error().code == Errc::timeout) return more.error();
    if (!more || more->empty()) return Message{Opcode::close, "", 1006};
    buffer_ += *more;
  }
}

void WebSocketClient::close(std::uint16_t code, std::string_view reason) {
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xff));
  payload += reason;
  (void)send_frame(Opcode::close, payload).ok();
}

}  // namespace parley::net

#include "bench/loadgen/websocket.h"

#include <stdexcept>

namespace loadgen {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

}  // namespace

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  constexpr std::uint8_t fin = 0x80;
  constexpr std::uint8_t masked = 0x80;
  const std::size_t size = payload.size();
  out.push_back(static_cast<char>(fin | static_cast<std::uint8_t>(opcode)));
  const auto append_size = [&out, size](std::uint8_t first, int bytes) {
    out.push_back(static_cast<char>(masked | first));
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i) & 0xff));
  };
  if (size < 126) {
    append_size(static_cast<std::uint8_t>(size), 0);
  } else if (size <= 0xffff) {
    append_size(126, 2);
  } else {
    append_size(127, 8);
  }
  out.append(4, '\0');
  out.append(payload);
}

Frame parse_frame(std::string_view in) {
  if (in.size() < 2) return {};
  const auto first = static_cast<std::uint8_t>(in[0]);
  const auto second = static_cast<std::uint8_t>(in[1]);
  if ((first & 0xf0) != 0x80) throw std::runtime_error("a fragmented or compressed frame");
  if ((second & 0x80) != 0) throw std::runtime_error("a masked frame from the server");
  std::size_t header = 2;
  std::uint64_t size = second & 0x7f;
  if (size == 126) {
    if (in.size() < 4) return {};
    size = big_endian(in.substr(2, 2));
    header = 4;
  } else if (size == 127) {
    if (in.size() < 10) return {};
    size = big_endian(in.substr(2, 8));
    header = 10;
  }
  if (in.size() - header < size) return {};
  return {.opcode = static_cast<Opcode>(first & 0x0f),
          .payload = in.substr(header, size),
          .size = header + static_cast<std::size_t>(size)};
}

std::string upgrade_request(std::string_view host, std::string_view target) {
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nHost: ").append(host);
  // The key is RFC 6455's example: a constant spares the generator a random source, and the answer
  // to it is not checked, since this is not a conformance test.
  request.append(
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  return request;
}

}  // namespace loadgen

#include "net/socket/websocket_frame.h"

#include <algorithm>

namespace parley::net {

namespace {

constexpr std::size_t kReasonMax = 123;  // a control frame's payload is 125 bytes, two are the code

}  // namespace

void append_frame_header(std::string& out, Opcode opcode, std::size_t length) {
  out.push_back(static_cast<char>(0x80 | static_cast<unsigned>(opcode)));
  if (length < 126) {
    out.push_back(static_cast<char>(length));
    return;
  }
  const int bytes = length <= 0xffff ? 2 : 8;
  out.push_back(static_cast<char>(bytes == 2 ? 126 : 127));
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>((length >> (8 * i)) & 0xff));
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  append_frame_header(out, opcode, payload.size());
  out.append(payload);
}

Bytes text_frame(std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + 10);
  append_frame(out, Opcode::text, payload);
  return make_bytes(std::move(out));
}

void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason) {
  if (code == 0) return append_frame(out, Opcode::close, {});
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xff));
  std::size_t length = std::min(reason.size(), kReasonMax);
  // Cut between characters: the reason must be UTF-8.
  while (length < reason.size() && length > 0 && (static_cast<unsigned char>(reason[length]) & 0xc0) == 0x80) --length;
  payload.append(reason.substr(0, length));
  append_frame(out, Opcode::close, payload);
}

std::size_t frame_end(std::string_view frames, std::size_t at) {
  std::size_t start = 0;
  while (start < at) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(frames[i])); };
    std::uint64_t length = byte(start + 1) & 0x7f;
    std::size_t header = 2;
    if (length >= 126) {
      const std::size_t more = length == 126 ? 2 : 8;
      length = 0;
      for (std::size_t i = 0; i < more; ++i) length = length << 8 | byte(start + 2 + i);
      header += more;
    }
    start += header + length;
  }
  return start;
}

}  // namespace parley::net

#pragma once
// The client's half of RFC 6455, as far as a load generator needs it: bytes in, values out, no I/O.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace loadgen {

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// Appends a masked frame. The masking key is zero: legal, the same work for the server, and none here.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

struct Frame {
  Opcode opcode = Opcode::text;
  std::string_view payload;  // borrowed from the input
  std::size_t size = 0;      // header and payload; 0 = the input does not hold a whole frame yet
};

// Throws std::runtime_error on what none of the measured servers sends (masked, fragmented or
// compressed frames).
Frame parse_frame(std::string_view in);

std::string upgrade_request(std::string_view host, std::string_view target);

}  // namespace loadgen

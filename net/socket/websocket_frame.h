#pragma once
// RFC 6455 frames as a server writes them: one frame a message, unmasked. Built once, shared by all
// sockets that get it. Pure.

#include "core/bytes.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::net {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

void append_frame(std::string& out, Opcode opcode, std::string_view payload);
void append_frame_header(std::string& out, Opcode opcode, std::size_t payload_bytes);
Bytes text_frame(std::string_view payload);
// Code 0: none, and no reason.
void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason);

// Of unmasked frames one after the other: the end of the frame that contains byte `at`, or `at` itself
// where it is a boundary.
std::size_t frame_end(std::string_view frames, std::size_t at);

}  // namespace parley::net

#pragma once
// Engine.IO packets, protocols 4 and 3: bytes in, values out, and back. Pure, never throws, safe on any bytes.
//
// A packet is a type and data. On a WebSocket a text frame is one packet, digit first, and a binary frame is a
// message. In polling a body holds several: protocol 4 separates them by 0x1E and writes binary as `b` and base64;
// protocol 3 writes each one's length in UTF-16 units before it, binary as `b4` and base64, or the whole body in a
// binary form. (engine.io-protocol, revisions 3 and 4.)

#include "core/bytes.h"
#include "core/result.h"
#include "net/socketio/jsonp.h"
#include "net/socketio/utf16.h"
#include "net/text/base64.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::net::socketio {

enum class EngineVersion : std::uint8_t { v3 = 3, v4 = 4 };

enum class EngineType : std::uint8_t { open = 0, close = 1, ping = 2, pong = 3, message = 4, upgrade = 5, noop = 6 };

// What came in. `data` points into what was decoded, or into `holder` where it was base64; it stays where it is when
// the packet moves.
struct EnginePacket {
  EngineType type = EngineType::message;
  bool binary = false;
  std::string_view data;
  Bytes holder;
};

// One text frame of a WebSocket: the digit and the data. Errc::bad_frame on an unknown digit or nothing. With
// `base64_as` a binary message may come as text, `b` and base64 (`b4` in protocol 3): clients that force base64 do so.
Result<EnginePacket> decode_engine_text(std::string_view frame, std::optional<EngineVersion> base64_as = std::nullopt);
// One binary frame: protocol 4 is data alone, protocol 3 has a byte for the type before it. Only messages are binary.
Result<EnginePacket> decode_engine_binary(std::string_view frame, EngineVersion version);

// A polling body. More than `packets_max` packets, a length that is wrong or does not end on a character, base64
// that is none, text that is not UTF-8, an empty body or packet, anything else that is not the form: Errc::bad_frame.
// `binary_body`: protocol 3's application/octet-stream (never for protocol 4). The packets point into `body`.
Result<std::vector<EnginePacket>> decode_engine_payload(std::string_view body, EngineVersion version, bool binary_body,
                                                        std::size_t packets_max);

// What goes out by polling: waits in a list until a poll fetches it.
struct OutPacket {
  bool binary = false;
  std::variant<std::string, Bytes> text;  // with its digit; binary: the data alone
  std::size_t skip = 0;                   // of the Bytes: what stands before the packet, a WebSocket header
  [[nodiscard]] std::string_view view() const;
};

struct EnginePayload {
  std::string body;
  bool binary_body = false;  // application/octet-stream
};
// `base64_only`: the client cannot read binary bodies (`b64=1`), or the answer is JSONP. Protocol 3 takes the binary
// form of a body as soon as one packet is binary and the client can read it. No packets: a noop, since neither
// protocol's client can read an empty body.
EnginePayload encode_engine_payload(const std::vector<OutPacket>& packets, EngineVersion version, bool base64_only);

// A binary message as a WebSocket frame's payload: protocol 3 puts a byte for the type before it.
std::string encode_engine_binary(std::string_view data, EngineVersion version);
// The same as a text frame, for a client that said `b64=1`.
std::string encode_engine_base64(std::string_view data, EngineVersion version);

}  // namespace parley::net::socketio

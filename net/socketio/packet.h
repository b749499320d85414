#pragma once
// Socket.IO packets, protocol 5 (and 4, that of Engine.IO 3 clients): the text inside an Engine.IO message, in and out.
// Pure, never throws, safe on any bytes.
//
//   <type>[<attachments>-][<namespace>,][<ack id>][JSON]
//
// JSON stays the text it came as: arguments go out with the same digits, key order and escapes.
// (socket.io-protocol, revision 5; socket.io-parser.)

#include "core/ids.h"
#include "core/result.h"
#include "net/socketio/placeholders.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::socketio {

enum class PacketType : std::uint8_t {
  connect = 0,
  disconnect = 1,
  event = 2,
  ack = 3,
  connect_error = 4,
  binary_event = 5,
  binary_ack = 6,
};

inline constexpr std::size_t kAttachmentsMax = 10;  // of one packet, as socket.io-parser
inline constexpr std::size_t kNamespaceCharsMax = kSocketNamespaceBytesMax;
inline constexpr std::uint64_t kAckMax = ~std::uint64_t{0} - 2;

struct Packet {
  PacketType type = PacketType::event;
  std::size_t attachments = 0;  // announced; 0 for the types that have none
  std::string nsp = "/";        // without its query
  std::string_view nsp_query;   // what stood behind `?`, protocol 4's way to hand something over
  std::optional<std::uint64_t> ack;
  std::string_view payload;  // checked JSON text inside the decoded message; empty: none
};

// Checks everything that can be told from the header packet alone, else Errc::bad_frame: type, digits, namespace (text,
// at most kNamespaceCharsMax bytes without its query), the JSON's syntax and depth, the payload's form for the type
// (connect: object or none; disconnect: none; event: an array that starts with a string or number and, if a string, no
// reserved name; ack: an array, and an id; connect_error: a client may not send it), at most kAttachmentsMax
// attachments, at least one for a binary type, and that every placeholder in a binary packet's payload names one that
// was announced. Whether each attachment is used is not asked. In a packet of another type a placeholder is ordinary
// data. `message` must outlive the packet.
Result<Packet> decode_packet(std::string_view message, std::size_t json_depth_max);

// Reserved in both directions: connect, connect_error, disconnect, disconnecting, newListener, removeListener.
bool is_reserved_event(std::string_view name);

// The parts of an event's or ack's array, as JSON text, in order.
std::vector<std::string_view> arguments_of(std::string_view payload);

// ---- out; each with the message digit `4` in front, ready for a text frame ----
std::string encode_connect(std::string_view nsp, std::string_view sid, std::string_view pid);  // pid empty: none
std::string encode_connect_v3(std::string_view nsp);                                           // `40` or `40/admin,`
// `data` is JSON text and may be empty. Protocol 4 has the data or the message as a JSON string, alone.
std::string encode_connect_error(std::string_view nsp, std::string_view message, std::string_view data,
                                 bool protocol_4 = false);
std::string encode_disconnect(std::string_view nsp);
// The beginning of an event packet up to and with `[`; binary with its count of attachments.
void begin_event(std::string& out, std::string_view nsp, std::size_t attachments = 0,
                 std::optional<std::uint64_t> ack = std::nullopt);
// The beginning of an ack packet up to and with `[`.
void begin_ack(std::string& out, std::string_view nsp, std::uint64_t ack, std::size_t attachments = 0);

}  // namespace parley::net::socketio

#pragma once
// How a node introduces itself on a new link, and why it was not let in, as bytes. Pure.
//
// Nobody vouches for these bytes: what is damaged, too long or no Hello at all is an Error. Who may come in is
// cluster/caf_transport/links.h's affair, but for the magic number.

#include "core/address.h"
#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::schemas {

inline constexpr std::uint16_t kLinkVersion = 1;
inline constexpr std::size_t kHelloTextBytesMax = 256;  // of each text: what is longer is cut

struct Hello {
  std::uint16_t version = kLinkVersion;
  std::string name;           // for people
  std::uint64_t cluster = 0;  // 0: not part of one yet
  NodeAddress node;
  std::string host;  // where it is dialed; empty: it does not say
  std::uint16_t port = 0;
};

struct Refusal {
  std::string reason;   // a name that stays the same, as in metrics
  std::string message;  // for people
  std::string name;     // of the node that refuses
};

std::string encode_hello(const Hello& hello);
// `corrupt`. Of another version only `version` and `name` are read.
Result<Hello> decode_hello(std::string_view bytes);
std::string encode_refusal(const Refusal& refusal);
Result<Refusal> decode_refusal(std::string_view bytes);

}  // namespace parley::schemas

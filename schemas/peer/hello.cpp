#include "schemas/peer/hello.h"

#include "link.capnp.h"
#include "schemas/wire_message.h"

namespace parley::schemas {
namespace {

constexpr std::uint64_t kMagic = 0x7061726c65794c31;  // "parleyL1"

// What strangers call themselves goes into logs: printable ASCII, so that no terminal obeys it and no log is broken.
std::string tame(capnp::Text::Reader from) {
  std::string text(from.begin(), std::min<std::size_t>(from.size(), kHelloTextBytesMax));
  for (auto& byte : text) {
    if (byte < ' ' || byte > '~') byte = '?';
  }
  return text;
}
std::string cut(const std::string& text_in) { return text_in.substr(0, kHelloTextBytesMax); }

// A reader follows each pointer once: what is beyond a frame's size is a trick.
constexpr std::uint64_t kTraversalWordsMax = 4'096;

}  // namespace

std::string encode_hello(const Hello& hello) {
  Message message;
  auto to = message.root<wire::link::Hello>();
  to.setMagic(kMagic);
  to.setVersion(hello.version);
  to.setName(text(cut(hello.name)));
  to.setCluster(hello.cluster);
  to.setNode(hello.node.node.value);
  to.setIncarnation(hello.node.incarnation.value);
  to.setHost(text(cut(hello.host)));
  to.setPort(hello.port);
  return message.bytes();
}

Result<Hello> decode_hello(std::string_view bytes) {
  const auto read = [](wire::link::Hello::Reader from) -> Result<Hello> {
    if (from.getMagic() != kMagic) return make_error(Errc::corrupt, "it does not introduce itself as a node of Parley");
    Hello hello;
    hello.version = from.getVersion();
    hello.name = tame(from.getName());
    if (hello.version != kLinkVersion) return hello;
    hello.cluster = from.getCluster();
    hello.node = {NodeId{from.getNode()}, Incarnation{from.getIncarnation()}};
    hello.host = tame(from.getHost());
    hello.port = from.getPort();
    if (!hello.node.exists()) return make_error(Errc::corrupt, "it has no id");
    return hello;
  };
  return decode<wire::link::Hello>(bytes, "hello", read, kTraversalWordsMax);
}

std::string encode_refusal(const Refusal& refusal) {
  Message message;
  auto to = message.root<wire::link::Refusal>();
  to.setReason(text(cut(refusal.reason)));
  to.setMessage(text(cut(refusal.message)));
  to.setName(text(cut(refusal.name)));
  return message.bytes();
}

Result<Refusal> decode_refusal(std::string_view bytes) {
  const auto read = [](wire::link::Refusal::Reader from) -> Result<Refusal> {
    return Refusal{tame(from.getReason()), tame(from.getMessage()), tame(from.getName())};
  };
  return decode<wire::link::Refusal>(bytes, "refusal", read, kTraversalWordsMax);
}

}  // namespace parley::schemas

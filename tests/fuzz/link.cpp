// Bytes that came over a link between nodes, in pieces: frames, introductions and refusals, or an error; what is held
// stays within its bounds, and the pieces make no difference.

#include "cluster/caf_transport/framing.h"
#include "core/check.h"
#include "schemas/peer/hello.h"

using namespace parley;
using namespace parley::cluster;

namespace {

constexpr std::size_t kMessageBytesMax = 65'536;

struct Heard : FrameSink {
  explicit Heard(Framing& framing_in) : framing(framing_in) {}
  bool on_frame(FrameKind kind, std::string_view payload) override {
    CHECK(payload.size() <= LinkLimits{}.hello_bytes_max);
    log += std::to_string(static_cast<int>(kind)) + ":" + std::string(payload) + ";";
    if (kind == FrameKind::hello) {
      if (const auto hello = schemas::decode_hello(payload)) {
        CHECK(hello->name.size() <= schemas::kHelloTextBytesMax);
        const auto again = schemas::decode_hello(schemas::encode_hello(*hello));
        CHECK(again.ok() == (hello->version != schemas::kLinkVersion || hello->node.exists()));
      }
    } else if (kind == FrameKind::refusal) {
      if (const auto refusal = schemas::decode_refusal(payload)) {
        CHECK(schemas::decode_refusal(schemas::encode_refusal(*refusal)).ok());
      }
    } else if (kind == FrameKind::accept) {
      framing.introduced();
    } else if (kind == FrameKind::received) {
      (void)read_received(payload).ok();
    }
    return true;
  }
  bool on_message(Lane lane, std::string message) override {
    CHECK(message.size() <= kMessageBytesMax);
    log += (lane == Lane::ahead ? "a:" : "w:") + message + ";";
    return true;
  }
  Framing& framing;
  std::string log;
};

std::string read_all(std::string_view input, std::size_t piece) {
  Framing framing(LinkLimits{}, kMessageBytesMax);
  Heard heard(framing);
  bool ok = true;
  while (!input.empty()) {
    const auto count = std::min(piece, input.size());
    ok = framing.feed(input.substr(0, count), heard).ok() && ok;
    input.remove_prefix(count);
    CHECK(framing.held_bytes() <= 2 * (2 * kMessageBytesMax + LinkLimits{}.hello_bytes_max) + 256);
  }
  return heard.log + (ok ? "ok" : "error");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto whole = read_all(input, size + 1);
  CHECK(read_all(input, 1) == whole);
  CHECK(read_all(input, 7) == whole);
  return 0;
}

// Bytes that a peer sent, whoever it is: a value that can be said again, or an error.

#include "core/check.h"
#include "schemas/peer/envelope.h"

using namespace parley;
using namespace parley::schemas;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto envelope = decode_envelope(input, MonoTime{});
  if (!envelope) return 0;
  const auto again = encode_envelope(*envelope);
  // What points to one part many times is small as it comes, and where its kind has a bound of its own it may be too
  // large to be said again.
  if (!again && !std::holds_alternative<Request>(envelope->what) && !std::holds_alternative<Reply>(envelope->what) &&
      !std::holds_alternative<Delivery>(envelope->what)) {
    CHECK(again.error().code == Errc::too_large);
    return 0;
  }
  CHECK(again.ok());
  const auto back = decode_envelope(*again, MonoTime{});
  CHECK(back.ok() && back->what.index() == envelope->what.index());
  CHECK(*encode_envelope(*back) == *again);
  return 0;
}

// Bytes of a connection: requests or a refusal, and the same requests whether they come at once or one by one. Only
// where they end in a refusal it may come later in one of the two: what is too long in pieces may fit as a whole.

#include "core/check.h"
#include "net/http/reader.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace parley;
using namespace parley::net;

namespace {

struct Seen {
  std::vector<std::string> requests;
  bool refused = false;
};

Seen read(std::string_view bytes, std::size_t piece) {
  const NodeLimits limits;
  HttpReader reader("/ws");
  Seen seen;
  while (!bytes.empty()) {
    reader.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      const auto outcome = reader.read(limits);
      if (outcome == HttpReader::Outcome::refused) {
        seen.refused = true;
        return seen;
      }
      if (outcome != HttpReader::Outcome::whole) break;
      const auto taken = reader.take();
      seen.requests.push_back(taken.request.method + ' ' + taken.request.path + '\n' + taken.request.body);
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto at_once = read(bytes, size + 1);
  const auto one_by_one = read(bytes, 1);
  const auto common = std::min(at_once.requests.size(), one_by_one.requests.size());
  CHECK(std::equal(at_once.requests.begin(), at_once.requests.begin() + static_cast<std::ptrdiff_t>(common),
                   one_by_one.requests.begin()));
  CHECK(at_once.refused || at_once.requests.size() <= common || one_by_one.refused);
  CHECK(one_by_one.refused || one_by_one.requests.size() <= common || at_once.refused);
  return 0;
}

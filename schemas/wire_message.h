#pragma once
// A Cap'n Proto message under construction, and reading one that nobody vouches for. For the .cpp files
// of schemas/ only: generated types stay in this folder.

#include "core/result.h"
#include "core/said_id.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/array.h>
#include <kj/exception.h>

#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace parley::schemas {

// Enough for nearly every record, so that building one allocates nothing but the result.
inline constexpr std::size_t kScratchWords = 256;

// A message under construction in zeroed scratch space on the stack.
class Message {
 public:
  Message() : builder_(kj::arrayPtr(scratch_.data(), scratch_.size())) {}
  template <class Struct>
  typename Struct::Builder root() {
    return builder_.initRoot<Struct>();
  }
  std::string bytes() {
    const auto words = capnp::messageToFlatArray(builder_);
    const auto flat = words.asBytes();
    return {reinterpret_cast<const char*>(flat.begin()), flat.size()};
  }

 private:
  std::array<capnp::word, kScratchWords> scratch_{};
  capnp::MallocMessageBuilder builder_;
};

inline capnp::Text::Reader text(const std::string& from) { return {from.c_str(), from.size()}; }
inline capnp::Data::Reader data(const std::string& from) {
  return {reinterpret_cast<const kj::byte*>(from.data()), from.size()};
}
inline std::string string(capnp::Text::Reader from) { return {from.begin(), from.size()}; }
inline std::string string(capnp::Data::Reader from) {
  return {reinterpret_cast<const char*>(from.begin()), from.size()};
}

inline IdForm id_form(bool number) { return number ? IdForm::number : IdForm::text; }

// The reader's own limit counts each time that something is read. What is stored is bounded by the size of an entry.
inline constexpr std::uint64_t kNoTraversalLimit = std::numeric_limits<std::uint64_t>::max() / 16;

// Runs `read(root)` on bytes that nobody vouches for. `traversal_words_max`: for what a stranger sent, who may point to
// the same part many times.
template <class Struct, class Read>
auto decode(std::string_view bytes, const char* what, Read read, std::uint64_t traversal_words_max = kNoTraversalLimit)
    -> std::invoke_result_t<Read, typename Struct::Reader> {
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
    return make_error(Errc::corrupt, std::string(what).append(": its size is not that of a whole message"));
  }
  // Readers insist on alignment, which slices of a store's blocks do not have.
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), bytes.size());
  capnp::ReaderOptions options;
  options.traversalLimitInWords = traversal_words_max;
  options.nestingLimit = 16;
  try {
    capnp::FlatArrayMessageReader reader(words, options);
    if (reader.getEnd() != words.end())
      return make_error(Errc::corrupt, std::string(what).append(": bytes follow its end"));
    return read(reader.getRoot<Struct>());
  } catch (const kj::Exception& failure) {
    return make_error(Errc::corrupt, std::string(what) + ": " + failure.getDescription().cStr());
  }
}

}  // namespace parley::schemas

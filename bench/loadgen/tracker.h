#pragma once
// Publishes on their way: each carries a number in its payload, and is complete when it has arrived at
// everybody it was meant for.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

// JSON of the wished size with the publish's number in it. The mark survives every way in which a server
// may carry data: as an object, or as a string with escaped quotes.
std::string marked_payload(std::uint64_t number, std::size_t bytes);
std::optional<std::uint64_t> find_mark(std::string_view text);

class Tracker {
 public:
  struct Arrival {
    std::int64_t latency_ns;  // since the publish was sent
    bool complete;
    std::uint32_t slot;  // as given to begin()
  };

  // Returns the number of the new publish.
  std::uint64_t begin(std::size_t receivers, std::uint32_t slot, std::int64_t now_ns);
  // Throws when more copies arrive than there are receivers, or an unknown number does.
  Arrival arrived(std::uint64_t number, std::int64_t now_ns);
  std::size_t incomplete() const { return incomplete_; }

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::int64_t sent_ns = 0;
    std::uint32_t missing = 0;
    std::uint32_t slot = 0;
  };

  static constexpr std::size_t ring_size = 1U << 16;  // more than are ever under way
  std::vector<Entry> ring_ = std::vector<Entry>(ring_size);
  std::uint64_t next_ = 1;
  std::size_t incomplete_ = 0;
};

}  // namespace loadgen

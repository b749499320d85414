#include "bench/loadgen/tracker.h"

#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace loadgen {
namespace {

constexpr std::string_view mark_head = "b~";
constexpr std::size_t mark_digits = 12;

}  // namespace

std::string marked_payload(std::uint64_t number, std::size_t bytes) {
  constexpr std::string_view head = R"({"t":")";
  constexpr std::string_view tail = R"("})";
  char digits[mark_digits + 8];
  std::snprintf(digits, sizeof digits, "%012llu", static_cast<unsigned long long>(number));
  std::string text{head};
  text.append(mark_head).append(digits);
  if (text.size() + tail.size() < bytes) text.append(bytes - text.size() - tail.size(), '.');
  return text.append(tail);
}

std::optional<std::uint64_t> find_mark(std::string_view text) {
  const auto at = text.find(mark_head);
  if (at == std::string_view::npos || text.size() < at + mark_head.size() + mark_digits) return {};
  const char* first = text.data() + at + mark_head.size();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(first, first + mark_digits, number);
  if (error != std::errc{} || end != first + mark_digits) return {};
  return number;
}

std::uint64_t Tracker::begin(std::size_t receivers, std::uint32_t slot, std::int64_t now_ns) {
  const std::uint64_t number = next_++;
  Entry& entry = ring_[number % ring_size];
  if (entry.missing != 0) throw std::runtime_error("65,536 publishes are under way");
  entry = {.number = number, .sent_ns = now_ns, .missing = static_cast<std::uint32_t>(receivers), .slot = slot};
  ++incomplete_;
  return number;
}

Tracker::Arrival Tracker::arrived(std::uint64_t number, std::int64_t now_ns) {
  Entry& entry = ring_[number % ring_size];
  if (entry.number != number || entry.missing == 0) {
    throw std::runtime_error("publish " + std::to_string(number) + " arrived too often");
  }
  --entry.missing;
  if (entry.missing == 0) --incomplete_;
  return {.latency_ns = now_ns - entry.sent_ns, .complete = entry.missing == 0, .slot = entry.slot};
}

}  // namespace loadgen

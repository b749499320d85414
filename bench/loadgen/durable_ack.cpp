#include "bench/loadgen/durable_ack.h"

#include <charconv>
#include <stdexcept>
#include <string>

namespace loadgen {

std::optional<std::uint64_t> find_ack(std::string_view text) {
  constexpr std::string_view event = "parley:ack";
  auto at = text.find(event);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + event.size());
  if (text.find("error") != std::string_view::npos) {
    throw std::runtime_error("a durable publish was refused: " + std::string(text));
  }
  at = text.find("ack");
  if (at == std::string_view::npos) return {};
  at = text.find_first_of("0123456789", at);
  if (at == std::string_view::npos) return {};
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

}  // namespace loadgen

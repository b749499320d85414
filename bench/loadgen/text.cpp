#include "bench/loadgen/text.h"

namespace loadgen {

std::string_view value_after(std::string_view text, std::string_view name, std::size_t from) {
  constexpr std::string_view id_characters = "0123456789.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
  const auto at = text.find(name, from);
  if (at == std::string_view::npos) return {};
  const auto first = text.find_first_of(id_characters, at + name.size());
  if (first == std::string_view::npos) return {};
  const auto last = text.find_first_not_of(id_characters, first);
  return text.substr(first, last - first);
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace loadgen

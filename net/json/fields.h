#pragma once
// Reading the known fields of a JSON object once each, with errors that name the field. Pure.

#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

namespace parley::net {

// Values of up to N known fields, in the order of `names`; empty: absent or null. `text` is checked JSON.
template <std::size_t N>
Result<std::array<std::string_view, N>> read_fields(std::string_view text, const std::array<std::string_view, N>& names,
                                                    Errc code, std::string_view what) {
  std::array<std::string_view, N> values;
  std::array<bool, N> seen{};
  if (type_of(text) != JsonType::object) return make_error(code, fmt::format("{} must be a JSON object", what));
  JsonObject object(text);
  while (object.next()) {
    for (std::size_t i = 0; i < N; ++i) {
      if (!object.key_is(names[i])) continue;
      if (seen[i]) return make_error(code, fmt::format("{} has the field `{}` twice", what, names[i]));
      seen[i] = true;
      if (type_of(object.value()) != JsonType::null) values[i] = object.value();
      break;
    }
  }
  return values;
}

// Leaves `out` alone when the value is absent.
inline Status read_string(std::string_view value, std::string_view name, Errc code, std::string& out) {
  if (value.empty()) return {};
  if (type_of(value) != JsonType::string) return make_error(code, fmt::format("`{}` must be a string", name));
  out = json_string(value);
  return {};
}

inline std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace parley::net

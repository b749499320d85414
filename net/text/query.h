#pragma once
// The query of a URL, and percent-encoding. Pure values, any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

// A decoded query: names in lower case, `name[]` and repeated names joined with commas, sorted by name.
class Query {
 public:
  static Query parse(std::string_view query);
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name) const;  // empty: absent
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

std::string percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);

}  // namespace parley::net

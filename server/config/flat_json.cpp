#include "server/config/flat_json.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>

namespace parley::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kDepthMax = 16;

void flatten(const json::value& value, const std::string& path, std::vector<FlatRow>& rows) {
  const auto below = [&](std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  };
  const bool empty =
      (value.is_object() && value.get_object().empty()) || (value.is_array() && value.get_array().empty());
  if (empty) return rows.push_back({path, FlatRow::Kind::empty, {}});
  switch (value.kind()) {
    case json::kind::object:
      for (const auto& [name, inner] : value.get_object()) flatten(inner, below({name.data(), name.size()}), rows);
      return;
    case json::kind::array: {
      std::size_t index = 0;
      for (const auto& inner : value.get_array()) flatten(inner, below(std::to_string(index++)), rows);
      return;
    }
    case json::kind::string:
      rows.push_back({path, FlatRow::Kind::text, std::string(value.get_string())});
      return;
    case json::kind::null:
      rows.push_back({path, FlatRow::Kind::null, {}});
      return;
    case json::kind::bool_:
      rows.push_back({path, FlatRow::Kind::boolean, value.get_bool() ? "true" : "false"});
      return;
    default:
      rows.push_back({path, FlatRow::Kind::number, json::serialize(value)});
  }
}

}  // namespace

Result<std::vector<FlatRow>> flatten_json(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // some editors' mark
  json::stream_parser parser(json::storage_ptr(), json::parse_options{.max_depth = kDepthMax});
  json::error_code failure;
  const auto read = parser.write_some(text.data(), text.size(), failure);
  const auto line = [&](std::size_t at) {
    return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  };
  const auto rest = std::min(text.find_first_not_of(" \t\r\n", read), text.size());
  if (!failure && rest == text.size()) parser.finish(failure);
  if (failure) {
    return make_error(Errc::config_invalid,
                      fmt::format("line {}: this is not JSON: {}", line(read), failure.message()));
  }
  if (rest != text.size()) {
    return make_error(Errc::config_invalid, fmt::format("line {}: something follows the JSON", line(rest)));
  }
  const auto root = parser.release();
  if (!root.is_object()) return make_error(Errc::config_invalid, "the file holds no JSON object");
  std::vector<FlatRow> rows;
  if (!root.get_object().empty()) flatten(root, {}, rows);
  return rows;
}

}  // namespace parley::server

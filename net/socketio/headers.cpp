#include "net/socketio/headers.h"

#include "net/json/fields.h"

#include <algorithm>

namespace parley::net::socketio {

namespace {
constexpr std::size_t kHeaderBytesMax = 8'192;

std::string lower(std::string text) {
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}
}  // namespace

Result<Headers> forwarded_headers(std::string_view object, const std::vector<std::string>& listed) {
  Headers headers;
  const auto fields = read_fields<1>(object, {"headers"}, Errc::bad_frame, "`auth`");
  if (!fields) return fields.error();
  const auto given = fields->front();
  if (given.empty()) return headers;
  if (type_of(given) != JsonType::object) { return make_error(Errc::bad_frame, "`headers` must be an object"); }
  JsonObject each(given);
  while (each.next()) {
    const auto name = lower(each.key());
    if (std::find(listed.begin(), listed.end(), name) == listed.end()) continue;
    if (type_of(each.value()) == JsonType::null) continue;
    std::string value;
    if (auto read = read_string(each.value(), name, Errc::bad_frame, value); !read) return read.error();
    if (value.size() > kHeaderBytesMax) return make_error(Errc::too_large, "a header is too long");
    const bool clean = std::none_of(value.begin(), value.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (!clean) return make_error(Errc::bad_frame, "a header holds control characters");
    merge_headers(headers, {{name, std::move(value)}});
  }
  return headers;
}

void merge_headers(Headers& headers, Headers later) {
  for (auto& [name, value] : later) {
    std::erase_if(headers, [&name = name](const auto& one) { return one.first == name; });
    headers.emplace_back(std::move(name), std::move(value));
  }
}

}  // namespace parley::net::socketio

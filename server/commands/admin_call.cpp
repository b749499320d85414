#include "server/commands/admin_call.h"

#include "core/json_string.h"
#include "net/json/fields.h"
#include "server/commands/command_output.h"

namespace parley::server {

std::optional<std::string> admin_call(const AdminTarget& target, std::string_view what, std::string_view method,
                                      const std::string& path, const std::string& body) {
  net::ClientHeaders headers{{"Authorization", "Bearer " + target.key}};
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  auto answer = net::http_call(method, target.url + path, body, headers, target.options);
  if (!answer) return complain(what, answer.error()), std::nullopt;
  if (answer->status != 200) return refused(what, *answer), std::nullopt;
  if (const auto json = check_json(answer->body, kAnswerDepthMax); !json) {
    return complain(what, make_error(Errc::bad_frame, "the answer is not JSON: " + json.error().message)), std::nullopt;
  }
  const auto trimmed = net::trimmed(answer->body);
  if (type_of(trimmed) != JsonType::object) {
    return complain(what, make_error(Errc::bad_frame, "the answer is not an object")), std::nullopt;
  }
  return std::string(trimmed);
}

std::string_view json_field(std::string_view object, std::string_view name) {
  if (object.empty() || type_of(object) != JsonType::object) return {};
  JsonObject fields(object);
  while (fields.next()) {
    if (fields.key_is(name)) return type_of(fields.value()) == JsonType::null ? std::string_view() : fields.value();
  }
  return {};
}

std::string cell_text(std::string_view value) {
  if (value.empty()) return "-";
  return type_of(value) == JsonType::string ? json_string(value) : std::string(value);
}

}  // namespace parley::server

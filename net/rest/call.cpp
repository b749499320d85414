#include "net/rest/call.h"

#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

void respond(const RestCall& call, std::string json) {
  call.exchange->respond({.status = 200, .body = std::move(json), .route = call.route});
}

void respond_error(Exchange& exchange, std::string_view route, const Error& error, std::string_view extra) {
  const auto& row = info(error.code);
  HttpResponse response{.status = row.http_status, .route = route};
  response.body = fmt::format(R"({{"error":"{}","message":)", row.name);
  append_json_string(response.body, error.message);
  response.body.append(R"(,"remedy":)");
  append_json_string(response.body, error.remedy.empty() ? row.remedy : error.remedy);
  response.body.append(extra).append("}");
  if (row.http_status == 429 || row.http_status == 503) response.headers.emplace_back("Retry-After", "1");
  exchange.respond(std::move(response));
}

Error error_of(const Reply& reply) {
  if (const auto* refused = std::get_if<Refused>(&reply.what)) return refused->error;
  if (const auto* lost = std::get_if<PublishRefused>(&reply.what)) return lost->error;
  return make_error(Errc::internal);
}

Result<std::optional<std::int64_t>> query_number(const Query& query, std::string_view name) {
  const auto text = query.get(name);
  if (text.empty()) return std::optional<std::int64_t>();
  const auto value = json_integer(text);
  if (!value) return make_error(Errc::bad_request, fmt::format("`{}` must be a whole number", name));
  return value;
}

Result<std::size_t> query_limit(const Query& query, std::size_t usual, std::size_t most) {
  const auto limit = query_number(query, "limit");
  if (!limit) return limit.error();
  if (!*limit) return std::min(usual, most);
  if (**limit < 1 || **limit > static_cast<std::int64_t>(most)) {
    return make_error(Errc::bad_request, fmt::format("`limit` must be 1 to {}", most));
  }
  return static_cast<std::size_t>(**limit);
}

Result<std::vector<std::string>> parse_info(std::string_view text, std::initializer_list<std::string_view> known) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    auto name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.empty()) continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return make_error(Errc::bad_request, fmt::format("`info` knows here: {}", fmt::join(known, ", ")));
    }
    names.emplace_back(name);
  }
  return names;
}

bool wants(const std::vector<std::string>& info, std::string_view name) {
  return std::find(info.begin(), info.end(), name) != info.end();
}

}  // namespace parley::net

#include "net/pusher/handshake.h"

#include "net/pusher/encoder.h"
#include "net/text/query.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace parley::net::pusher {
namespace {

constexpr std::size_t kClientIdCharsMin = 8;
constexpr std::size_t kClientIdCharsMax = 64;
constexpr std::size_t kClientTextCharsMax = 32;

struct Path {
  std::string_view client_id;
  std::string_view token;
  std::string_view key;
};

bool client_id_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Takes `/x/value` off the front.
bool take_segment(std::string_view& rest, std::string_view name, std::string_view& value) {
  if (!rest.starts_with(name)) return false;
  rest.remove_prefix(name.size());
  value = rest.substr(0, rest.find('/'));
  rest.remove_prefix(value.size());
  return true;
}

Result<Path> parse_path(std::string_view path) {
  Path parsed;
  auto rest = path;
  bool resumes = false;
  for (bool more = true; more;) {
    more = !resumes && take_segment(rest, "/r/", parsed.client_id);
    resumes = resumes || more;
    more = (parsed.token.empty() && take_segment(rest, "/t/", parsed.token)) || more;
  }
  if (resumes && (parsed.client_id.size() < kClientIdCharsMin || parsed.client_id.size() > kClientIdCharsMax ||
                  !std::all_of(parsed.client_id.begin(), parsed.client_id.end(), client_id_byte))) {
    return make_error(Errc::path_not_found, "the client id in /r/{client-id}/app/{key} has 8 to 64 of A-Z a-z 0-9 _ -");
  }
  if (!rest.starts_with("/app/")) return make_error(Errc::path_not_found);
  parsed.key = rest.substr(5);
  if (parsed.key.empty() || parsed.key.find('/') != std::string_view::npos) return make_error(Errc::path_not_found);
  return parsed;
}

// What library connects, for operators: `js 8.6.0`.
std::string client_text(const Query& query) {
  std::string text(query.get("client").substr(0, kClientTextCharsMax));
  if (const auto version = query.get("version"); !text.empty() && !version.empty()) {
    text.append(" ").append(version.substr(0, kClientTextCharsMax));
  }
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return text;
}

// In the path, in the query, or as a bearer that looks like a token: other bearers are the application's.
std::string_view token_of(const Handshake& handshake, const Path& path, const Query& query) {
  if (!path.token.empty()) return path.token;
  if (query.has("token")) return query.get("token");
  return header_token(handshake);
}

Status check_version(const Query& query) {
  const auto text = query.get("protocol");
  if (text.empty()) return make_error(Errc::missing_protocol_version);
  int version = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failure != std::errc{} || end != text.data() + text.size()) return make_error(Errc::bad_protocol_version);
  if (version < 5 || version > 7) return make_error(Errc::unsupported_protocol_version);
  return {};
}

Result<Admitted> judge(SessionContext& context, const Handshake& handshake) {
  const auto path = parse_path(handshake.path);
  if (!path) return path.error();
  const auto query = Query::parse(handshake.query);
  if (auto version = check_version(query); !version) return version.error();
  auto settings = context.settings();
  const auto* app = settings->app_by_key(percent_decode(path->key, false));
  auto session = judge_client(context, {.settings = std::move(settings),
                                        .app = app,
                                        .token = token_of(handshake, *path, query),
                                        .client = client_text(query),
                                        .request = handshake});
  if (session) session->client_id = path->client_id;
  return session;
}

}  // namespace

bool is_pusher_path(std::string_view path) {
  return path.starts_with("/app/") || path.starts_with("/r/") || path.starts_with("/t/");
}

Result<Admitted> judge_handshake(SessionContext& context, const Handshake& handshake) {
  auto session = judge(context, handshake);
  if (!session) context.metrics.handshakes_refused(info(session.error().code).name).add();
  return session;
}

std::string refusal_frame(const Error& error) { return encode_error(error); }

}  // namespace parley::net::pusher

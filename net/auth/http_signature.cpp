#include "net/auth/http_signature.h"

#include "net/auth/pusher_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::net::auth {
namespace {

Error unauthorized(std::string message) { return make_error(Errc::unauthorized, std::move(message)); }

Error clock_error(std::int64_t stamp, std::int64_t now, std::chrono::seconds window) {
  // As unsigned numbers: what a stranger sends may be as far from now as numbers go.
  const bool behind = stamp < now;
  const auto apart = behind ? static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(stamp)
                            : static_cast<std::uint64_t>(stamp) - static_cast<std::uint64_t>(now);
  auto error =
      unauthorized(fmt::format("auth_timestamp {} is {} s {} this server's clock, which says {}; {} s are allowed",
                               stamp, apart, behind ? "behind" : "ahead of", now, window.count()));
  error.remedy = "set the clock of the machine that signs, or this server's, and sign at the moment of sending";
  return error;
}

}  // namespace

std::string string_to_sign(std::string_view method, std::string_view path, const Query& query) {
  auto text = fmt::format("{}\n{}\n", method, path);
  bool first = true;
  for (const auto& [name, value] : query.fields()) {
    if (name == "auth_signature") continue;
    if (!first) text.push_back('&');
    first = false;
    text.append(name).append("=").append(value);
  }
  return text;
}

Result<RequestSignature> check_request(const App& app, const SignedRequest& request, const Query& query, WallTime now,
                                       std::chrono::seconds window) {
  for (const std::string_view name : {"auth_key", "auth_timestamp", "auth_version", "auth_signature"}) {
    if (query.get(name).empty()) return unauthorized(fmt::format("the query parameter {} is missing", name));
  }
  if (!equal_in_constant_time(query.get("auth_key"), app.key)) {
    return unauthorized("auth_key is not the key of this app");
  }
  if (query.get("auth_version") != "1.0") return unauthorized("auth_version must be 1.0");

  RequestSignature signature;
  const auto stamp = query.get("auth_timestamp");
  const auto [end, failure] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), signature.timestamp_seconds);
  if (failure != std::errc{} || end != stamp.data() + stamp.size()) {
    return unauthorized("auth_timestamp must be a time in Unix seconds");
  }
  const auto now_seconds = now.ms / 1'000;
  if (signature.timestamp_seconds < now_seconds - window.count() ||
      signature.timestamp_seconds > now_seconds + window.count()) {
    return clock_error(signature.timestamp_seconds, now_seconds, window);
  }

  const auto body_md5 = query.get("body_md5");
  if (!request.body.empty() || !body_md5.empty()) {
    if (body_md5.empty()) return unauthorized("body_md5 is missing, and the request has a body");
    if (!equal_in_constant_time(md5_hex(request.body), body_md5)) {
      return unauthorized("body_md5 is not the MD5 of the body");
    }
  }

  signature.hex = query.get("auth_signature");
  const auto signs = [&](std::string_view path) {
    if (signature_matches(app, string_to_sign(request.method, path, query), signature.hex)) return true;
    // Some libraries sign the path as they were given it, and encode it for the wire afterwards.
    return path.find('%') != std::string_view::npos &&
           signature_matches(app, string_to_sign(request.method, percent_decode(path, false), query), signature.hex);
  };
  if (signs(request.path)) return signature;
  // Who was given a base path signs it too, whether a proxy cuts it off or we do.
  if (!request.prefix.empty() && signs(std::string(request.prefix).append(request.path))) return signature;
  return unauthorized(
      "auth_signature does not match: it is the HMAC-SHA256 of method, path and sorted query with the app's secret");
}

std::string sign_request(std::string_view key, std::string_view secret, const SignedRequest& request,
                         std::vector<std::pair<std::string, std::string>> parameters, WallTime now) {
  parameters.emplace_back("auth_key", key);
  parameters.emplace_back("auth_timestamp", std::to_string(now.ms / 1'000));
  parameters.emplace_back("auth_version", "1.0");
  if (!request.body.empty()) parameters.emplace_back("body_md5", md5_hex(request.body));
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query.push_back('&');
    query.append(percent_encode(name)).append("=").append(percent_encode(value));
  }
  const auto text = string_to_sign(request.method, request.path, Query::parse(query));
  return fmt::format("{}&auth_signature={}", query, hmac_sha256_hex(secret, text));
}

}  // namespace parley::net::auth

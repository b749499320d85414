#include "net/pusher/http_signature.h"

#include "net/pusher/auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::net::pusher {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lower(std::string text) {
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

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

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0xF]);
  }
  return out;
}

Query Query::parse(std::string_view text) {
  Query query;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('&', at), text.size());
    const auto part = text.substr(at, end - at);
    at = end + 1;
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    auto name = lower(percent_decode(part.substr(0, equals), true));
    if (name.ends_with(']')) name.erase(std::min(name.find('['), name.size()));
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    query.fields_.emplace_back(std::move(name), std::move(value));
  }
  // Sorted first, then joined: a query of thousands of names must not cost their square.
  auto& fields = query.fields_;
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (kept > 0 && fields[kept - 1].first == fields[i].first) {
      fields[kept - 1].second.append(",").append(fields[i].second);
    } else {
      if (kept != i) fields[kept] = std::move(fields[i]);
      ++kept;
    }
  }
  fields.resize(kept);
  return query;
}

bool Query::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; });
}

std::string_view Query::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (field == name) return value;
  }
  return {};
}

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

}  // namespace parley::net::pusher

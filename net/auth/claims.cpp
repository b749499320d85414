#include "net/auth/claims.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace parley::net::auth {
namespace {

namespace json = boost::json;

constexpr std::size_t kTokenIdCharsMax = 128;
constexpr std::size_t kDepthMax = 32;
constexpr double kLastSecond = 253'402'300'799;  // of the year 9999: beyond it nothing is a date

Error refuse(std::string message) { return make_error(Errc::token_invalid, std::move(message)); }

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// The members of an object as they stand in a text that Boost.JSON has accepted: `info` goes out as its
// issuer wrote it, and no claim may come twice (one reader would take the first, another the last).
class Members {
 public:
  explicit Members(std::string_view object) : text_(object) {
    skip_space();
    ++at_;  // {
  }

  bool next() {
    skip_space();
    if (at_ >= text_.size() || text_[at_] == '}') return false;
    const auto key = at_;
    skip_string();
    key_ = text_.substr(key + 1, at_ - key - 2);
    skip_space();
    ++at_;  // :
    skip_space();
    const auto value = at_;
    skip_value();
    auto end = at_;
    while (end > value && is_space(text_[end - 1])) --end;
    value_ = text_.substr(value, end - value);
    if (at_ < text_.size() && text_[at_] == ',') ++at_;
    return true;
  }

  [[nodiscard]] std::string_view key() const { return key_; }  // with its escapes
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
  }

  void skip_value() {
    for (std::size_t depth = 0; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}')) return;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view key_;
  std::string_view value_;
};

// One JSON object, each of its members once. `info` is set to that member's text.
Result<json::object> read_object(std::string_view text, std::string_view what, json::storage_ptr memory,
                                 std::string_view& info) {
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code failure;
  auto value = json::parse(text, failure, std::move(memory), options);
  if (failure) return refuse(fmt::format("the token's {} is not JSON", what));
  if (!value.is_object()) return refuse(fmt::format("the token's {} is not a JSON object", what));
  std::size_t count = 0;
  for (Members members(text); members.next(); ++count) {
    if (members.key() == "info") info = members.value();
  }
  if (count != value.get_object().size()) return refuse(fmt::format("the token's {} has a member twice", what));
  return std::move(value.get_object());
}

const json::value* present(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// Issuers write ids as text or as the number that they are in a database.
std::optional<std::string> id_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  if (const auto* number = value.if_int64()) return std::to_string(*number);
  if (const auto* number = value.if_uint64()) return std::to_string(*number);
  return std::nullopt;
}

Status read_text(const json::object& object, std::string_view name, std::size_t chars_max, std::string& out) {
  const auto* value = present(object, name);
  if (value == nullptr) return {};
  const auto* text = value->if_string();
  if (text == nullptr) return refuse(fmt::format("`{}` is not a string", name));
  if (text->size() > chars_max) return refuse(fmt::format("`{}` is longer than {} characters", name, chars_max));
  if (has_control_characters(*text)) return refuse(fmt::format("`{}` has control characters", name));
  out.assign(*text);
  return {};
}

Status read_list(const json::object& object, std::string_view name, std::size_t chars_max,
                 std::vector<std::string>& out) {
  const auto* value = present(object, name);
  if (value == nullptr) return {};
  const auto* list = value->if_array();
  if (list == nullptr) return refuse(fmt::format("`{}` is not a list", name));
  out.reserve(list->size());
  for (const auto& item : *list) {
    auto text = id_text(item);
    if (!text) return refuse(fmt::format("`{}` holds something that is neither text nor a whole number", name));
    if (text->empty()) return refuse(fmt::format("`{}` holds an empty text", name));
    if (text->size() > chars_max) return refuse(fmt::format("`{}` holds more than {} characters", name, chars_max));
    if (has_control_characters(*text)) return refuse(fmt::format("`{}` has control characters", name));
    out.push_back(std::move(*text));
  }
  return {};
}

Status read_user(const json::object& object, const AppLimits& limits, std::string& out) {
  const auto* value = present(object, "sub");
  if (value == nullptr) return refuse("`sub` is missing: the user's id");
  auto id = id_text(*value);
  if (!id) return refuse("`sub` is neither text nor a whole number");
  if (id->empty()) return refuse("`sub` is empty");
  if (id->size() > limits.user_id_chars_max) {
    return refuse(fmt::format("`sub` is longer than {} characters", limits.user_id_chars_max));
  }
  if (has_control_characters(*id)) return refuse("`sub` has control characters");
  out = std::move(*id);
  return {};
}

// Seconds since 1970, a fraction allowed (RFC 7519, NumericDate).
Status read_date(const json::object& object, std::string_view name, std::optional<WallTime>& out) {
  const auto* value = present(object, name);
  if (value == nullptr) return {};
  json::error_code failure;
  const auto at = value->is_number() ? value->to_number<double>(failure) : -1.0;
  if (failure || !(at >= 0) || at > kLastSecond) {
    return refuse(fmt::format("`{}` is not a time in seconds since 1970", name));
  }
  out = WallTime{static_cast<std::int64_t>(std::floor(at * 1'000))};
  return {};
}

Status read_admin(const json::object& object, const AppLimits& limits, Claims& claims) {
  const auto* value = present(object, "admin");
  if (value == nullptr) return {};
  if (const auto* all = value->if_bool()) {
    claims.admin_all = *all;
    return {};
  }
  if (!value->is_array()) return refuse("`admin` is neither true nor a list");
  return read_list(object, "admin", limits.user_id_chars_max, claims.admin);
}

// `aud` may be one text or a list of them.
Status read_audience(const json::object& object, const AppLimits& limits, std::vector<std::string>& out) {
  const auto* value = present(object, "aud");
  if (value == nullptr) return {};
  if (!value->is_string()) return read_list(object, "aud", limits.token_bytes_max, out);
  return read_text(object, "aud", limits.token_bytes_max, out.emplace_back());
}

Status read_info(const json::object& object, std::string_view text, const AppLimits& limits, std::string& out) {
  if (present(object, "info") == nullptr) return {};
  if (text.empty()) return refuse("the name `info` is written with escapes");
  if (text.size() > limits.member_bytes_max) {
    return refuse(fmt::format("`info` is larger than {} bytes", limits.member_bytes_max));
  }
  out.assign(text);
  return {};
}

json::array to_array(const std::vector<std::string>& list) {
  json::array array;
  for (const auto& item : list) array.emplace_back(item);
  return array;
}

}  // namespace

Result<Payload> read_payload(std::string_view text, const AppLimits& limits) {
  std::array<unsigned char, 8'192> scratch;  // left as it is: the parser writes before it reads
  json::monotonic_resource memory(scratch.data(), scratch.size());
  std::string_view info;
  const auto object = read_object(text, "payload", &memory, info);
  if (!object) return object.error();

  Payload payload;
  auto& claims = payload.claims;
  auto& envelope = payload.envelope;
  std::optional<WallTime> expires;
  std::optional<WallTime> issued_at;
  const auto text_max = limits.token_bytes_max;
  for (const auto& status :
       {read_user(*object, limits, claims.user_id), read_info(*object, info, limits, claims.user_info),
        read_list(*object, "domains", limits.channel_name_chars_max, claims.domains),
        read_admin(*object, limits, claims),
        read_list(*object, "channels", limits.channel_name_chars_max, claims.channels),
        read_list(*object, "watchlist", limits.user_id_chars_max, claims.watchlist),
        read_text(*object, "jti", kTokenIdCharsMax, claims.token_id),
        read_text(*object, "iss", text_max, envelope.issuer), read_audience(*object, limits, envelope.audience),
        read_date(*object, "exp", expires), read_date(*object, "iat", issued_at),
        read_date(*object, "nbf", envelope.not_before)}) {
    if (!status) return status.error();
  }
  claims.no_domains = claims.domains.empty() && present(*object, "domains") != nullptr;
  if (!expires) return refuse("`exp` is missing: the time when the token ends");
  if (claims.watchlist.size() > limits.watchlist_users_max) {
    return refuse(
        fmt::format("`watchlist` has {} users, more than {}", claims.watchlist.size(), limits.watchlist_users_max));
  }
  claims.expires = *expires;
  claims.issued_at = issued_at.value_or(WallTime{});
  return payload;
}

std::string payload_json(const Claims& claims, const Envelope& envelope) {
  json::object object;
  object["sub"] = claims.user_id;
  if (!claims.domains.empty() || claims.no_domains) object["domains"] = to_array(claims.domains);
  if (claims.admin_all) {
    object["admin"] = true;
  } else if (!claims.admin.empty()) {
    object["admin"] = to_array(claims.admin);
  }
  if (!claims.channels.empty()) object["channels"] = to_array(claims.channels);
  if (!claims.watchlist.empty()) object["watchlist"] = to_array(claims.watchlist);
  if (!claims.token_id.empty()) object["jti"] = claims.token_id;
  if (!envelope.issuer.empty()) object["iss"] = envelope.issuer;
  if (!envelope.audience.empty()) object["aud"] = to_array(envelope.audience);
  if (envelope.not_before) object["nbf"] = envelope.not_before->ms / 1'000;
  if (claims.issued_at.ms != 0) object["iat"] = claims.issued_at.ms / 1'000;
  object["exp"] = claims.expires.ms / 1'000;
  auto text = json::serialize(object);
  if (!claims.user_info.empty()) {  // as it stands; the object is never empty
    text.pop_back();
    text.append(R"(,"info":)").append(claims.user_info).push_back('}');
  }
  return text;
}

Result<Header> read_header(std::string_view text) {
  std::array<unsigned char, 2'048> scratch;
  json::monotonic_resource memory(scratch.data(), scratch.size());
  std::string_view unused;
  const auto object = read_object(text, "header", &memory, unused);
  if (!object) return object.error();
  // Extensions that must be understood: none is.
  if (object->contains("crit")) return refuse("the token's header has `crit`, which is not supported");
  Header header;
  const auto* algorithm = object->if_contains("alg");
  if (algorithm == nullptr || !algorithm->is_string()) return refuse("the token's header names no algorithm");
  header.algorithm.assign(algorithm->get_string());
  if (const auto* key_id = present(*object, "kid")) {
    if (!key_id->is_string()) return refuse("the token's `kid` is not a string");
    header.key_id.assign(key_id->get_string());
  }
  return header;
}

std::string header_json(std::string_view algorithm, std::string_view key_id) {
  json::object object;
  object["alg"] = algorithm;
  object["typ"] = "JWT";
  if (!key_id.empty()) object["kid"] = key_id;
  return json::serialize(object);
}

}  // namespace parley::net::auth

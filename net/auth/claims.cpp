#include "net/auth/claims.h"

#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace parley::net::auth {
namespace {

constexpr std::size_t kTokenIdCharsMax = 128;
constexpr std::size_t kDepthMax = kDataDepthMax;
constexpr double kLastSecond = 253'402'300'799;  // of the year 9999: beyond it nothing is a date

Error refuse(std::string message) { return make_error(Errc::token_invalid, std::move(message)); }

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// The claims of a token by name. None may come twice: one reader would take the first, another the last.
class Fields {
 public:
  static Result<Fields> of(std::string_view text, std::string_view what) {
    if (!check_json(text, kDepthMax)) return refuse(fmt::format("the token's {} is not JSON", what));
    const auto start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (type_of(text.substr(start)) != JsonType::object) {
      return refuse(fmt::format("the token's {} is not a JSON object", what));
    }
    Fields fields;
    // With halves of surrogate pairs as they are: two names that differ in them are two names.
    for (JsonObject object(text); object.next();) fields.rows_.emplace_back(object.name(), object.value());
    std::sort(fields.rows_.begin(), fields.rows_.end());
    const auto twice = std::adjacent_find(fields.rows_.begin(), fields.rows_.end(),
                                          [](const auto& one, const auto& other) { return one.first == other.first; });
    if (twice != fields.rows_.end()) return refuse(fmt::format("the token's {} has a member twice", what));
    return fields;
  }

  [[nodiscard]] bool has(std::string_view name) const { return row(name) != rows_.end(); }
  // As it stands in the text; empty: absent or null.
  [[nodiscard]] std::string_view value(std::string_view name) const {
    const auto found = row(name);
    return found == rows_.end() || type_of(found->second) == JsonType::null ? std::string_view() : found->second;
  }

 private:
  using Row = std::pair<std::string, std::string_view>;
  [[nodiscard]] std::vector<Row>::const_iterator row(std::string_view name) const {
    const auto found = std::lower_bound(rows_.begin(), rows_.end(), name,
                                        [](const Row& one, std::string_view wanted) { return one.first < wanted; });
    return found != rows_.end() && found->first == name ? found : rows_.end();
  }

  std::vector<Row> rows_;
};

bool is_string(std::string_view value) { return !value.empty() && type_of(value) == JsonType::string; }
bool is_array(std::string_view value) { return !value.empty() && type_of(value) == JsonType::array; }

Status read_text(const Fields& fields, std::string_view name, std::size_t chars_max, std::string& out) {
  const auto value = fields.value(name);
  if (value.empty()) return {};
  if (!is_string(value)) return refuse(fmt::format("`{}` is not a string", name));
  auto text = json_string(value);
  if (text.size() > chars_max) return refuse(fmt::format("`{}` is longer than {} characters", name, chars_max));
  if (has_control_characters(text)) return refuse(fmt::format("`{}` has control characters", name));
  out = std::move(text);
  return {};
}

// Issuers write ids as text or as the number that they are in a database. `numbers` gets those that are numbers.
Status read_list(const Fields& fields, std::string_view name, std::size_t chars_max, std::vector<std::string>& out,
                 std::vector<std::string>* numbers = nullptr) {
  const auto value = fields.value(name);
  if (value.empty()) return {};
  if (!is_array(value)) return refuse(fmt::format("`{}` is not a list", name));
  for (JsonArray list(value); list.next();) {
    auto id = json_id(list.value());
    if (!id) return refuse(fmt::format("`{}` holds something that is neither text nor a whole number", name));
    if (id->text.empty()) return refuse(fmt::format("`{}` holds an empty text", name));
    if (id->text.size() > chars_max) {
      return refuse(fmt::format("`{}` holds more than {} characters", name, chars_max));
    }
    if (has_control_characters(id->text)) return refuse(fmt::format("`{}` has control characters", name));
    if (numbers != nullptr && id->form == IdForm::number) numbers->push_back(id->text);
    out.push_back(std::move(id->text));
  }
  if (numbers == nullptr) return {};
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
  return {};
}

Status read_user(const Fields& fields, const AppLimits& limits, Claims& claims) {
  const auto value = fields.value("sub");
  if (value.empty()) return refuse("`sub` is missing: the user's id");
  auto id = json_id(value);
  if (!id) return refuse("`sub` is neither text nor a whole number");
  if (id->text.empty()) return refuse("`sub` is empty");
  if (id->text.size() > limits.user_id_chars_max) {
    return refuse(fmt::format("`sub` is longer than {} characters", limits.user_id_chars_max));
  }
  if (has_control_characters(id->text)) return refuse("`sub` has control characters");
  claims.user_id = std::move(id->text);
  claims.id_form = id->form;
  return {};
}

// Seconds since 1970, a fraction allowed (RFC 7519, NumericDate).
Status read_date(const Fields& fields, std::string_view name, std::optional<WallTime>& out) {
  const auto value = fields.value(name);
  if (value.empty()) return {};
  double at = -1;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), at);
  if (failure != std::errc{} || end != value.data() + value.size() || !(at >= 0) || at > kLastSecond) {
    return refuse(fmt::format("`{}` is not a time in seconds since 1970", name));
  }
  out = WallTime{static_cast<std::int64_t>(std::floor(at * 1'000))};
  return {};
}

Status read_admin(const Fields& fields, const AppLimits& limits, Claims& claims) {
  const auto value = fields.value("admin");
  if (value.empty()) return {};
  if (type_of(value) == JsonType::boolean) {
    claims.admin_all = value == "true";
    return {};
  }
  if (!is_array(value)) return refuse("`admin` is neither true nor a list");
  return read_list(fields, "admin", limits.user_id_chars_max, claims.admin);
}

// `aud` may be one text or a list of them.
Status read_audience(const Fields& fields, const AppLimits& limits, std::vector<std::string>& out) {
  const auto value = fields.value("aud");
  if (value.empty()) return {};
  if (!is_string(value)) return read_list(fields, "aud", limits.token_bytes_max, out);
  return read_text(fields, "aud", limits.token_bytes_max, out.emplace_back());
}

Status read_info(const Fields& fields, const AppLimits& limits, std::string& out) {
  const auto value = fields.value("info");
  if (value.size() > limits.member_bytes_max) {
    return refuse(fmt::format("`info` is larger than {} bytes", limits.member_bytes_max));
  }
  out.assign(value);
  return {};
}

// One JSON object, written field by field.
class Writer {
 public:
  std::string& field(std::string_view name) {
    text_.push_back(text_.empty() ? '{' : ',');
    append_json_string(text_, name);
    text_.push_back(':');
    return text_;
  }
  void text(std::string_view name, std::string_view value) { append_json_string(field(name), value); }
  void number(std::string_view name, std::int64_t value) { field(name).append(std::to_string(value)); }
  void list(std::string_view name, const std::vector<std::string>& items,
            const std::vector<std::string>& numbers = {}) {
    auto& out = field(name);
    out.push_back('[');
    for (const auto& item : items) {
      if (out.back() != '[') out.push_back(',');
      const bool number = std::binary_search(numbers.begin(), numbers.end(), item);
      append_id(out, item, number ? IdForm::number : IdForm::text);
    }
    out.push_back(']');
  }
  std::string end() { return std::move(text_) + "}"; }

 private:
  std::string text_;
};

}  // namespace

Result<Payload> read_payload(std::string_view text, const AppLimits& limits) {
  const auto fields = Fields::of(text, "payload");
  if (!fields) return fields.error();

  Payload payload;
  auto& claims = payload.claims;
  auto& envelope = payload.envelope;
  std::optional<WallTime> expires;
  std::optional<WallTime> issued_at;
  const auto text_max = limits.token_bytes_max;
  for (const auto& status :
       {read_user(*fields, limits, claims), read_info(*fields, limits, claims.user_info),
        read_list(*fields, "domains", limits.channel_name_chars_max, claims.domains),
        read_admin(*fields, limits, claims),
        read_list(*fields, "channels", limits.channel_name_chars_max, claims.channels),
        read_list(*fields, "watchlist", limits.user_id_chars_max, claims.watchlist, &claims.watchlist_numbers),
        read_text(*fields, "jti", kTokenIdCharsMax, claims.token_id),
        read_text(*fields, "iss", text_max, envelope.issuer), read_audience(*fields, limits, envelope.audience),
        read_date(*fields, "exp", expires), read_date(*fields, "iat", issued_at),
        read_date(*fields, "nbf", envelope.not_before)}) {
    if (!status) return status.error();
  }
  claims.no_domains = claims.domains.empty() && !fields->value("domains").empty();
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
  Writer object;
  append_id(object.field("sub"), claims.user_id, claims.id_form);
  if (!claims.domains.empty() || claims.no_domains) object.list("domains", claims.domains);
  if (claims.admin_all) {
    object.field("admin").append("true");
  } else if (!claims.admin.empty()) {
    object.list("admin", claims.admin);
  }
  if (!claims.channels.empty()) object.list("channels", claims.channels);
  if (!claims.watchlist.empty()) object.list("watchlist", claims.watchlist, claims.watchlist_numbers);
  if (!claims.token_id.empty()) object.text("jti", claims.token_id);
  if (!envelope.issuer.empty()) object.text("iss", envelope.issuer);
  if (!envelope.audience.empty()) object.list("aud", envelope.audience);
  if (envelope.not_before) object.number("nbf", envelope.not_before->ms / 1'000);
  if (claims.issued_at.ms != 0) object.number("iat", claims.issued_at.ms / 1'000);
  object.number("exp", claims.expires.ms / 1'000);
  if (!claims.user_info.empty()) object.field("info").append(claims.user_info);  // as it stands
  return object.end();
}

Result<Header> read_header(std::string_view text) {
  const auto fields = Fields::of(text, "header");
  if (!fields) return fields.error();
  // Extensions that must be understood: none is.
  if (fields->has("crit")) return refuse("the token's header has `crit`, which is not supported");
  Header header;
  const auto algorithm = fields->value("alg");
  if (!is_string(algorithm)) return refuse("the token's header names no algorithm");
  header.algorithm = json_string(algorithm);
  if (const auto key_id = fields->value("kid"); !key_id.empty()) {
    if (!is_string(key_id)) return refuse("the token's `kid` is not a string");
    header.key_id = json_string(key_id);
  }
  return header;
}

std::string header_json(std::string_view algorithm, std::string_view key_id) {
  Writer object;
  object.text("alg", algorithm);
  object.text("typ", "JWT");
  if (!key_id.empty()) object.text("kid", key_id);
  return object.end();
}

}  // namespace parley::net::auth

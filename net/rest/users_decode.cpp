#include "core/channel_name.h"
#include "net/json/fields.h"
#include "net/rest/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace parley::net {
namespace {

constexpr auto kBad = Errc::bad_request;
constexpr std::int64_t kLongestSeconds = std::int64_t{100} * 366 * 86'400;  // a century

Result<std::string_view> checked_body(std::string_view body, std::size_t depth_max) {
  if (auto valid = check_json(body, depth_max); !valid) {
    return make_error(kBad, "the body: " + valid.error().message);
  }
  return trimmed(body);
}

// Takes an id into the list unless it is there.
class IdList {
 public:
  explicit IdList(const App& app) : app_(app) {}
  Status add(std::string id) {
    if (++count_ > app_.limits.users_per_call_max) {
      return make_error(kBad, fmt::format("a call asks for at most {} users", app_.limits.users_per_call_max));
    }
    if (auto valid = check_user_id(id, app_.limits.user_id_chars_max); !valid) return valid;
    if (seen_.insert(id).second) ids_.push_back(std::move(id));
    return {};
  }
  Result<std::vector<std::string>> take() {
    if (ids_.empty()) return make_error(kBad, "`ids` names no user");
    return std::move(ids_);
  }

 private:
  const App& app_;
  std::size_t count_ = 0;
  std::vector<std::string> ids_;
  std::unordered_set<std::string> seen_;
};

// `for_seconds` from now, or `until`. Nothing: neither was given.
Result<std::optional<WallTime>> read_until(std::string_view for_seconds, std::string_view until, WallTime now) {
  if (for_seconds.empty() && until.empty()) return std::optional<WallTime>();
  if (!for_seconds.empty() && !until.empty()) return make_error(kBad, "give either `for_seconds` or `until`");
  const bool relative = !for_seconds.empty();
  const auto number = json_integer(relative ? for_seconds : until);
  if (!number) {
    return make_error(kBad, fmt::format("`{}` must be a whole number", relative ? "for_seconds" : "until"));
  }
  if (!relative) {
    if (*number <= now.ms) return make_error(kBad, "`until` is over: give milliseconds since 1970 that are to come");
    if (*number - now.ms > kLongestSeconds * 1'000) {
      return make_error(kBad, fmt::format("`until` must be within {} seconds from now", kLongestSeconds));
    }
    return std::optional(WallTime{*number});
  }
  if (*number < 1 || *number > kLongestSeconds) {
    return make_error(kBad, fmt::format("`for_seconds` must be 1 to {}", kLongestSeconds));
  }
  return std::optional(WallTime{now.ms + *number * 1'000});
}

}  // namespace

Result<std::vector<std::string>> decode_user_ids(std::string_view body, const App& app, std::size_t depth_max) {
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  const auto fields = read_fields<1>(*text, {"ids"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto ids = fields->front();
  if (ids.empty() || type_of(ids) != JsonType::array) return make_error(kBad, "`ids` must be an array of user ids");
  IdList list(app);
  JsonArray items(ids);
  while (items.next()) {
    auto id = json_id(items.value());
    if (!id) return make_error(kBad, "a user id must be a string");
    auto added = list.add(std::move(id->text));
    if (!added) return added.error();
  }
  return list.take();
}

Result<std::vector<std::string>> split_user_ids(std::string_view text, const App& app) {
  IdList list(app);
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0) {
      if (auto added = list.add(std::string(text.substr(0, end))); !added) return added.error();
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list.take();
}

Result<KickCall> decode_kick(std::string_view body, const App& app, std::size_t depth_max, WallTime now) {
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  const auto fields = read_fields<3>(*text, {"channel", "for_seconds", "until"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto [channel, for_seconds, until] = *fields;
  KickCall call;
  if (channel.empty()) return make_error(kBad, "`channel` is missing");
  if (auto read = read_string(channel, "channel", kBad, call.channel); !read) return read.error();
  if (auto valid = check_channel_name(call.channel, app.limits.channel_name_chars_max); !valid) return valid.error();
  const auto end = read_until(for_seconds, until, now);
  if (!end) return end.error();
  call.until = end->value_or(WallTime{});
  return call;
}

Result<BanCall> decode_ban(std::string_view body, std::size_t depth_max, WallTime now) {
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  const auto fields = read_fields<3>(*text, {"for_seconds", "until", "reason"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto [for_seconds, until, reason] = *fields;
  const auto end = read_until(for_seconds, until, now);
  if (!end) return end.error();
  if (!*end) return make_error(kBad, "give `for_seconds` or `until`; DELETE lifts a ban");
  BanCall call{.until = **end, .reason = {}};
  if (auto read = read_string(reason, "reason", kBad, call.reason); !read) return read.error();
  if (call.reason.size() > kBanReasonBytesMax) {
    return make_error(kBad, fmt::format("`reason` has at most {} bytes", kBanReasonBytesMax));
  }
  return call;
}

Result<bool> decode_terminate(std::string_view body, std::size_t depth_max) {
  if (trimmed(body).empty()) return false;
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  // Some SDKs send an empty list for an empty object.
  if (type_of(*text) == JsonType::array) return false;
  const auto fields = read_fields<1>(*text, {"revoke_tokens"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto revoke = fields->front();
  if (revoke.empty()) return false;
  if (type_of(revoke) != JsonType::boolean) return make_error(kBad, "`revoke_tokens` must be true or false");
  return revoke == "true";
}

}  // namespace parley::net

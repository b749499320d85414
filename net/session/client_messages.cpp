#include "net/session/client_messages.h"

#include "net/json/fields.h"
#include "net/session/data_object.h"

#include <algorithm>

namespace parley::net {
namespace {

constexpr auto kBad = Errc::bad_frame;

// Ids come as strings or, from some back ends, as whole numbers.
Result<SaidId> read_id(std::string_view value, std::string_view name, const AppLimits& limits) {
  auto id = json_id(value);
  if (!id) return make_error(Errc::unauthorized, fmt::format("`{}` must be a string or a whole number", name));
  if (id->text.empty()) return make_error(Errc::unauthorized, fmt::format("`{}` is empty", name));
  if (id->text.size() > limits.user_id_chars_max) {
    return make_error(Errc::too_large, fmt::format("`{}` has more than {} characters", name, limits.user_id_chars_max));
  }
  if (!check_user_id(id->text, limits.user_id_chars_max)) {
    return make_error(Errc::unauthorized, fmt::format("`{}` has control characters", name));
  }
  return std::move(*id);
}

Result<std::string_view> signed_object(std::string_view text, std::string_view what, std::size_t depth_max) {
  if (auto checked = check_json(text, depth_max); !checked) {
    return make_error(kBad, fmt::format("`{}` is {}", what, checked.error().message));
  }
  const auto object = trimmed(text);
  if (type_of(object) != JsonType::object) return make_error(kBad, fmt::format("`{}` must hold a JSON object", what));
  return object;
}

}  // namespace

Result<SubscribeData> decode_subscribe(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "pusher:subscribe");
  if (!object) return object.error();
  const auto fields = read_fields<5>(*object, {"channel", "auth", "channel_data", "since", "rewind"}, kBad,
                                     "`data` of pusher:subscribe");
  if (!fields) return fields.error();
  const auto [channel, auth, channel_data, since, rewind] = *fields;

  SubscribeData out;
  if (channel.empty()) return make_error(kBad, "`channel` of pusher:subscribe is missing");
  if (auto read = read_string(channel, "channel", kBad, out.channel); !read) return read.error();
  if (auto read = read_string(auth, "auth", kBad, out.auth); !read) return read.error();
  if (!channel_data.empty()) {
    out.channel_data.emplace();
    if (auto read = read_string(channel_data, "channel_data", kBad, *out.channel_data); !read) return read.error();
  }
  if (auto read = read_string(since, "since", kBad, out.since); !read) return read.error();
  if (!rewind.empty()) {
    const auto number = json_integer(rewind);
    if (!number || *number < 0 || *number > 1'000'000) {
      return make_error(kBad, "`rewind` must be a whole number from 0 on");
    }
    out.rewind = static_cast<std::uint32_t>(*number);
  }
  return out;
}

Result<SignInData> decode_sign_in(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "pusher:signin");
  if (!object) return object.error();
  const auto fields = read_fields<2>(*object, {"auth", "user_data"}, kBad, "`data` of pusher:signin");
  if (!fields) return fields.error();
  const auto [auth, user_data] = *fields;
  SignInData out;
  if (auth.empty() || user_data.empty()) return make_error(kBad, "pusher:signin needs `auth` and `user_data`");
  if (auto read = read_string(auth, "auth", kBad, out.auth); !read) return read.error();
  if (auto read = read_string(user_data, "user_data", kBad, out.user_data); !read) return read.error();
  return out;
}

Result<ChannelData> decode_channel_data(std::string_view text, const AppLimits& limits, std::size_t depth_max) {
  if (text.size() > limits.member_bytes_max) {
    return make_error(Errc::too_large, fmt::format("`channel_data` has more than {} bytes", limits.member_bytes_max));
  }
  const auto object = signed_object(text, "channel_data", depth_max);
  if (!object) return object.error();
  const auto fields = read_fields<2>(*object, {"user_id", "user_info"}, kBad, "`channel_data`");
  if (!fields) return fields.error();
  const auto [user_id, user_info] = *fields;
  auto id = read_id(user_id, "user_id", limits);
  if (!id) return id.error();
  return ChannelData{std::move(id->text), std::string(user_info), id->form};
}

Result<UserData> decode_user_data(std::string_view text, const AppLimits& limits, std::size_t depth_max) {
  const auto object = signed_object(text, "user_data", depth_max);
  if (!object) return object.error();
  const auto fields = read_fields<4>(*object, {"id", "user_info", "watchlist", "domains"}, kBad, "`user_data`");
  if (!fields) return fields.error();
  const auto [id_value, user_info, watchlist, domains] = *fields;
  auto id = read_id(id_value, "id", limits);
  if (!id) return id.error();
  if (user_info.size() > limits.member_bytes_max) {
    return make_error(Errc::too_large, fmt::format("`user_info` has more than {} bytes", limits.member_bytes_max));
  }
  UserData out{.id = std::move(id->text),
               .user_info = std::string(user_info),
               .watchlist = {},
               .domains = std::nullopt,
               .id_form = id->form,
               .watchlist_numbers = {}};
  if (!watchlist.empty()) {
    if (type_of(watchlist) != JsonType::array) return make_error(kBad, "`watchlist` must be an array of user ids");
    JsonArray users(watchlist);
    while (users.next()) {
      auto user = read_id(users.value(), "watchlist", limits);
      if (!user) return user.error();
      if (user->form == IdForm::number) out.watchlist_numbers.push_back(user->text);
      out.watchlist.push_back(std::move(user->text));
      out.watchlist_too_long = out.watchlist.size() > limits.watchlist_users_max;
      if (out.watchlist_too_long) break;  // enough is known; the rest would only cost memory
    }
    std::sort(out.watchlist.begin(), out.watchlist.end());
    out.watchlist.erase(std::unique(out.watchlist.begin(), out.watchlist.end()), out.watchlist.end());
    std::sort(out.watchlist_numbers.begin(), out.watchlist_numbers.end());
  }
  if (!domains.empty()) {
    if (type_of(domains) != JsonType::array) return make_error(kBad, "`domains` must be an array of ids");
    out.domains.emplace();
    JsonArray ids(domains);
    while (ids.next() && out.domains->size() < limits.domains_per_user_max) {
      auto domain = read_id(ids.value(), "domains", limits);
      if (!domain) return domain.error();
      out.domains->push_back(std::move(domain->text));
    }
  }
  return out;
}

Result<std::string> decode_token(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "parley:token");
  if (!object) return object.error();
  const auto fields = read_fields<1>(*object, {"token"}, kBad, "`data` of parley:token");
  if (!fields) return fields.error();
  std::string token;
  if (fields->front().empty()) return make_error(kBad, "`token` of parley:token is missing");
  if (auto read = read_string(fields->front(), "token", kBad, token); !read) return read.error();
  return token;
}

Result<UserStatus> decode_activity(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "parley:activity");
  if (!object) return object.error();
  const auto fields = read_fields<1>(*object, {"state"}, kBad, "`data` of parley:activity");
  if (!fields) return fields.error();
  std::string state;
  if (auto read = read_string(fields->front(), "state", kBad, state); !read) return read.error();
  const auto status = status_named(state);
  if (!status || *status == UserStatus::offline)
    return make_error(kBad, "`state` of parley:activity is `online` or `away`");
  return *status;
}

Result<StatusData> decode_status(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "parley:status");
  if (!object) return object.error();
  const auto fields = read_fields<2>(*object, {"channel", "after"}, kBad, "`data` of parley:status");
  if (!fields) return fields.error();
  StatusData out;
  if ((*fields)[0].empty()) return make_error(kBad, "`channel` of parley:status is missing");
  if (auto read = read_string((*fields)[0], "channel", kBad, out.channel); !read) return read.error();
  if (auto read = read_string((*fields)[1], "after", kBad, out.after); !read) return read.error();
  return out;
}

Result<HistoryData> decode_history(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "parley:history");
  if (!object) return object.error();
  const auto fields =
      read_fields<5>(*object, {"id", "channel", "since", "limit", "direction"}, kBad, "a history request");
  if (!fields) return fields.error();
  const auto [id, channel, since, limit, direction] = *fields;
  HistoryData out;
  if (channel.empty()) return make_error(kBad, "`channel` of a history request is missing");
  if (auto read = read_string(channel, "channel", kBad, out.channel); !read) return read.error();
  if (auto read = read_string(since, "since", kBad, out.since); !read) return read.error();
  if (!id.empty()) {
    const auto number = json_integer(id);
    if (!number || *number < 0) return make_error(kBad, "`id` of a history request must be a whole number from 0 on");
    out.id = static_cast<std::uint64_t>(*number);
  }
  if (!limit.empty()) {
    const auto number = json_integer(limit);
    if (!number || *number < 1)
      return make_error(kBad, "`limit` of a history request must be a whole number from 1 on");
    out.limit = static_cast<std::size_t>(*number);
  }
  std::string way;
  if (auto read = read_string(direction, "direction", kBad, way); !read) return read.error();
  if (way == "forward") {
    out.direction = Direction::forward;
  } else if (way == "backward") {
    out.direction = Direction::backward;
  } else if (!direction.empty()) {
    return make_error(kBad, "`direction` of a history request is `forward` or `backward`");
  }
  return out;
}

}  // namespace parley::net

#include "core/channel_name.h"
#include "core/limits.h"
#include "net/json/fields.h"
#include "net/rest/call.h"
#include "net/rest/publish.h"
#include "net/session/client_messages.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {
namespace {

constexpr auto kBad = Errc::bad_request;

Result<std::string_view> checked_body(std::string_view body, std::size_t depth_max) {
  if (auto valid = check_json(body, depth_max); !valid) {
    return make_error(kBad, "the body: " + valid.error().message);
  }
  return trimmed(body);
}

Status add_channel(PublishPlan& plan, std::string_view value, const App& app) {
  if (type_of(value) != JsonType::string) return make_error(kBad, "a channel must be a string");
  auto channel = json_string(value);
  if (auto valid = check_channel_name(channel, app.limits.channel_name_chars_max); !valid) return valid;
  const auto event = plan.events.size() - 1;
  const bool twice = std::any_of(plan.targets.begin(), plan.targets.end(), [&](const PublishTarget& target) {
    return target.event == event && target.channel == channel;
  });
  if (!twice) plan.targets.push_back({std::move(channel), event});
  return {};
}

// One event with its channels, appended to the plan.
Status add_event(PublishPlan& plan, std::string_view text, const App& app, std::string_view what,
                 ForeignSocket foreign) {
  const auto fields =
      read_fields<7>(text, {"name", "data", "channel", "channels", "socket_id", "info", "idempotency_key"}, kBad, what);
  if (!fields) return fields.error();
  const auto [name, data, channel, channels, socket_id, info_text, key] = *fields;

  PublishEvent event;
  if (name.empty()) return make_error(kBad, "`name` is missing");
  if (auto read = read_string(name, "name", kBad, event.name); !read) return read;
  if (auto valid = check_event_name(event.name, app.limits.event_name_chars_max); !valid) return valid;
  if (data.empty()) return make_error(kBad, "`data` is missing");
  // Hand-made clients send an object: its text is what they mean.
  event.data = type_of(data) == JsonType::string ? json_data(data) : std::string(data);
  if (event.data.size() > app.limits.event_data_bytes_max) {
    return make_error(Errc::too_large,
                      fmt::format("the data of an event has at most {} bytes", app.limits.event_data_bytes_max));
  }
  std::string text_value;
  if (auto read = read_string(socket_id, "socket_id", kBad, text_value); !read) return read;
  if (!text_value.empty()) {
    const auto socket = SocketId::parse(text_value);
    if (!socket && foreign == ForeignSocket::refuse) return make_error(kBad, socket.error().message);
    if (socket) event.except = *socket;
  }
  text_value.clear();
  if (auto read = read_string(info_text, "info", kBad, text_value); !read) return read;
  auto wanted = parse_info(text_value, {"user_count", "subscription_count"});
  if (!wanted) return wanted.error();
  event.info = std::move(*wanted);
  if (auto read = read_string(key, "idempotency_key", kBad, event.idempotency_key); !read) return read;
  if (event.idempotency_key.size() > kIdempotencyKeyCharsMax) {
    return make_error(kBad, fmt::format("an idempotency key has at most {} characters", kIdempotencyKeyCharsMax));
  }
  plan.events.push_back(std::move(event));

  if (channel.empty() == channels.empty()) return make_error(kBad, "give either `channel` or `channels`");
  if (!channel.empty()) return add_channel(plan, channel, app);
  if (type_of(channels) != JsonType::array) return make_error(kBad, "`channels` must be an array of names");
  const auto before = plan.targets.size();
  std::size_t count = 0;
  JsonArray names(channels);
  while (names.next()) {
    if (++count > app.limits.channels_per_publish_max) {
      return make_error(Errc::too_many_channels,
                        fmt::format("an event goes to at most {} channels", app.limits.channels_per_publish_max));
    }
    if (auto added = add_channel(plan, names.value(), app); !added) return added;
  }
  const auto added = plan.targets.size() - before;
  if (added == 0) return make_error(kBad, "`channels` is empty");
  if (added > 1 && std::any_of(plan.targets.begin() + static_cast<std::ptrdiff_t>(before), plan.targets.end(),
                               [](const PublishTarget& target) { return channel_traits(target.channel).encrypted; })) {
    return make_error(kBad, "an encrypted channel takes an event of its own: each has another key");
  }
  return {};
}

}  // namespace

bool PublishPlan::wants_info() const {
  return std::any_of(events.begin(), events.end(), [](const PublishEvent& event) { return !event.info.empty(); });
}

Result<PublishPlan> decode_publish(std::string_view body, const App& app, std::size_t depth_max,
                                   ForeignSocket foreign) {
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  PublishPlan plan;
  if (auto added = add_event(plan, *text, app, "the body", foreign); !added) return added.error();
  return plan;
}

Result<PublishPlan> decode_batch(std::string_view body, const App& app, std::size_t depth_max) {
  const auto text = checked_body(body, depth_max);
  if (!text) return text.error();
  const auto fields = read_fields<1>(*text, {"batch"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto batch = fields->front();
  if (batch.empty() || type_of(batch) != JsonType::array) return make_error(kBad, "`batch` must be an array of events");
  PublishPlan plan;
  JsonArray events(batch);
  while (events.next()) {
    if (plan.events.size() >= app.limits.events_per_batch_max) {
      return make_error(kBad, fmt::format("a batch has at most {} events", app.limits.events_per_batch_max));
    }
    const auto what = fmt::format("event {} of the batch", plan.events.size());
    if (auto added = add_event(plan, events.value(), app, what, ForeignSocket::refuse); !added) {
      return make_error(added.error().code, fmt::format("{}: {}", what, added.error().message));
    }
    if (plan.targets.size() != plan.events.size()) return make_error(kBad, what + " must have one `channel`");
  }
  if (plan.events.empty()) return make_error(kBad, "`batch` is empty");
  return plan;
}

}  // namespace parley::net

#include "net/redis/input.h"

#include "core/channel_name.h"
#include "core/log.h"
#include "core/thread_name.h"
#include "net/redis/message.h"

#include <fmt/format.h>

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::net {
namespace {

constexpr seconds kDropLinesEvery{10};
constexpr std::size_t kFailuresTold = 8;
constexpr std::size_t kNameShownMax = 200;  // of what somebody published, in a line of the log

std::string_view shown(std::string_view name) { return name.substr(0, kNameShownMax); }

RedisPrefix make_prefix(const RedisInputConfig& config) {
  if (config.key_prefix.empty() && config.detect_prefix) return RedisPrefix::to_be_learned();
  return RedisPrefix::given(config.key_prefix);
}

}  // namespace

RedisInput::RedisInput(RedisInputConfig config, const SettingsSource& settings, const Clock& clock, Random& random,
                       Metrics& metrics, actors::Gateway& gateway)
    : config_(std::move(config)),
      settings_(settings),
      clock_(clock),
      random_(random),
      metrics_(metrics),
      gateway_(gateway),
      connected_(metrics.redis_connected()),
      published_(metrics.redis_messages("published")),
      answers_(std::make_shared<RedisAnswers>([this](const std::optional<Error>& error) { answered(error); })),
      address_(gateway.attach(answers_)),
      prefix_(make_prefix(config_)) {
  connected_.set(0);
}

RedisInput::~RedisInput() { stop(); }

void RedisInput::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    name_this_thread("parley-redis");
    run();
  });
}

void RedisInput::stop() {
  stopping_ = true;
  wake_.ring();
  answers_->close();
  if (thread_.joinable()) thread_.join();
}

void RedisInput::run() {
  auto pause_now = config_.pause_first;
  while (!stopping_) {
    const auto bytes_max = settings_.current()->limits.redis_message_bytes_max;
    auto link = RedisLink::open(config_.target, prefix_.pattern(), bytes_max, config_.patience, clock_, wake_);
    if (stopping_) return;
    const auto since = clock_.now();
    if (link) {
      found();
      read(**link);
      // A server that takes connections and drops them again is no reason to try faster.
      if (clock_.now() - since > config_.pause_max) pause_now = config_.pause_first;
    } else {
      lost(link.error());
    }
    if (stopping_) return;
    // Between a half and the whole: those who lost the same server do not all return at once.
    const auto half = static_cast<std::uint64_t>(pause_now.count()) / 2;
    pause(milliseconds(half + random_.below(half + 1)));
    pause_now = std::min(pause_now * 2, config_.pause_max);
  }
}

void RedisInput::pause(milliseconds span) const {
  pollfd fd{wake_.fd(), POLLIN, 0};
  ::poll(&fd, 1, static_cast<int>(span.count()));
}

void RedisInput::found() {
  up_ = true;
  connected_.set(1);
  failures_.clear();
  log_info(was_up_ ? "redis: back" : "redis: subscribed",
           {{"address", config_.target.address()}, {"pattern", prefix_.pattern()}});
  was_up_ = true;
}

void RedisInput::lost(const Error& error) {
  const bool was_up = std::exchange(up_, false);
  connected_.set(0);
  if (was_up) {
    log_warn("redis: lost; what is published until it is back does not arrive",
             {{"address", config_.target.address()}, {"reason", error.message}});
  } else if (failures_.size() < kFailuresTold && failures_.insert(error.message).second) {
    log_warn("redis: not reached", {{"address", config_.target.address()}, {"reason", error.message}});
  }
}

void RedisInput::read(RedisLink& link) {
  std::optional<MonoTime> pinged;
  std::vector<RedisMessage> messages;
  while (!stopping_) {
    messages.clear();
    auto read = link.receive(messages, pinged ? config_.pong_timeout : config_.silence);
    const auto now = clock_.now();
    for (const auto& message : messages) take(message);
    submit();
    answers_->expire(now - config_.answer_timeout);
    if (read && pinged && link.last_heard() < *pinged && now - *pinged >= config_.pong_timeout) {
      read = make_error(Errc::timeout, "it does not answer any more");
    } else if (read && !pinged && now - link.last_heard() >= config_.silence) {
      read = link.ping();
      pinged = now;
    } else if (pinged && link.last_heard() >= *pinged) {
      pinged.reset();
    }
    if (read) continue;
    if (stopping_) return;
    if (read.error().code == Errc::too_large) drop("too_large", {}, read.error().message);
    return lost(read.error());
  }
}

std::optional<std::string_view> RedisInput::channel_of(const RedisMessage& message) {
  const auto seen = prefix_.look(message.channel);
  if (seen.learned) {
    log_info(
        "redis: learned the prefix of channels; set redis.key_prefix to it, for another application's could come first",
        {{"key_prefix", shown(prefix_.prefix())}, {"channel", shown(message.channel)}});
  }
  switch (seen.whose) {
    case RedisPrefix::Whose::ours:
      return seen.channel;
    case RedisPrefix::Whose::unknown:
      drop("unknown_prefix", message.channel, "its prefix cannot be told from its name: set redis.key_prefix");
      return std::nullopt;
    case RedisPrefix::Whose::other:
      break;
  }
  if (!seen.rival.empty() && !rival_told_) {
    rival_told_ = true;
    log_warn("redis: two applications publish here, and the prefix was only learned: set redis.key_prefix",
             {{"learned", shown(prefix_.prefix())}, {"other", shown(seen.rival)}});
  }
  drop("other_prefix", message.channel, "it has another prefix");
  return std::nullopt;
}

void RedisInput::submit() {
  if (!requests_.empty()) gateway_.submit(std::exchange(requests_, {}));
}

void RedisInput::take(const RedisMessage& message) {
  const auto name = channel_of(message);
  if (!name) return;
  const auto refuse = [&](const Error& error) { drop(info(error.code).name, message.channel, error.message); };
  const auto settings = settings_.current();
  const auto* app = config_.app.empty() ? (settings->apps.empty() ? nullptr : &settings->apps.front())
                                        : settings->app_by_id(config_.app);
  if (app == nullptr) return refuse(make_error(Errc::unknown_app));
  if (!app->enabled) return refuse(make_error(Errc::app_disabled));
  const auto& limits = app->limits;
  if (auto valid = check_channel_name(*name, limits.channel_name_chars_max); !valid) return refuse(valid.error());
  auto broadcast = decode_redis_broadcast(message.text, settings->limits.json_depth_max);
  if (!broadcast) return drop("malformed", message.channel, broadcast.error().message);
  if (auto valid = check_event_name(broadcast->event, limits.event_name_chars_max); !valid) {
    return refuse(valid.error());
  }
  if (broadcast->data.size() > limits.event_data_bytes_max) {
    return refuse(make_error(Errc::too_large,
                             fmt::format("the data of an event has at most {} bytes", limits.event_data_bytes_max)));
  }
  if (!take_room()) { return refuse(make_error(Errc::overloaded, "too many messages before it wait to be published")); }
  const auto now = clock_.now();
  Publish publish{.channel = ChannelKey(app->id, *name),
                  .event = std::move(broadcast->event),
                  .data = std::string(broadcast->data),
                  .kind = DataKind::text,
                  .except = broadcast->except,
                  .wants_reply = true,
                  .accepted = now};
  const auto ticket = answers_->put(publish.data.size(), now);
  requests_.push_back({.from = ReplyTo{address_, ticket}, .what = std::move(publish)});
}

// A node that is slow slows us down, and Redis keeps what we do not read, up to its own bound. One that stands
// still must not: after one wait in vain nothing waits until there is room again.
bool RedisInput::take_room() {
  const auto& limits = settings_.current()->limits;
  const RedisAnswers::Bounds bounds{limits.redis_in_flight_max, limits.redis_in_flight_bytes_max};
  if (!answers_->wait_for_room(bounds, milliseconds(0))) {
    submit();  // what is waited for must be on its way
    no_room_ = !answers_->wait_for_room(bounds, no_room_ ? milliseconds(0) : config_.room_timeout);
    return !no_room_;
  }
  no_room_ = false;
  return true;
}

void RedisInput::drop(std::string_view result, std::string_view channel, std::string_view why) {
  metrics_.redis_messages(result).add();
  std::uint64_t more = 0;
  {
    const MutexLock lock(dropped_mutex_);
    auto place = dropped_.find(result);
    if (place == dropped_.end()) place = dropped_.emplace(result, Dropped{}).first;
    auto& row = place->second;
    const auto now = clock_.now();
    if (row.told && now - *row.told < kDropLinesEvery) {
      ++row.untold;
      return;
    }
    row.told = now;
    more = std::exchange(row.untold, 0);
  }
  log_warn("redis: message dropped",
           {{"result", result}, {"channel", shown(channel)}, {"reason", why}, {"dropped_before", more}});
}

void RedisInput::answered(const std::optional<Error>& error) {
  if (!error) return published_.add();
  drop(info(error->code).name, {}, error->message);
}

}  // namespace parley::net

// POST events and batch_events: one gateway request for each publication, one answer for all.

#include "net/rest/publish.h"

#include "core/channel_name.h"
#include "core/command.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/rest/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace parley::net {

// Waits for the answers of one call. Kept alive by the callbacks that it waits for.
class RestPublish : public std::enable_shared_from_this<RestPublish> {
 public:
  RestPublish(RestApi& api, RestCallPtr call, PublishPlan plan, bool batch)
      : api_(api), call_(std::move(call)), plan_(std::move(plan)), batch_(batch), outcomes_(plan_.targets.size()) {}

  void start();

 private:
  struct Outcome {
    std::optional<Error> error;
    std::optional<ChannelInfo> counts;
    std::optional<ReplayGuard::KeyName> slot;  // ephemeral with an idempotency key: what the guard remembers
  };

  Status admit();
  [[nodiscard]] std::string key_of(const PublishTarget& target) const;
  // Whose key that is: an event's own one may read as another's with its number.
  [[nodiscard]] std::string_view scope_of(const PublishTarget& target) const;
  [[nodiscard]] ReplayGuard::KeyName account_of(const PublishTarget& target) const;
  [[nodiscard]] bool keyed() const;
  [[nodiscard]] bool guarded() const;
  void send(std::size_t index);
  void on_reply(std::size_t index, Reply& reply);
  void finish();
  void fail();
  void append_counts(std::string& out, std::size_t index) const;

  RestApi& api_;
  RestCallPtr call_;
  PublishPlan plan_;
  bool batch_;
  std::vector<Outcome> outcomes_;
  std::vector<ReplayGuard::KeyName> account_keys_;  // new with this call
  bool taken_ = false;                              // the guard counts this use of the signature
  std::size_t waiting_ = 0;
};

std::string RestPublish::key_of(const PublishTarget& target) const {
  const auto& own = plan_.events[target.event].idempotency_key;
  if (!own.empty()) return own;
  if (call_->idempotency_key.empty()) return {};
  // One key for a whole batch: each of its events needs one of its own.
  return batch_ ? fmt::format("{}#{}", call_->idempotency_key, target.event) : call_->idempotency_key;
}

std::string_view RestPublish::scope_of(const PublishTarget& target) const {
  return batch_ && plan_.events[target.event].idempotency_key.empty() ? kBatchKeys : kApplicationKeys;
}

ReplayGuard::KeyName RestPublish::account_of(const PublishTarget& target) const {
  return {call_->app->id, scope_of(target), key_of(target), {}};
}

bool RestPublish::guarded() const { return call_->is_signed() && call_->app->refuse_replays != ReplayRefusal::never; }

bool RestPublish::keyed() const {
  return std::all_of(plan_.targets.begin(), plan_.targets.end(),
                     [&](const auto& target) { return !key_of(target).empty(); });
}

// A signature is good once, or for a few seconds. With idempotency keys that are known it may come again later too:
// the channels then answer with the first result.
Status RestPublish::admit() {
  const auto now = call_->exchange->wall();
  const auto bounds = call_->guard_bounds();
  const auto fresh = guarded() ? api_.guard(*call_) : Status();
  taken_ = guarded() && fresh.ok();
  if (!fresh) {
    const bool known = keyed() && std::all_of(plan_.targets.begin(), plan_.targets.end(), [&](const auto& target) {
                         return api_.replay_guard_.knows_key(account_of(target), now, bounds);
                       });
    if (!known) return fresh;
  }
  for (const auto& target : plan_.targets) {
    if (key_of(target).empty()) continue;
    auto account = account_of(target);
    if (api_.replay_guard_.take_key(account, now, bounds)) account_keys_.push_back(std::move(account));
  }
  return {};
}

void RestPublish::start() {
  if (!api_.take_rate(*call_->app, plan_.targets.size(), call_->exchange->now())) {
    respond_error(*call_->exchange, call_->route,
                  make_error(Errc::rate_limited, fmt::format("the application publishes at most {} events per second",
                                                             call_->app->limits.publishes_per_second_max)));
    return;
  }
  if (auto admitted = admit(); !admitted) {
    respond_error(*call_->exchange, call_->route, admitted.error());
    return;
  }
  waiting_ = plan_.targets.size() + 1;  // the one more keeps an answer that comes at once from finishing early
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) send(i);
  if (--waiting_ == 0) finish();
}

void RestPublish::send(std::size_t index) {
  const auto& target = plan_.targets[index];
  const auto& event = plan_.events[target.event];
  const bool counts = !event.info.empty();
  auto key = key_of(target);
  const auto done = [self = shared_from_this(), index](Reply& reply) { self->on_reply(index, reply); };

  const bool ephemeral = call_->settings->rule_for(target.channel).durability == Durability::none;
  if (ephemeral && !key.empty()) {
    // Nothing is stored that could know the key: this node remembers it for the window.
    ReplayGuard::KeyName slot{call_->app->id, scope_of(target), key, target.channel};
    if (!api_.replay_guard_.take_key(slot, call_->exchange->wall(), call_->guard_bounds())) {
      if (counts) {
        call_->exchange->request({.from = {}, .what = GetChannel{call_->key(target.channel)}}, done);
      } else {
        --waiting_;
      }
      return;
    }
    outcomes_[index].slot = std::move(slot);
  }
  Publish publish{
      .channel = call_->key(target.channel),
      .event = event.name,
      .data = event.data,
      .kind = DataKind::text,
      .except = event.except,
      .user_id = {},
      .client_event = false,
      .idempotency_key = key,
      .key_scope = std::string(scope_of(target)),
      // Stored with the publication: a replay is refused after a restart too. A known key answers instead.
      .once = key.empty() && guarded() ? fmt::format("{}/{}", call_->signature.hex, index) : std::string(),
      .once_repeat = call_->repeat(),
      .wants_reply = true,
      .wants_counts = counts,
      .ack = 0,
      .accepted = call_->exchange->now(),
  };
  call_->exchange->request({.from = {}, .what = std::move(publish)}, done);
}

void RestPublish::on_reply(std::size_t index, Reply& reply) {
  auto& outcome = outcomes_[index];
  if (auto* published = std::get_if<Published>(&reply.what)) {
    outcome.counts = std::move(published->counts);
  } else if (auto* counts = std::get_if<ChannelInfo>(&reply.what)) {
    outcome.counts = std::move(*counts);
  } else {
    outcome.error = error_of(reply);
  }
  if (--waiting_ == 0) finish();
}

void RestPublish::append_counts(std::string& out, std::size_t index) const {
  const auto& info = plan_.events[plan_.targets[index].event].info;
  const auto& counts = outcomes_[index].counts;
  out.push_back('{');
  if (counts) {
    if (wants(info, "user_count") && channel_traits(plan_.targets[index].channel).presence) {
      out.append(fmt::format(R"("user_count":{})", counts->users));
    }
    if (wants(info, "subscription_count")) {
      if (out.back() != '{') out.push_back(',');
      out.append(fmt::format(R"("subscription_count":{})", counts->subscriptions));
    }
  }
  out.push_back('}');
}

void RestPublish::finish() {
  if (std::any_of(outcomes_.begin(), outcomes_.end(), [](const Outcome& one) { return one.error.has_value(); })) {
    fail();
    return;
  }
  if (call_->by_key) {
    respond(*call_, R"({"message":"ok"})");
    return;
  }
  if (!plan_.wants_info()) {
    respond(*call_, "{}");
    return;
  }
  std::string out = batch_ ? R"({"batch":[)" : R"({"channels":{)";
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
    if (i > 0) out.push_back(',');
    if (!batch_) {
      append_json_string(out, plan_.targets[i].channel);
      out.push_back(':');
    }
    append_counts(out, i);
  }
  out.append(batch_ ? "]}" : "}}");
  respond(*call_, std::move(out));
}

void RestPublish::fail() {
  const Error* first = nullptr;
  bool all = true;
  std::string channels;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    const auto& outcome = outcomes_[i];
    if (!outcome.error) {
      all = false;
      continue;
    }
    if (first == nullptr) first = &*outcome.error;
    if (outcome.slot) api_.replay_guard_.forget_key(*outcome.slot);
    channels.append(channels.empty() ? "" : ",");
    append_json_string(channels, plan_.targets[i].channel);
    channels.append(fmt::format(R"(:"{}")", info(outcome.error->code).name));
  }
  // Nothing was published (or nobody knows, and then durable channels refuse it by `once`): the same
  // request may be tried again. After half of it only one with idempotency keys may.
  if (all && first->code != Errc::replayed) {
    if (taken_) api_.replay_guard_.forget(call_->signature.hex, call_->signature.timestamp_seconds);
    for (const auto& key : account_keys_) api_.replay_guard_.forget_key(key);
  }
  const bool several = outcomes_.size() > 1;
  respond_error(*call_->exchange, call_->route, *first, several ? fmt::format(R"(,"channels":{{{}}})", channels) : "");
}

void RestApi::publish(const RestCallPtr& call) {
  // Who comes from laravel-echo-server may still name a client by an id of that one's.
  const auto foreign = call->by_key ? ForeignSocket::nobody : ForeignSocket::refuse;
  auto plan = decode_publish(call->body, *call->app, call->settings->limits.json_depth_max, foreign);
  if (!plan) {
    respond_error(*call->exchange, call->route, plan.error());
    return;
  }
  std::make_shared<RestPublish>(*this, call, std::move(*plan), false)->start();
}

void RestApi::publish_batch(const RestCallPtr& call) {
  auto plan = decode_batch(call->body, *call->app, call->settings->limits.json_depth_max);
  if (!plan) {
    respond_error(*call->exchange, call->route, plan.error());
    return;
  }
  std::make_shared<RestPublish>(*this, call, std::move(*plan), true)->start();
}

}  // namespace parley::net

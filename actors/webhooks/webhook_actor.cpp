#include "actors/webhooks/webhook_actor.h"

#include "core/check.h"
#include "core/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::actors {
namespace {

constexpr auto kReadAgain = seconds(1);
constexpr auto kSettleAgain = seconds(1);
constexpr std::size_t kSettledPerCommandMax = 10'000;
constexpr std::size_t kReplayedPerCommandMax = 1'000;
constexpr std::size_t kDeadPageMax = 1'000;
constexpr std::size_t kReplaysMax = 16;  // at a time; then: overloaded

WebhookQueueConfig queue_config(const WebhookTarget& target) {
  WebhookQueueConfig config;
  config.batch_events_max = std::max<std::size_t>(target.batch_events_max, 1);
  config.concurrency_max = std::max<std::size_t>(target.concurrency_max, 1);
  config.retry_pause_max = std::max<milliseconds>(target.retry_pause_max, config.retry_pause_min);
  config.retry_for = target.retry_for;
  return config;
}

// About what the notice adds to a request's body, from above for usual texts.
std::size_t weight(const Notice& notice) {
  constexpr std::size_t names_and_numbers = 192;
  const auto escaped = static_cast<std::size_t>(
      std::count_if(notice.data.begin(), notice.data.end(), [](char c) { return c == '"' || c == '\\' || c == '\n'; }));
  auto bytes = names_and_numbers + notice.id.size() + notice.channel.size() + notice.user_id.size() +
               notice.event.size() + notice.data.size() + escaped;
  for (const auto& domain : notice.domains) bytes += domain.size() + 3;
  return bytes;
}

std::string cursor_text(NoticeRef ref) { return fmt::format("{}.{}", ref.shard.value, ref.number); }

std::optional<NoticeRef> parse_cursor(std::string_view text) {
  if (text.empty()) return NoticeRef{};
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto* end = text.data() + text.size();
  NoticeRef ref;
  const auto shard = std::from_chars(text.data(), text.data() + dot, ref.shard.value);
  const auto number = std::from_chars(text.data() + dot + 1, end, ref.number);
  if (shard.ec != std::errc{} || shard.ptr != text.data() + dot) return std::nullopt;
  if (number.ec != std::errc{} || number.ptr != end) return std::nullopt;
  return ref;
}

}  // namespace

WebhookActor::Target::Target(const std::string& name, WebhookQueueConfig config, const Metrics& metrics)
    : queue(config),
      waiting_gauge(metrics.webhook_events_waiting(name)),
      dead_gauge(metrics.webhook_events_dead(name)),
      delivered_counter(metrics.webhook_events_delivered(name)),
      failures_counter(metrics.webhook_failures(name)) {}

WebhookActor::WebhookActor(caf::actor_config& config, std::shared_ptr<ActorContext> context,
                           std::shared_ptr<ActorStats> stats)
    : event_based_actor(config),
      context_(std::move(context)),
      stats_(std::move(stats)),
      settings_(context_->settings.current()) {}

caf::behavior WebhookActor::make_behavior() {
  set_exception_handler([this](std::exception_ptr& failure) { return context_->failed_by(*stats_, failure); });
  configure();
  return {
      [this](NoticesFound& message) {
        found(message);
        after_each();
      },
      [this](const Leading& message) {
        if (!led_.contains(message.shard)) early_[message.shard].term = message.term;
      },
      [this](const Following& message) {
        let_go_of(message.shard);
        after_each();
      },
      [this](const NoticesStored& message) {
        stored(message);
        after_each();
      },
      [this](NoticesRead& message) {
        post(message);
        after_each();
      },
      [this](const NoticesPosted& message) {
        posted(message);
        after_each();
      },
      [this](const Applied& message) {
        for (const auto& [token, effect] : message.effects) applied(token);
        after_each();
      },
      [this](const NotApplied& message) {
        for (const auto token : message.tokens) refused(token, message.error);
        after_each();
      },
      [this](DeadRead& message) {
        dead_read(message);
        after_each();
      },
      [this](ToWebhooks& message) {
        context_->taken_out(*stats_, message.credit);
        answer(message.request);
        after_each();
      },
      [this](const Reconfigured& message) {
        settings_ = message.settings;
        configure();
        after_each();
      },
      [this](Tick) {
        tick_.came();
        context_->metrics.actor_ticks.add();
        after_each();
      },
  };
}

// ---- targets ----

void WebhookActor::configure() {
  for (auto& [name, target] : targets_) target.configured = false;
  for (const auto& configured : settings_->webhooks) {
    auto& target = this->target(configured.name);
    target.queue.configure(queue_config(configured));
    target.configured = settings_->app_by_id(configured.app) != nullptr;
    target.enabled = configured.enabled;
    target.app = configured.app;
    target.url = configured.url;
  }
}

WebhookActor::Target& WebhookActor::target(const std::string& name) {
  return targets_.try_emplace(name, name, WebhookQueueConfig{}, context_->metrics).first->second;
}

std::uint64_t WebhookActor::Target::dead_count() const {
  std::uint64_t count = 0;
  for (const auto& [shard, letters] : dead) count += letters;
  return count;
}

void WebhookActor::found(NoticesFound& message) {
  for (auto& [shard, term, rows, dead] : message.shards) {
    const auto place = early_.find(shard);
    // Led elsewhere by now, or again: then others may have stored more meanwhile, and it is read anew.
    if (place == early_.end() || place->second.term != term) continue;
    const auto early = std::move(place->second.stored);
    early_.erase(place);
    led_.insert(shard);
    for (const auto& [name, count] : dead) target(name).dead[shard] = count;
    stored({shard, std::move(rows), {}});
    for (const auto& later : early) stored(later);
  }
}

// What is on its way arrives, and counts for nothing here: the next leader sends it again, with the ids that it has.
void WebhookActor::let_go_of(ShardId shard) {
  led_.erase(shard);
  early_.erase(shard);
  newest_.erase(shard);
  refused_shards_.erase(shard);
  if (const auto place = settling_.find(shard); place != settling_.end()) {
    if (place->second.token) settle_tokens_.erase(*place->second.token);
    settling_.erase(place);
  }
  for (auto& [name, target] : targets_) {
    target.queue.remove_all(shard);
    target.dead.erase(shard);
  }
}

void WebhookActor::stored(const NoticesStored& message) {
  if (!led_.contains(message.shard)) {
    if (const auto early = early_.find(message.shard); early != early_.end()) early->second.stored.push_back(message);
    return;
  }
  auto& newest = newest_[message.shard];
  for (const auto& row : message.rows) {
    if (row.number <= newest) continue;
    newest = row.number;
    target(row.target).queue.add({message.shard, row.number});
  }
  for (const auto number : message.died) {
    for (auto& [name, target] : targets_) {
      if (!target.queue.remove({message.shard, number})) continue;
      ++target.dead[message.shard];
      break;
    }
  }
}

void WebhookActor::after_each() {
  const auto now = context_->clock.now();
  if (settle_again_at_ && *settle_again_at_ <= now) {
    settle_again_at_.reset();
    for (const auto shard : std::exchange(refused_shards_, {})) settle(shard);
  }
  const auto dead_max = settings_->limits.webhook_dead_letters_max;
  for (auto& [name, target] : targets_) {
    pump(name, target);
    // The shards drop the oldest beyond it without a word.
    if (dead_max > 0) {
      for (auto& [shard, letters] : target.dead) letters = std::min(letters, dead_max);
    }
    target.waiting_gauge.set(static_cast<double>(target.queue.rows()));
    target.dead_gauge.set(static_cast<double>(target.dead_count()));
  }
  schedule();
}

// ---- sending ----

void WebhookActor::pump(const std::string& name, Target& target) {
  const auto now = context_->clock.now();
  for (auto& [batch, sending] : target.sending) {
    if (!sending.read_again_at || *sending.read_again_at > now) continue;
    sending.read_again_at.reset();
    read(name, batch, sending);
  }
  if (!target.configured || !target.enabled) return;
  while (auto batch = target.queue.take(now)) {
    auto& sending = target.sending[batch->id];
    sending.rows = std::move(batch->rows);
    sending.attempt = batch->attempt;
    read(name, batch->id, sending);
  }
}

void WebhookActor::read(const std::string& name, WebhookBatchId batch, const Sending& sending) {
  using Found = Result<std::vector<std::pair<NoticeRef, Notice>>>;
  context_->shards->read_notices(sending.rows, [self = caf::actor(this), name, batch](Found found) {
    caf::anon_send(self, NoticesRead{name, batch, std::move(found)});
  });
}

void WebhookActor::post(NoticesRead& message) {
  auto& target = this->target(message.target);
  auto& sending = target.sending.at(message.batch);
  if (!message.notices) {
    // Not the target's fault. The rows stay locked: their order is kept.
    context_->failed(*stats_, message.notices.error().message);
    sending.read_again_at = context_->clock.now() + kReadAgain;
    return;
  }
  std::erase_if(*message.notices, [this](const auto& one) { return !led_.contains(one.first.shard); });
  const auto& found = *message.notices;
  for (const auto& row : sending.rows) {
    if (std::none_of(found.begin(), found.end(), [&](const auto& one) { return one.first == row; })) {
      target.queue.remove(row);  // a bound made it a dead letter: we are about to hear it
    }
  }
  const auto* configured = settings_->webhook(message.target);
  const auto* app = configured == nullptr ? nullptr : settings_->app_by_id(configured->app);
  if (found.empty() || app == nullptr || !configured->enabled) {
    target.queue.put_back(message.batch);
    target.sending.erase(message.batch);
    return;
  }
  WebhookPost post{settings_, configured, app, {}, sending.attempt};
  sending.rows.clear();
  sending.oldest = found.front().second.time;
  std::size_t bytes = 0;
  for (auto& [ref, notice] : *message.notices) {
    bytes += weight(notice);
    if (!sending.rows.empty() && bytes > configured->batch_bytes_max) {
      target.queue.cut(message.batch, sending.rows.back());
      break;
    }
    sending.rows.push_back(ref);
    sending.oldest = std::min(sending.oldest, notice.time);
    post.notices.push_back(std::move(notice));
  }
  context_->sender->post(
      std::move(post), [self = caf::actor(this), name = message.target, batch = message.batch](WebhookOutcome outcome) {
        caf::anon_send(self, NoticesPosted{name, batch, std::move(outcome)});
      });
}

void WebhookActor::posted(const NoticesPosted& message) {
  auto& target = this->target(message.target);
  if (!message.outcome.delivered) return failed(message.target, target, message.batch, message.outcome);
  const auto place = target.sending.find(message.batch);
  CHECK(place != target.sending.end());
  const auto sending = std::move(place->second);
  target.sending.erase(place);
  target.queue.delivered(message.batch);
  target.delivered += sending.rows.size();
  target.delivered_counter.add(static_cast<double>(sending.rows.size()));
  const auto took = static_cast<double>(context_->clock.wall().ms - sending.oldest.ms) / 1'000.0;
  context_->metrics.webhook_delivery_seconds.observe(std::max(took, 0.0));
  if (std::exchange(target.down, false)) {
    log_info("webhook target is back", {{"webhook", message.target}, {"waiting", target.queue.rows()}});
  }
  std::set<ShardId> shards;
  for (const auto& row : sending.rows) {
    if (!led_.contains(row.shard)) continue;
    settling_[row.shard].delivered.push_back(row.number);
    shards.insert(row.shard);
  }
  for (const auto shard : shards) settle(shard);
}

void WebhookActor::failed(const std::string& name, Target& target, WebhookBatchId batch,
                          const WebhookOutcome& outcome) {
  target.sending.erase(batch);
  target.last_failure = outcome.failure;
  target.failures_counter.add();
  std::optional<milliseconds> retry_after;
  if (outcome.retry_after.count() > 0) retry_after = outcome.retry_after;
  const auto failure =
      target.queue.failed(batch, context_->clock.now(), context_->random, retry_after, outcome.rejected);
  if (failure.down && !target.down) {
    log_warn("webhook target is down",
             {{"webhook", name}, {"failure", outcome.failure}, {"waiting", target.queue.rows()}});
  }
  target.down = failure.down;
  if (failure.dead.empty()) return;
  log_warn("webhook events were given up",
           {{"webhook", name}, {"events", failure.dead.size()}, {"failure", outcome.failure}});
  for (const auto& row : failure.dead) {
    ++target.dead[row.shard];
    settling_[row.shard].dead.push_back({row.number, outcome.failure});
    settle(row.shard);
  }
}

// ---- telling the shards ----

void WebhookActor::settle(ShardId shard) {
  auto& settling = settling_[shard];
  if (settling.token || refused_shards_.contains(shard)) return;
  if (settling.delivered.empty() && settling.dead.empty()) return;
  const auto take = [](auto& from, auto& to) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(from.size(), kSettledPerCommandMax));
    std::move(from.begin(), from.begin() + count, std::back_inserter(to));
    from.erase(from.begin(), from.begin() + count);
  };
  settling.on_its_way = {};
  take(settling.delivered, settling.on_its_way.delivered);
  take(settling.dead, settling.on_its_way.dead);
  settling.token = next_token_++;
  settle_tokens_.emplace(*settling.token, shard);
  propose(shard, *settling.token, settling.on_its_way);
}

// What is lost of a settlement in a crash is delivered again, with the ids it had: no need to wait for the disk. What
// an operator asked for is answered when it is there.
void WebhookActor::propose(ShardId shard, CommandToken token, const SettleNotices& what) {
  auto settle = what;
  settle.bounds = notice_bounds(*settings_);
  context_->came_in(*context_->shard_stats[shard.value]);
  send(context_->shard_actors[shard.value],
       Propose{caf::actor(this), token, Command{place_in(shard), context_->clock.wall(), std::move(settle)},
               what.replayed.empty() && what.dropped.empty() ? WaitForDisk::no : WaitForDisk::yes});
}

void WebhookActor::applied(CommandToken token) {
  if (const auto place = settle_tokens_.find(token); place != settle_tokens_.end()) {
    const auto shard = place->second;
    settle_tokens_.erase(place);
    auto& settling = settling_[shard];
    settling.token.reset();
    settling.on_its_way = {};
    return settle(shard);
  }
  const auto place = replay_tokens_.find(token);
  if (place == replay_tokens_.end()) return;
  const auto part = place->second;
  replay_tokens_.erase(place);
  auto& replay = replays_.at(part.replay);
  replay.count += part.count;
  if (led_.contains(part.shard)) {
    auto& dead = target(replay.target).dead[part.shard];
    dead -= std::min(dead, part.count);
  }
  if (--replay.commands == 0) end_replay(part.replay);
}

void WebhookActor::refused(CommandToken token, const Error& error) {
  if (const auto place = settle_tokens_.find(token); place != settle_tokens_.end()) {
    const auto shard = place->second;
    settle_tokens_.erase(place);
    auto& settling = settling_[shard];
    settling.token.reset();
    // Maybe it was stored all the same: a number that is settled already is passed over.
    const auto again = std::exchange(settling.on_its_way, {});
    settling.delivered.insert(settling.delivered.begin(), again.delivered.begin(), again.delivered.end());
    settling.dead.insert(settling.dead.begin(), again.dead.begin(), again.dead.end());
    refused_shards_.insert(shard);
    if (!settle_again_at_) settle_again_at_ = context_->clock.now() + kSettleAgain;
    return;
  }
  const auto place = replay_tokens_.find(token);
  if (place == replay_tokens_.end()) return;
  const auto id = place->second.replay;
  replay_tokens_.erase(place);
  auto& replay = replays_.at(id);
  replay.error = error;
  if (--replay.commands == 0) end_replay(id);
}

// A command needs a channel of its shard. Which one says nothing: rows are named by their numbers.
const ChannelKey& WebhookActor::place_in(ShardId shard) {
  const auto count = context_->shards->count();
  CHECK(shard.value < count);
  for (auto found = places_.find(shard);; found = places_.find(shard)) {
    if (found != places_.end()) return found->second;
    ChannelKey next("-", fmt::format("webhooks.{}", next_place_++));
    places_.try_emplace(shard_of(next, count), next);
  }
}

// ---- operators' questions ----

void WebhookActor::answer(Request& request) {
  if (const auto* ask = std::get_if<ListWebhooks>(&request.what))
    return context_->reply({request.from, list(ask->app)});
  if (const auto* ask = std::get_if<ListDeadNotices>(&request.what)) return list_dead(request.from, *ask);
  if (const auto* ask = std::get_if<ReplayNotices>(&request.what)) return begin_replay(request.from, *ask);
  context_->reply({request.from, Refused{make_error(Errc::bad_request)}});
}

WebhookList WebhookActor::list(const std::string& app) const {
  WebhookList list;
  for (const auto& [name, target] : targets_) {
    if (!app.empty() && target.app != app) continue;
    if (!target.configured && target.queue.rows() == 0 && target.dead_count() == 0) continue;
    const auto counts = target.queue.counts();
    WebhookAbout about;
    about.target = name;
    about.app = target.app;
    about.url = target.url;
    about.configured = target.configured;
    about.waiting = target.queue.rows();
    about.in_flight = counts.batches;
    about.delivered = target.delivered;
    about.failures = counts.failures_in_row;
    about.last_failure = target.last_failure;
    about.dead = target.dead_count();
    list.webhooks.push_back(std::move(about));
  }
  return list;
}

// Answers on the reader thread.
void WebhookActor::list_dead(const ReplyTo& from, const ListDeadNotices& ask) {
  if (!targets_.contains(ask.target))
    return context_->reply({from, Refused{make_error(Errc::not_found, "no such webhook")}});
  const auto after = parse_cursor(ask.after);
  if (!after)
    return context_->reply({from, Refused{make_error(Errc::bad_request, "`after` is not the `next` of a page")}});
  const auto limit = std::clamp<std::size_t>(ask.limit, 1, kDeadPageMax);
  context_->shards->read_dead(ask.target, *after, limit,
                              [context = context_, from, limit](Result<std::vector<cluster::StoredDead>> found) {
                                if (!found) return context->reply({from, Refused{found.error()}});
                                DeadNoticeList list;
                                if (found->size() == limit) list.next = cursor_text(found->back().ref);
                                for (auto& one : *found) list.notices.push_back(std::move(one.dead));
                                context->reply({from, std::move(list)});
                              });
}

void WebhookActor::begin_replay(const ReplyTo& from, const ReplayNotices& ask) {
  if (!targets_.contains(ask.target))
    return context_->reply({from, Refused{make_error(Errc::not_found, "no such webhook")}});
  if (replays_.size() >= kReplaysMax) return context_->reply({from, Refused{make_error(Errc::overloaded)}});
  const auto id = next_replay_++;
  auto& replay = replays_[id];
  replay.from = from;
  replay.target = ask.target;
  replay.all = ask.ids.empty();
  replay.drop = ask.drop;
  replay.ids = {ask.ids.begin(), ask.ids.end()};
  read_dead(id, replay, {});
}

void WebhookActor::read_dead(std::uint64_t id, const Replay& replay, NoticeRef after) {
  context_->shards->read_dead(replay.target, after, kDeadPageMax,
                              [self = caf::actor(this), id](Result<std::vector<cluster::StoredDead>> page) {
                                caf::anon_send(self, DeadRead{id, std::move(page)});
                              });
}

void WebhookActor::dead_read(DeadRead& message) {
  auto& replay = replays_.at(message.replay);
  if (!message.page) {
    replay.error = message.page.error();
    return end_replay(message.replay);
  }
  for (const auto& [ref, dead] : *message.page) {
    if (replay.all || replay.ids.erase(dead.notice.id) > 0) replay.found[ref.shard].push_back(ref.number);
  }
  const bool more = message.page->size() == kDeadPageMax && (replay.all || !replay.ids.empty());
  if (more) return read_dead(message.replay, replay, message.page->back().ref);
  propose_replay(message.replay, replay);
}

void WebhookActor::propose_replay(std::uint64_t id, Replay& replay) {
  for (const auto& [shard, numbers] : replay.found) {
    for (std::size_t first = 0; first < numbers.size(); first += kReplayedPerCommandMax) {
      const auto count = std::min(kReplayedPerCommandMax, numbers.size() - first);
      const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(first);
      SettleNotices what;
      (replay.drop ? what.dropped : what.replayed).assign(begin, begin + static_cast<std::ptrdiff_t>(count));
      const auto token = next_token_++;
      replay_tokens_.emplace(token, ReplayPart{id, shard, count});
      ++replay.commands;
      propose(shard, token, what);
    }
  }
  if (replay.commands == 0) end_replay(id);
}

void WebhookActor::end_replay(std::uint64_t id) {
  const auto place = replays_.find(id);
  const auto replay = std::move(place->second);
  replays_.erase(place);
  if (replay.error) return context_->reply({replay.from, Refused{*replay.error}});
  context_->reply({replay.from, Done{replay.count}});
}

// ---- time ----

void WebhookActor::schedule() {
  auto due = settle_again_at_.value_or(MonoTime::max());
  for (const auto& [name, target] : targets_) {
    if (target.configured && target.enabled) due = std::min(due, target.queue.deadline());
    for (const auto& [batch, sending] : target.sending) due = std::min(due, sending.read_again_at.value_or(due));
  }
  if (due == MonoTime::max()) return;
  if (const auto wait = tick_.wish(due, context_->clock.now())) delayed_send(this, *wait, Tick{});
}

}  // namespace parley::actors

// What a channel publishes: at once, or through the log; and what the log says of it.

#include "actors/channel/channel.h"
#include "actors/refusal.h"

#include <utility>

namespace parley::actors {
namespace {

double seconds_between(MonoTime from, MonoTime to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

void Channel::on(const ReplyTo& from, Publish& publish, MonoTime now, WallTime wall) {
  const bool log_it = durable() && !publish.transient && (!publish.client_event || rule_->keep_client_events);
  metrics_.published[publish.client_event ? 1 : 0][log_it ? static_cast<int>(rule_->durability) : 0].add();
  if (publish.accepted == MonoTime{}) publish.accepted = now;
  if (log_it) return publish_durable(from, publish, wall);

  auto publication = std::make_shared<Publication>();
  publication->event = std::move(publish.event);
  publication->data = std::move(publish.data);
  publication->kind = publish.kind;
  publication->user_id = std::move(publish.user_id);
  publication->id_form = publish.id_form;
  publication->time = wall;
  if (traits_.cache && !publish.client_event) cached_ = publication;
  if (publish.client_event) notices_.client_event(*publication, from.session);
  fan_out(std::move(publication), publish.except, publish.accepted);
  if (!publish.wants_reply) return;
  Published answer{.channel = key_, .ack = publish.ack};
  if (publish.wants_counts) answer.counts = describe(wall);
  port_.reply({from, std::move(answer)});
}

void Channel::publish_durable(const ReplyTo& from, Publish& publish, WallTime wall) {
  if (early_save_ || (!newest_.exists() && store_early_visits(wall))) { return hold({from, std::move(publish)}, wall); }
  const auto token = next_token_++;
  pending_.emplace(token, PendingPublish{.from = from,
                                         .ack = publish.ack,
                                         .except = publish.except,
                                         .accepted = publish.accepted,
                                         .wants_reply = publish.wants_reply,
                                         .wants_counts = publish.wants_counts,
                                         .client_event = publish.client_event});
  AppendPublication append;
  append.epoch_if_new = Epoch{port_.random() | 1};  // never 0. What we know the shard may not know any more
  append.event = std::move(publish.event);
  append.data = std::move(publish.data);
  append.kind = publish.kind;
  append.user_id = std::move(publish.user_id);
  append.id_form = publish.id_form;
  append.idempotency_key = std::move(publish.idempotency_key);
  if (!append.idempotency_key.empty()) {
    append.key_scope = publish.key_scope.empty() ? std::string(kApplicationKeys) : std::move(publish.key_scope);
  }
  append.once = std::move(publish.once);
  if (!append.once.empty()) append.once_repeat = publish.once_repeat;
  append.retention = rule_->retention;
  append.cache = traits_.cache && !publish.client_event;
  append.except = publish.except;
  append.unsynced = rule_->durability == Durability::async;
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(append)}, token,
                rule_->durability == Durability::async ? WaitForDisk::no : WaitForDisk::yes);
}

void Channel::applied(CommandToken token, const Effect& effect, MonoTime now) {
  if (notices_.applied(token)) return;
  cursors_.applied(token);
  if (token != 0 && early_save_ == token) return early_visits_stored(now);
  if (token != 0 && log_asked_ == token) return log_asked_.reset();
  const auto* appended = std::get_if<Effect::Appended>(&effect.what);
  if (appended != nullptr && stage_ == Stage::opening) {
    // Found in the log by a recovery. Who joins once the state is here must not get again what it says.
    if (opens_ > 0) return static_cast<void>(early_.emplace_back(token, effect));
    return settle(token, *appended->publication);  // what is asked for later will have it
  }
  if (appended != nullptr && of_another_life(*appended->publication)) {
    const auto first = appended->publication->position;
    // Of one that was proposed by somebody else nobody knows when it was: what is stored says which life it is.
    if (token == 0) return reopen();
    begin_anew({first.epoch, std::min(newest_.offset, Offset{first.offset.value - 1})}, now);
  }
  if (appended != nullptr && newest_.exists() && appended->publication->position.offset <= newest_.offset) {
    // Told before, as one of those whose outcome had been unknown: only its publisher may still wait.
    return settle(token, *appended->publication);
  }
  if (!untold_.holds(token, effect, newest_)) answer(token, effect, now);
}

void Channel::settle(CommandToken token, const Publication& publication) {
  const auto place = pending_.find(token);
  if (place == pending_.end()) return;
  const auto publish = std::get<PendingPublish>(place->second);
  pending_.erase(place);
  if (publish.client_event) notices_.client_event(publication, publish.from.session);
  if (!publish.wants_reply) return;
  port_.reply({publish.from, Published{.channel = key_, .ack = publish.ack, .position = publication.position}});
}

void Channel::answer(CommandToken token, const Effect& effect, MonoTime now) {
  const auto* told = std::get_if<Effect::Appended>(&effect.what);
  if (told != nullptr) {
    const bool first = !newest_.exists();
    newest_ = told->publication->position;
    if (first) keep_early_visits(now);
    resumes_.told(told->publication, settings_->limits);
  }
  if (auto visitor = resumes_.stored(token)) {
    const auto wall = visitor->asked_at;
    // What was published meanwhile it gets as little as what was before.
    if (visitor->outcome == ResumeOutcome::gap) visitor->gap_before = Offset{newest_.offset.value + 1};
    if (!newest_.exists()) {  // there was no first publication after all
      visitor->outcome = ResumeOutcome::none;
      port_.visits().visit(key_, visitor->subscribe.resume.client_id, visitor->from.origin, visit_bounds(*settings_),
                           wall);
    }
    return join(std::move(*visitor), now, wall);
  }
  const auto place = pending_.find(token);
  if (place == pending_.end()) {  // cursors, trims: nobody waits
    if (told != nullptr) fan_out(told->publication, {}, now);
    return;
  }
  const auto pending = std::move(place->second);
  pending_.erase(place);
  if (const auto* removal = std::get_if<PendingRemoval>(&pending)) {
    const auto* removed = std::get_if<Effect::Removed>(&effect.what);
    resumes_.deleted();
    return port_.reply({removal->from, Done{removed != nullptr ? removed->count : 0}});
  }
  const auto& publish = std::get<PendingPublish>(pending);
  Published published{.channel = key_, .ack = publish.ack};
  if (told != nullptr) {
    published.position = newest_;
    if (traits_.cache && !publish.client_event) cached_ = told->publication;
    if (publish.client_event) notices_.client_event(*told->publication, publish.from.session);
    fan_out(told->publication, publish.except, publish.accepted);
    metrics_.publish_ack_seconds.observe(seconds_between(publish.accepted, now));
  } else if (const auto* duplicate = std::get_if<Effect::Duplicate>(&effect.what)) {
    published.position = duplicate->first;
    published.duplicate = true;
  } else {
    return port_.reply({publish.from, PublishRefused{key_, publish.ack, make_error(Errc::replayed)}});
  }
  if (!publish.wants_reply) return;
  if (publish.wants_counts) published.counts = describe({});
  port_.reply({publish.from, std::move(published)});
}

void Channel::refused(CommandToken token, const Error& error, MonoTime now) {
  if (notices_.refused(token, now)) return;
  if (resumes_.refused(token, error, now)) return;
  cursors_.refused(token, now);
  if (early_save_ == token) return early_visits_refused(token, error, now);
  if (log_asked_ == token) {
    log_asked_.reset();
    ask_log_at_ = now + kAskAgainAfter;
    return;
  }
  const auto place = pending_.find(token);
  if (place == pending_.end()) return;
  const auto pending = std::move(place->second);
  pending_.erase(place);
  if (const auto* removal = std::get_if<PendingRemoval>(&pending)) return port_.reply({removal->from, Refused{error}});
  const auto& publish = std::get<PendingPublish>(pending);
  if (!newest_.exists()) {  // it may be in the log all the same: whoever comes before we know is stored behind it
    in_doubt_ = true;
    ask_log_at_ = now + kAskAgainAfter;
  }
  port_.reply({publish.from, PublishRefused{key_, publish.ack, error}});
}

void Channel::fan_out(PublicationPtr publication, SocketId except, MonoTime accepted) {
  subscribers_.tell({.channel = key_,
                     .what = ChannelEvent::Published{std::move(publication)},
                     .except = except,
                     .accepted = accepted});
}

}  // namespace parley::actors

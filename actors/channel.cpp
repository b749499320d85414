#include "actors/channel.h"

#include "actors/refusal.h"
#include "core/check.h"

#include <algorithm>

namespace parley::actors {
namespace {

constexpr auto kReopenAfter = milliseconds(1'000);   // when the state could not be read
constexpr std::uint64_t kCountThrottledAbove = 100;  // subscribers; below, each change is told

double seconds_between(MonoTime from, MonoTime to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

Channel::Channel(ChannelKey key, SettingsPtr settings, const ChannelMetrics& metrics, ChannelPort& port)
    : key_(std::move(key)),
      traits_(channel_traits(key_.name())),
      metrics_(metrics),
      port_(port),
      subscribers_(metrics_, port_),
      untold_(key_, port_, next_read_),
      resumes_(key_, metrics_, port_, cursors_, next_token_, next_read_, cursor_bounds_),
      notices_(key_, metrics_.notices_dropped, port_) {
  configure(std::move(settings));
  if (!needs_state()) stage_ = Stage::open;
}

void Channel::configure(SettingsPtr settings) {
  const bool was_durable = rule_ != nullptr && durable();
  settings_ = std::move(settings);
  rule_ = &settings_->rule_for(key_.name());
  app_ = settings_->app_by_id(key_.app());
  cursor_bounds_ = cursor_bounds(*settings_);
  notices_.configure(settings_);
  if (stage_ != Stage::open) return;
  notice_who_is_here({});
  // A channel that becomes durable while awake must learn where its history stands, one whose backend
  // wants to know who is here what it was told before.
  if ((durable() && !was_durable) || (needs_state() && !durable())) {
    attended_ = true;
    reopen();
  }
}

void Channel::attend() {
  if (notices_.opened()) return;
  attended_ = true;
  if (waiting_.empty() && !reopen_at_) reopen();
}

void Channel::reopen() {
  stage_ = Stage::opening;
  ask_state();
}

void Channel::ask_state() {
  ++opens_;
  port_.open();
}

void Channel::notice_who_is_here(WallTime wall) {
  if (!notices_.opened() || !notices_.wants_state()) return;
  if (subscribers_.size() > 0) notices_.came({}, wall);
  if (subscribers_.roster().size() == 0) return;
  for (const auto& member : subscribers_.roster().snapshot()->members)
    notices_.came({member->user_id, member->id_form}, wall);
}

void Channel::handle(Request request, MonoTime now, WallTime wall) {
  if (stage_ == Stage::open) return dispatch(request, now, wall);
  if (waiting_.empty()) ask_state();
  waiting_.push_back(std::move(request));
}

void Channel::opened(Result<DurableState> state, MonoTime now, WallTime wall) {
  if (opens_ > 0) --opens_;
  if (stage_ == Stage::open) return;
  auto waiting = std::move(waiting_);
  waiting_.clear();
  if (!state) {
    // Stay closed: the next request tries again. Leaving must work all the same.
    if (attended_) reopen_at_ = now + kReopenAfter;
    take_early(now);
    for (auto& request : waiting) {
      if (std::holds_alternative<Unsubscribe>(request.what)) {
        dispatch(request, now, wall);
      } else if (auto reply = refusal(request, state.error())) {
        port_.reply(std::move(*reply));
      }
    }
    return;
  }
  stage_ = Stage::open;
  attended_ = false;
  reopen_at_.reset();
  if (durable()) {  // else what is stored is of an earlier life
    if (!newest_.exists()) {
      newest_ = state->newest;
    } else if (state->newest.epoch != newest_.epoch) {
      begin_anew(state->newest, now);
    }  // else what is stored and was not told yet still comes
    if (state->cached) cached_ = state->cached;
    if (newest_.exists()) keep_early_visits(now);
  }
  take_early(now);
  if (stage_ == Stage::opening) {  // one of them was of another life than the state: it is read again
    waiting_.insert(waiting_.begin(), std::make_move_iterator(waiting.begin()), std::make_move_iterator(waiting.end()));
    return;
  }
  notices_.opened(state->told, now + settings_->timing.restart_grace, wall);
  notice_who_is_here(wall);
  for (auto& request : waiting) dispatch(request, now, wall);
}

// After a failure of the disk the newest publications of durability async may be gone, and their offsets are given out
// again under another epoch. `from`: as far as the new life is told already.
void Channel::begin_anew(Position from, MonoTime now) {
  const ChannelEvent::Gap gap{from.epoch, newest_.offset, Offset{from.offset.value + 1}};
  newest_ = from;
  cursors_.begin_anew();
  resumes_.deleted();  // the pages at hand are of the old life
  subscribers_.tell({.channel = key_, .what = gap, .except = {}, .accepted = now});
}

void Channel::take_early(MonoTime now) {
  if (stage_ == Stage::opening && opens_ > 0) return;
  for (const auto& [token, effect] : std::exchange(early_, {})) {
    const auto* appended = std::get_if<Effect::Appended>(&effect.what);
    if (appended != nullptr && stage_ == Stage::open && of_another_life(*appended->publication)) {
      // Told before what was read, or after it: what is stored says which life it is.
      settle(token, *appended->publication);
      reopen();
    } else {
      applied(token, effect, now);
    }
  }
}

bool Channel::of_another_life(const Publication& publication) const {
  return newest_.exists() && publication.position.epoch != newest_.epoch;
}

void Channel::dispatch(Request& request, MonoTime now, WallTime wall) {
  const auto& from = request.from;
  if (auto* subscribe = std::get_if<Subscribe>(&request.what)) return on(from, *subscribe, now, wall);
  if (auto* unsubscribe = std::get_if<Unsubscribe>(&request.what)) return on(from, *unsubscribe, now, wall);
  if (auto* more = std::get_if<MoreMissed>(&request.what)) return on(from, *more, now, wall);
  if (auto* publish = std::get_if<Publish>(&request.what)) return on(from, *publish, now, wall);
  if (auto* confirm = std::get_if<Confirm>(&request.what)) return on(from, *confirm, now, wall);
  if (std::holds_alternative<GetChannel>(request.what)) return port_.reply({from, describe(wall)});
  if (std::holds_alternative<GetMembers>(request.what)) {
    return port_.reply({from, Members{subscribers_.roster().snapshot()->members, traits_.presence}});
  }
  if (auto* query = std::get_if<GetHistory>(&request.what)) {
    if (!durable()) return port_.reply({from, HistoryPage{.channel = key_}});
    const auto read = next_read_++;
    reads_.emplace(read, PendingRead{from});
    return port_.read_history(std::move(*query), read);
  }
  if (early_save_) return hold(std::move(request), wall);
  const bool removal = std::holds_alternative<DeletePublication>(request.what);
  CHECK(removal || std::holds_alternative<DeleteHistory>(request.what));
  resumes_.deleted();
  cached_.reset();  // whatever was deleted must not be told by the cache; the next publication fills it
  if (!durable()) return port_.reply({from, Done{0}});
  const auto token = next_token_++;
  pending_.emplace(token, PendingRemoval{from});
  Command command{.channel = key_, .time = wall, .what = RemoveHistory{}};
  if (removal) command.what = RemovePublication{std::get<DeletePublication>(request.what).position};
  port_.propose(std::move(command), token, WaitForDisk::yes);
}

// ---- subscribing ----

Status Channel::may_join(const Subscribe& subscribe) {
  if (!subscribe.user_id.empty()) {
    if (auto allowed = port_.may_join(subscribe.user_id); !allowed) return allowed;
  }
  if (subscribe.member == nullptr || subscribe.member->user_id == subscribe.user_id) return {};
  return port_.may_join(subscribe.member->user_id);
}

void Channel::on(const ReplyTo& from, Subscribe& subscribe, MonoTime now, WallTime wall) {
  if (auto allowed = may_join(subscribe); !allowed) {
    return port_.reply({from, SubscribeRefused{key_, subscribe.subscription, allowed.error()}});
  }
  Joining joining{.from = from, .subscribe = std::move(subscribe)};
  if (!durable()) return join(std::move(joining), now, wall);
  const auto& ask = joining.subscribe.resume;
  if (!newest_.exists() && !ask.since && !ask.client_id.empty()) { return visit_early(std::move(joining), now, wall); }
  join_all(resumes_.begin(std::move(joining), at(now, wall)), now, wall);
}

// A stock client on a channel that nobody published on yet: it has nothing, and is due all that comes. It is only
// remembered, for what is not published on may be anybody's invention.
void Channel::visit_early(Joining joining, MonoTime now, WallTime wall) {
  const auto& client_id = joining.subscribe.resume.client_id;
  bool known = std::any_of(early_visits_.begin(), early_visits_.end(),
                           [&](const auto& row) { return row.second.clients.contains(client_id); });
  // Maybe there is a first publication: it need not have that one, but all that follows, and so it is stored behind it.
  if (!known && (early_save_ || !pending_.empty() || in_doubt_)) {
    if (early_unsure_until_ > wall) joining.outcome = ResumeOutcome::gap;
    return resumes_.visit(std::move(joining), at(now, wall));
  }
  if (!known) known = port_.visits().visit(key_, client_id, joining.from.origin, visit_bounds(*settings_), wall);
  if (known) joining.outcome = ResumeOutcome::complete;
  join(std::move(joining), now, wall);
}

// They are stored before the first publication is proposed: who has that one has them. What asks for a change meanwhile
// waits, for one entry of the log may be refused and the next be stored.
bool Channel::store_early_visits(WallTime wall) {
  auto visits = port_.visits().take(key_, wall);
  if (visits.cursors.empty() && visits.unsure_until <= early_unsure_until_) return false;  // the mark is stored
  const auto token = next_token_++;
  early_save_ = token;
  auto& early = early_visits_[token];
  early.time = wall;
  for (const auto& one : visits.cursors) early.clients.emplace(one.client_id, one.origin);
  SaveCursors save{std::move(visits.cursors), cursor_bounds_, SaveCursors::For::first, visits.unsure_until};
  early_unsure_until_ = std::max(early_unsure_until_, save.unsure_until);
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(save)}, token, WaitForDisk::yes);
  return true;
}

void Channel::hold(Request request, WallTime wall) {
  if (held_.size() < settings_->limits.shard_pending_commands_max) {
    held_.emplace_back(std::move(request), wall);
  } else if (auto reply = refusal(request, make_error(Errc::overloaded))) {
    port_.reply(std::move(*reply));
  }
}

void Channel::early_visits_stored(MonoTime now) {
  early_save_.reset();
  for (auto& [request, wall] : std::exchange(held_, {})) {
    if (auto* publish = std::get_if<Publish>(&request.what)) {
      publish_durable(request.from, *publish, wall);
    } else {
      dispatch(request, now, wall);
    }
  }
}

void Channel::early_visits_refused(CommandToken token, const Error& error, MonoTime now) {
  early_save_.reset();
  early_unsure_until_ = {};
  auto visits = early_visits_.extract(token);
  // Stored or not: they are due the first publication that there will be.
  for (const auto& [client_id, origin] : visits.mapped().clients) {
    if (newest_.exists()) {
      cursors_.confirm(client_id, Offset{0}, newest_.epoch, origin, now);
    } else {
      port_.visits().visit(key_, client_id, origin, visit_bounds(*settings_), visits.mapped().time);
    }
  }
  for (auto& [request, wall] : std::exchange(held_, {})) {
    if (auto reply = refusal(request, error)) port_.reply(std::move(*reply));
  }
}

// The channel exists from now on: whoever is remembered still is saved as others are.
void Channel::keep_early_visits(MonoTime now) {
  in_doubt_ = false;
  std::erase_if(early_visits_, [&](const auto& row) { return row.first != early_save_; });
  for (const auto& one : port_.visits().take(key_, {}).cursors) {
    cursors_.confirm(one.client_id, Offset{0}, newest_.epoch, one.origin, now);
  }
}

ChannelResumes::Now Channel::at(MonoTime now, WallTime wall) const { return {newest_, settings_->limits, now, wall}; }

void Channel::join_all(ChannelResumes::Ready ready, MonoTime now, WallTime wall) {
  for (auto& joining : ready) join(std::move(joining), now, wall);
}

void Channel::on(const ReplyTo& from, MoreMissed& more, MonoTime now, WallTime wall) {
  if (!subscribers_.joined(from.session, more.subscription)) return;  // left meanwhile
  if (durable()) return resumes_.more(from, more, at(now, wall));
  // A reload took the history away: everything is live from here on.
  port_.reply({from, Missed{.channel = key_, .subscription = more.subscription, .reached = newest_, .last = true}});
}

void Channel::reserved(std::uint64_t read, std::shared_ptr<const void> held, MonoTime now, WallTime wall) {
  join_all(resumes_.reserved(read, std::move(held), at(now, wall)), now, wall);
}

void Channel::cursor_read(std::uint64_t read, Result<CursorFound> offset, MonoTime now, WallTime wall) {
  join_all(resumes_.cursor_read(read, std::move(offset), at(now, wall)), now, wall);
}

void Channel::history_read(std::uint64_t read, Result<HistoryPage> page, MonoTime now, WallTime wall) {
  if (untold_.reads(read)) {
    auto found = untold_.found(std::move(page), newest_);
    if (found.gap) subscribers_.tell({.channel = key_, .what = *found.gap, .except = {}, .accepted = now});
    for (auto& publication : found.publications) {
      newest_ = publication->position;
      resumes_.told(publication, settings_->limits);
      fan_out(std::move(publication), {}, now);
    }
    if (newest_.exists()) keep_early_visits(now);
    for (auto held = found.held.begin(); held != found.held.end(); ++held) {
      const auto& first = std::get<Effect::Appended>(found.held.front().second.what).publication->position;
      if (held == found.held.begin() && first.epoch == newest_.epoch) {
        answer(held->first, held->second, now);
      } else {
        applied(held->first, held->second, now);
      }
    }
    return;
  }
  if (const auto plain = reads_.find(read); plain != reads_.end()) {
    const auto from = plain->second.from;
    reads_.erase(plain);
    if (!page) return port_.reply({from, Refused{page.error()}});
    return port_.reply({from, std::move(*page)});
  }
  if (page && newest_.exists() && page->newest.epoch != newest_.epoch) {
    // Who resumes was read from another life than the one that is told here: it asks again when we know which it is.
    auto asking = resumes_.give_back(read);
    waiting_.insert(waiting_.end(), std::make_move_iterator(asking.begin()), std::make_move_iterator(asking.end()));
    if (!asking.empty() && (stage_ == Stage::open || opens_ == 0)) reopen();
    return;
  }
  join_all(resumes_.history_read(read, std::move(page), at(now, wall)), now, wall);
}

void Channel::join(Joining joining, MonoTime now, WallTime wall) {
  const auto& subscribe = joining.subscribe;
  const auto outcome = joining.outcome;
  // Again: reading what it missed took a while.
  if (auto allowed = may_join(subscribe); !allowed) {
    return port_.reply({joining.from, SubscribeRefused{key_, subscribe.subscription, allowed.error()}});
  }
  const auto& roster = subscribers_.roster();
  const auto member = traits_.presence ? subscribe.member : nullptr;
  if (member != nullptr && app_ != nullptr && !roster.contains(member->user_id) &&
      roster.size() >= app_->limits.presence_members_max) {
    const auto why = make_error(Errc::too_many_members);
    return port_.reply({joining.from, SubscribeRefused{key_, subscribe.subscription, why}});
  }
  const auto [fresh, user_came] = subscribers_.join(joining.from, subscribe.subscription, member, now);
  if (fresh && subscribers_.size() == 1) notices_.came({}, wall);
  if (user_came) notices_.came({member->user_id, member->id_form}, wall);

  Subscribed answer{.channel = key_, .subscription = subscribe.subscription};
  if (traits_.presence) answer.roster = roster.snapshot();
  answer.position = newest_;
  answer.resume = outcome;
  if (outcome == ResumeOutcome::gap) {
    answer.gap_after = joining.asked;
    answer.gap_before = joining.gap_before;
  }
  answer.catching_up = !joining.last || !joining.page.publications.empty();
  if (answer.catching_up) answer.from = joining.since;
  answer.cache_channel = traits_.cache;
  answer.cached = cached(wall);
  if (answer.cache_channel && answer.cached == nullptr) notices_.cache_miss(wall);
  answer.subscription_count = subscribers_.size();
  port_.reply({joining.from, std::move(answer)});
  if (outcome == ResumeOutcome::complete) metrics_.resumed_complete.add();
  if (outcome == ResumeOutcome::gap) metrics_.resumed_gap.add();
  if (!joining.last || !joining.page.publications.empty()) resumes_.send_missed(joining);

  if (user_came) {
    subscribers_.tell(
        {.channel = key_, .what = ChannelEvent::MemberAdded{member}, .except = joining.from.session, .accepted = now});
  }
  if (fresh) count_changed(now);
}

// ---- leaving ----

void Channel::on(const ReplyTo& from, Unsubscribe& unsubscribe, MonoTime now, WallTime) {
  const bool waited = resumes_.leave(from.session, unsubscribe.subscription);
  const bool joined = subscribers_.joined(from.session, unsubscribe.subscription);
  const bool on_purpose = unsubscribe.reason == LeaveReason::unsubscribed;
  if (durable() && !unsubscribe.client_id.empty() && on_purpose && (joined || waited)) {
    port_.visits().forget(key_, unsubscribe.client_id);
    const bool maybe_stored = early_save_ || !early_visits_.empty() || !pending_.empty() || in_doubt_;
    if (newest_.exists() || maybe_stored) cursors_.forget(unsubscribe.client_id, now);
  }
  if (!joined) return;
  subscribers_.leave(from.session, now, on_purpose ? rule_->presence_linger : rule_->presence_grace);
  if (subscribers_.size() == 0) notices_.gone({}, now);
  count_changed(now);
}

void Channel::member_gone(const RosterBook::Gone& member) {
  notices_.gone(member.user_id, member.left);
  subscribers_.tell({.channel = key_,
                     .what = ChannelEvent::MemberRemoved{member.user_id, member.user_info, member.id_form},
                     .except = {},
                     .accepted = {}});
}

// ---- publishing ----

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
  if (auto visitor = resumes_.stored(token, newest_.epoch)) {
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
    ask_log_at_ = now + kReopenAfter;
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
    ask_log_at_ = now + kReopenAfter;
  }
  port_.reply({publish.from, PublishRefused{key_, publish.ack, error}});
}

void Channel::fan_out(PublicationPtr publication, SocketId except, MonoTime accepted) {
  subscribers_.tell({.channel = key_,
                     .what = ChannelEvent::Published{std::move(publication)},
                     .except = except,
                     .accepted = accepted});
}

// ---- time ----

void Channel::count_changed(MonoTime now) {
  if (app_ == nullptr || traits_.presence) return;
  if (!app_->subscription_count && !notices_.wants(NoticeKind::subscription_count)) return;
  if (tell_count_at_) return;
  const auto interval = settings_->timing.subscription_count_interval;
  tell_count_at_ = subscribers_.size() > kCountThrottledAbove ? std::max(now, count_told_ + interval) : now;
}

void Channel::on(const ReplyTo& from, Confirm& confirm, MonoTime now, WallTime) {
  if (!durable() || !newest_.exists() || confirm.offset > newest_.offset) return;
  const bool of_this_life = confirm.epoch == newest_.epoch || confirm.epoch.value == 0;
  if (of_this_life) cursors_.confirm(confirm.client_id, confirm.offset, newest_.epoch, from.origin, now);
}

void Channel::tick(MonoTime now, WallTime wall) {
  if (reopen_at_ && *reopen_at_ <= now) {
    reopen_at_.reset();
    if (stage_ == Stage::opening && waiting_.empty()) ask_state();
  }
  if (ask_log_at_ && *ask_log_at_ <= now) {
    // What stands in the log before this is settled when this is: the channel may sleep, and wakes up knowing it.
    ask_log_at_.reset();
    log_asked_ = next_token_++;
    SaveCursors nothing{{}, cursor_bounds_, SaveCursors::For::published, {}};
    port_.propose(Command{.channel = key_, .time = wall, .what = std::move(nothing)}, *log_asked_, WaitForDisk::yes);
  }
  for (const auto& member : subscribers_.expire(now)) member_gone(member);
  resumes_.tick(now);
  if (auto save = cursors_.next(next_token_, now)) {
    save->bounds = cursor_bounds_;
    save->kept_for = SaveCursors::For::published;
    // Written, not waited for: a lost confirmation means that a client gets a little more again.
    port_.propose(Command{.channel = key_, .time = wall, .what = std::move(*save)}, next_token_++, WaitForDisk::no);
  }
  if (tell_count_at_ && *tell_count_at_ <= now) {
    tell_count_at_.reset();
    count_told_ = now;
    notices_.counted(subscribers_.size(), wall);
    if (app_ != nullptr && app_->subscription_count) {
      subscribers_.tell({.channel = key_,
                         .what = ChannelEvent::SubscriptionCount{subscribers_.size()},
                         .except = {},
                         .accepted = {}});
    }
  }
  if (auto command = notices_.next(next_token_, now, wall)) {
    port_.propose(std::move(*command), next_token_++, WaitForDisk::yes);
  }
}

std::optional<MonoTime> Channel::deadline() const {
  auto first = subscribers_.deadline();
  for (const auto& other :
       {cursors_.deadline(), tell_count_at_, reopen_at_, ask_log_at_, notices_.deadline(), resumes_.deadline()}) {
    if (other && (!first || *other < *first)) first = other;
  }
  return first;
}

PublicationPtr Channel::cached(WallTime wall) const {
  if (!traits_.cache || !cached_) return nullptr;
  if (wall.ms != 0 && cached_->time + rule_->cache_ttl <= wall) return nullptr;
  return cached_;
}

bool Channel::idle(WallTime wall) const {
  if (attended_ || !notices_.settled()) return false;
  if (early_save_ || ask_log_at_ || log_asked_) return false;
  if (tell_count_at_ && notices_.wants(NoticeKind::subscription_count)) return false;
  if (!durable() && cached(wall) != nullptr) return false;
  return subscribers_.empty() && waiting_.empty() && pending_.empty() && resumes_.empty() && reads_.empty() &&
         untold_.empty() && cursors_.settled();
}

ChannelInfo Channel::describe(WallTime wall) const {
  ChannelInfo about{.channel = key_, .subscriptions = subscribers_.size(), .users = subscribers_.roster().size()};
  about.presence = traits_.presence;
  about.cache_channel = traits_.cache;
  about.cached = cached(wall);
  if (about.cached && wall.ms != 0) {
    about.cache_ttl_seconds = ((about.cached->time + rule_->cache_ttl).ms - wall.ms + 999) / 1000;
  }
  about.position = newest_;
  return about;
}

}  // namespace parley::actors

#include "actors/channel.h"

#include "actors/refusal.h"
#include "core/check.h"

#include <algorithm>

namespace parley::actors {
namespace {

constexpr std::size_t kHistoryPage = 500;                   // publications read for a resume at a time
constexpr std::size_t kMissedChunk = 200;                   // publications in one Missed answer
constexpr auto kSaveCursorsAfter = std::chrono::milliseconds(1'000);
constexpr auto kReopenAfter = std::chrono::milliseconds(1'000);  // when the state could not be read
constexpr std::uint64_t kCountThrottledAbove = 100;         // subscribers; below, each change is told

double seconds_between(MonoTime from, MonoTime to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

ChannelMetrics::ChannelMetrics(Metrics& metrics)
    : subscriptions(metrics.subscriptions),
      presence_members(metrics.presence_members),
      resumed_complete(metrics.resumes("complete")),
      resumed_gap(metrics.resumes("gap")),
      missed_publications(metrics.missed_publications),
      notices_dropped(metrics.webhook_events_dropped("channel_notices_waiting")),
      publish_ack_seconds(metrics.publish_ack_seconds) {
  const char* sources[] = {"http", "client"};
  const char* durabilities[] = {"none", "async", "quorum"};
  for (int s = 0; s < 2; ++s) {
    for (int d = 0; d < 3; ++d) published[s][d] = metrics.publishes(sources[s], durabilities[d]);
  }
}

Channel::Channel(ChannelKey key, SettingsPtr settings, const ChannelMetrics& metrics, ChannelPort& port)
    : key_(std::move(key)),
      traits_(channel_traits(key_.name())),
      metrics_(metrics),
      port_(port),
      notices_(key_, metrics_.notices_dropped, port_) {
  configure(std::move(settings));
  if (!needs_state()) stage_ = Stage::open;
}

Channel::~Channel() {
  metrics_.subscriptions.add(-static_cast<double>(sessions_.size()));
  metrics_.presence_members.add(-static_cast<double>(roster_.size()));
}

void Channel::configure(SettingsPtr settings) {
  const bool was_durable = rule_ != nullptr && durable();
  settings_ = std::move(settings);
  rule_ = &settings_->rule_for(key_.name());
  app_ = settings_->app_by_id(key_.app());
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
  port_.open();
}

void Channel::notice_who_is_here(WallTime wall) {
  if (!notices_.opened() || !notices_.wants_state()) return;
  if (!sessions_.empty()) notices_.came({}, wall);
  if (roster_.size() == 0) return;
  for (const auto& member : roster_.snapshot()->members) notices_.came(member->user_id, wall);
}

void Channel::handle(Request request, MonoTime now, WallTime wall) {
  if (stage_ == Stage::open) return dispatch(request, now, wall);
  if (waiting_.empty()) port_.open();
  waiting_.push_back(std::move(request));
}

void Channel::opened(Result<DurableState> state, MonoTime now, WallTime wall) {
  if (stage_ == Stage::open) return;
  auto waiting = std::move(waiting_);
  waiting_.clear();
  if (!state) {
    // Stay closed: the next request tries again. Leaving must work all the same.
    if (attended_) reopen_at_ = now + kReopenAfter;
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
    newest_ = state->newest;
    if (state->cached) cached_ = state->cached;
  }
  notices_.opened(state->told, now + settings_->timing.restart_grace, wall);
  notice_who_is_here(wall);
  for (auto& request : waiting) dispatch(request, now, wall);
}

void Channel::dispatch(Request& request, MonoTime now, WallTime wall) {
  const auto& from = request.from;
  if (auto* subscribe = std::get_if<Subscribe>(&request.what)) return on(from, *subscribe, now, wall);
  if (auto* unsubscribe = std::get_if<Unsubscribe>(&request.what)) return on(from, *unsubscribe, now, wall);
  if (auto* publish = std::get_if<Publish>(&request.what)) return on(from, *publish, now, wall);
  if (auto* confirm = std::get_if<Confirm>(&request.what)) return on(from, *confirm, now, wall);
  if (std::holds_alternative<GetChannel>(request.what)) return port_.reply({from, describe(wall)});
  if (std::holds_alternative<GetMembers>(request.what)) {
    return port_.reply({from, Members{roster_.snapshot()->members, traits_.presence}});
  }
  if (auto* query = std::get_if<GetHistory>(&request.what)) {
    if (!durable()) return port_.reply({from, HistoryPage{.channel = key_}});
    const auto read = next_read_++;
    reads_.emplace(read, PendingRead{from});
    return port_.read_history(std::move(*query), read);
  }
  const bool removal = std::holds_alternative<DeletePublication>(request.what);
  CHECK(removal || std::holds_alternative<DeleteHistory>(request.what));
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
  const auto& ask = joining.subscribe.resume;
  if (!durable() || (!ask.since && ask.client_id.empty() && ask.rewind == 0)) {
    return join(std::move(joining), ResumeOutcome::none, now, wall);
  }
  if (ask.since) {
    joining.since = ask.since->exists() ? *ask.since : Position{newest_.epoch, Offset{0}};
    return resume(std::move(joining), now, wall);
  }
  if (!ask.client_id.empty()) {
    const auto* known = unsaved_cursor(ask.client_id);
    if (known != nullptr && known->forget) return visit(std::move(joining), wall);
    const auto read = next_read_++;
    const auto client_id = ask.client_id;
    joining_.emplace(read, std::move(joining));
    return port_.read_cursor(client_id, read);
  }
  const auto back = std::min<std::uint64_t>(ask.rewind, settings_->limits.catch_up_publications_max);
  const auto newest = newest_.offset.value;
  joining.since = {newest_.epoch, Offset{newest > back ? newest - back : 0}};
  resume(std::move(joining), now, wall);
}

void Channel::cursor_read(std::uint64_t read, Result<std::optional<Offset>> offset, MonoTime now, WallTime wall) {
  auto joining = take_joining(read);
  if (!joining) return;
  if (!offset) return port_.reply({joining->from, SubscribeRefused{key_, joining->subscribe.subscription, offset.error()}});
  // What is not saved yet may be older than what is: an old connection's confirmation that came late.
  const auto& client_id = joining->subscribe.resume.client_id;
  for (const auto* cursors : {&saving_cursors_, &dirty_cursors_}) {
    const auto unsaved = cursors->find(client_id);
    if (unsaved == cursors->end()) continue;
    if (unsaved->second.forget) {
      offset->reset();
    } else {
      *offset = std::max(offset->value_or(Offset{0}), unsaved->second.offset);
    }
  }
  if (!*offset) return visit(std::move(*joining), wall);
  joining->since = {newest_.epoch, **offset};
  resume(std::move(*joining), now, wall);
}

std::optional<Channel::Joining> Channel::take_joining(std::uint64_t read) {
  const auto place = joining_.find(read);
  if (place == joining_.end()) return std::nullopt;
  auto joining = std::move(place->second);
  joining_.erase(place);
  return joining;
}

// A stock client's first visit: from here on it has missed what it does not confirm. It is answered when
// the disk has its position, for without one it would be a stranger when it comes back after a crash,
// and would never hear of what it missed.
void Channel::visit(Joining joining, WallTime wall) {
  const auto& client_id = joining.subscribe.resume.client_id;
  SaveCursors save;
  const bool left_before = dirty_cursors_.erase(client_id) > 0 || saving_cursors_.erase(client_id) > 0;
  if (left_before) save.cursors.push_back({client_id, {}, true});  // a new start, not the later of two
  save.cursors.push_back({client_id, newest_.offset, false});
  joining.asked_at = wall;
  const auto read = next_read_++;
  joining_.emplace(read, std::move(joining));
  const auto token = next_token_++;
  pending_.emplace(token, PendingVisit{read});
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(save)}, token, WaitForDisk::yes);
}

void Channel::resume(Joining joining, MonoTime now, WallTime wall) {
  joining.asked = joining.since.offset;
  const bool same_life = joining.since.epoch == newest_.epoch && joining.since.offset <= newest_.offset;
  if (same_life && joining.since.offset == newest_.offset) {
    return join(std::move(joining), ResumeOutcome::complete, now, wall);
  }
  if (!newest_.exists()) {  // the client knows a history that this channel never had
    joining.gap_before = Offset{1};
    return join(std::move(joining), ResumeOutcome::gap, now, wall);
  }
  if (!same_life) {
    joining.since = {newest_.epoch, Offset{0}};
    joining.gap_before = Offset{1};
  }
  const auto read = next_read_++;
  joining_.emplace(read, std::move(joining));
  read_next_page(read);
}

void Channel::read_next_page(std::uint64_t read) {
  const auto& joining = joining_.at(read);
  GetHistory query{.channel = key_, .since = joining.since, .limit = kHistoryPage};
  port_.read_history(std::move(query), read);
}

void Channel::history_read(std::uint64_t read, Result<HistoryPage> page, MonoTime now, WallTime wall) {
  if (read == untold_read_) {
    untold_read_ = 0;
    const bool stuck = !page || page->publications.empty();
    const auto [epoch, until] = std::get<Effect::Appended>(held_.front().second.what).publication->position;
    // Unreadable, or trimmed already: nobody will be told of them, so everybody is told of the hole.
    if (!page || page->gap) {
      const auto before = page ? std::min(std::max(page->oldest, Offset{newest_.offset.value + 1}), until) : until;
      tell_all({.channel = key_, .what = ChannelEvent::Gap{epoch, newest_.offset, before}, .except = {}, .accepted = now});
    }
    if (page) {
      for (auto& publication : page->publications) {
        if (publication->position.offset >= until) break;
        newest_ = publication->position;
        fan_out(std::move(publication), {}, now);
      }
    }
    if (!stuck && page->more && newest_.offset.value + 1 < until.value) return find_untold(now);
    const auto held = std::exchange(held_, {});
    answer(held.front().first, held.front().second, now);
    // Among the others may be some that this page had too, or again one that skips.
    for (auto at = std::next(held.begin()); at != held.end(); ++at) applied(at->first, at->second, now);
    return;
  }
  if (const auto plain = reads_.find(read); plain != reads_.end()) {
    const auto from = plain->second.from;
    reads_.erase(plain);
    if (!page) return port_.reply({from, Refused{page.error()}});
    return port_.reply({from, std::move(*page)});
  }
  const auto place = joining_.find(read);
  if (place == joining_.end()) return;  // left meanwhile
  auto& joining = place->second;
  if (!page) {
    auto failed = std::move(joining);
    joining_.erase(place);
    return port_.reply({failed.from, SubscribeRefused{key_, failed.subscribe.subscription, page.error()}});
  }
  const bool rewinding = !joining.subscribe.resume.since && joining.subscribe.resume.client_id.empty();
  if (page->gap) {  // trimmed, maybe between two pages: what came before the gap is of no use
    joining.missed.clear();
    if (!rewinding) joining.gap_before = page->oldest;
  }
  for (auto& publication : page->publications) {
    // What the shard has applied but not told yet comes as a live publication: not twice.
    if (publication->position.offset > newest_.offset) break;
    joining.since.offset = publication->position.offset;
    if (!publication->deleted) joining.missed.push_back(std::move(publication));
  }
  const auto bound = settings_->limits.catch_up_publications_max;
  if (joining.missed.size() > bound) {  // too much to hold for one client: keep the newest, say so
    const auto surplus = joining.missed.size() - bound;
    joining.missed.erase(joining.missed.begin(), joining.missed.begin() + static_cast<std::ptrdiff_t>(surplus));
    joining.gap_before = joining.missed.front()->position.offset;
  }
  // Told while the page was on its way to us, to those who listen already: read on, or it is lost.
  const bool behind = page->newest.offset < newest_.offset;
  if ((page->more || behind) && joining.since.offset < newest_.offset) return read_next_page(read);
  auto done = std::move(joining);
  joining_.erase(place);
  const auto outcome = done.gap_before.value > 0 ? ResumeOutcome::gap : ResumeOutcome::complete;
  join(std::move(done), outcome, now, wall);
}

void Channel::join(Joining joining, ResumeOutcome outcome, MonoTime now, WallTime wall) {
  auto& subscribe = joining.subscribe;
  const auto session_id = joining.from.session;
  // Again: reading what it missed took a while.
  if (auto allowed = may_join(subscribe); !allowed) {
    return port_.reply({joining.from, SubscribeRefused{key_, subscribe.subscription, allowed.error()}});
  }
  const bool presence = traits_.presence && subscribe.member != nullptr;
  if (presence && app_ != nullptr && !roster_.contains(subscribe.member->user_id) &&
      roster_.size() >= app_->limits.presence_members_max) {
    return port_.reply({joining.from, SubscribeRefused{key_, subscribe.subscription, make_error(Errc::too_many_members)}});
  }
  auto [place, fresh] = sessions_.try_emplace(session_id);
  auto& session = place->second;
  bool user_came = false;
  if (!fresh && presence && session.user_id != subscribe.member->user_id) {
    roster_.leave(session.user_id, now, now);  // the same socket under another name: the old one leaves at once
    session.user_id.clear();
  }
  if (presence && session.user_id.empty()) {
    user_came = roster_.join(subscribe.member);
    session.user_id = subscribe.member->user_id;
    if (user_came) {
      metrics_.presence_members.add(1);
      notices_.came(session.user_id, wall);
    }
  }
  session.subscription = subscribe.subscription;
  session.hub = joining.from.hub;
  if (fresh) {
    if (sessions_.size() == 1) notices_.came({}, wall);
    metrics_.subscriptions.add(1);
    const auto hub = std::find_if(listeners_.begin(), listeners_.end(), [&](auto& row) { return row.first == session.hub; });
    if (hub == listeners_.end()) {
      listeners_.emplace_back(session.hub, 1);
    } else {
      ++hub->second;
    }
  }

  Subscribed answer{.channel = key_, .subscription = subscribe.subscription};
  if (traits_.presence) answer.roster = roster_.snapshot();
  answer.position = newest_;
  answer.resume = outcome;
  if (outcome == ResumeOutcome::gap) {
    answer.gap_after = joining.asked;
    answer.gap_before = joining.gap_before;
  }
  answer.catching_up = !joining.missed.empty();
  answer.cache_channel = traits_.cache;
  answer.cached = cached(wall);
  if (answer.cache_channel && answer.cached == nullptr) notices_.cache_miss(wall);
  answer.subscription_count = sessions_.size();
  port_.reply({joining.from, std::move(answer)});
  if (outcome == ResumeOutcome::complete) metrics_.resumed_complete.add();
  if (outcome == ResumeOutcome::gap) metrics_.resumed_gap.add();
  send_missed(joining);

  if (user_came) {
    tell_all({.channel = key_, .what = ChannelEvent::MemberAdded{subscribe.member}, .except = session_id, .accepted = now});
  }
  if (fresh) count_changed(now);
}

void Channel::send_missed(const Joining& joining) {
  const auto& missed = joining.missed;
  if (missed.empty()) return;
  metrics_.missed_publications.add(static_cast<double>(missed.size()));
  for (std::size_t from = 0; from < missed.size(); from += kMissedChunk) {
    const auto to = std::min(missed.size(), from + kMissedChunk);
    Missed chunk{.channel = key_, .subscription = joining.subscribe.subscription};
    chunk.publications.assign(missed.begin() + static_cast<std::ptrdiff_t>(from), missed.begin() + static_cast<std::ptrdiff_t>(to));
    chunk.last = to == missed.size();
    port_.reply({joining.from, std::move(chunk)});
  }
}

// ---- leaving ----

void Channel::on(const ReplyTo& from, Unsubscribe& unsubscribe, MonoTime now, WallTime) {
  const auto waited = std::erase_if(joining_, [&](const auto& row) {
    return row.second.from.session == from.session && row.second.subscribe.subscription == unsubscribe.subscription;
  });
  const auto place = sessions_.find(from.session);
  const bool joined = place != sessions_.end() && place->second.subscription == unsubscribe.subscription;
  const bool on_purpose = unsubscribe.reason == LeaveReason::unsubscribed && (joined || waited > 0);
  if (durable() && !unsubscribe.client_id.empty() && on_purpose) {
    dirty_cursors_[unsubscribe.client_id] = {.offset = {}, .forget = true};
    if (!save_cursors_at_) save_cursors_at_ = now + kSaveCursorsAfter;
  }
  if (!joined) return;
  leave(from.session, unsubscribe.reason, now);
  count_changed(now);
}

void Channel::leave(SocketId session_id, LeaveReason reason, MonoTime now) {
  const auto place = sessions_.find(session_id);
  const auto session = std::move(place->second);
  sessions_.erase(place);
  metrics_.subscriptions.add(-1);
  if (sessions_.empty()) notices_.gone({}, now);
  const auto hub = std::find_if(listeners_.begin(), listeners_.end(), [&](auto& row) { return row.first == session.hub; });
  CHECK(hub != listeners_.end());
  if (--hub->second == 0) listeners_.erase(hub);
  if (session.user_id.empty()) return;
  const auto hold = reason == LeaveReason::unsubscribed ? rule_->presence_linger : rule_->presence_grace;
  roster_.leave(session.user_id, now, now + hold);
}

void Channel::member_gone(const RosterBook::Gone& member) {
  metrics_.presence_members.add(-1);
  notices_.gone(member.user_id, member.left);
  tell_all({.channel = key_, .what = ChannelEvent::MemberRemoved{member.user_id}, .except = {}, .accepted = {}});
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
  const auto token = next_token_++;
  pending_.emplace(token, PendingPublish{.from = from,
                                         .ack = publish.ack,
                                         .except = publish.except,
                                         .accepted = publish.accepted,
                                         .wants_reply = publish.wants_reply,
                                         .wants_counts = publish.wants_counts,
                                         .client_event = publish.client_event});
  AppendPublication append;
  if (!newest_.exists()) append.epoch_if_new = Epoch{port_.random() | 1};  // never 0
  append.event = std::move(publish.event);
  append.data = std::move(publish.data);
  append.kind = publish.kind;
  append.user_id = std::move(publish.user_id);
  append.idempotency_key = std::move(publish.idempotency_key);
  append.once = std::move(publish.once);
  append.retention = rule_->retention;
  append.cache = traits_.cache && !publish.client_event;
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(append)}, token,
                rule_->durability == Durability::async ? WaitForDisk::no : WaitForDisk::yes);
}

void Channel::applied(CommandToken token, const Effect& effect, MonoTime now) {
  if (notices_.applied(token)) return;
  if (token != 0 && token == saving_token_) saving_cursors_.clear();
  const auto* appended = std::get_if<Effect::Appended>(&effect.what);
  if (appended != nullptr && newest_.exists() && appended->publication->position.offset <= newest_.offset) {
    // Told before, as one of those whose outcome had been unknown: only its publisher may still wait.
    return settle(token, *appended->publication);
  }
  const bool skips = appended != nullptr && appended->publication->position.offset.value > newest_.offset.value + 1;
  if (skips || !held_.empty()) {
    held_.emplace_back(token, effect);
    return find_untold(now);
  }
  answer(token, effect, now);
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

void Channel::find_untold(MonoTime) {
  if (untold_read_ != 0) return;
  untold_read_ = next_read_++;
  GetHistory query{.channel = key_, .limit = kHistoryPage};
  if (newest_.exists()) query.since = newest_;
  port_.read_history(std::move(query), untold_read_);
}

void Channel::answer(CommandToken token, const Effect& effect, MonoTime now) {
  const auto* told = std::get_if<Effect::Appended>(&effect.what);
  if (told != nullptr) newest_ = told->publication->position;
  const auto place = pending_.find(token);
  if (place == pending_.end()) {  // cursors, trims: nobody waits
    if (told != nullptr) fan_out(told->publication, {}, now);
    return;
  }
  const auto pending = std::move(place->second);
  pending_.erase(place);
  if (const auto* visit = std::get_if<PendingVisit>(&pending)) {
    auto joining = take_joining(visit->read);
    if (!joining) return;
    const auto wall = joining->asked_at;
    return join(std::move(*joining), ResumeOutcome::none, now, wall);
  }
  if (const auto* removal = std::get_if<PendingRemoval>(&pending)) {
    const auto* removed = std::get_if<Effect::Removed>(&effect.what);
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
  if (token != 0 && token == saving_token_ && !saving_cursors_.empty()) {
    dirty_cursors_.merge(saving_cursors_);  // what came meanwhile is newer and stays
    saving_cursors_.clear();
    save_cursors_at_ = now + kSaveCursorsAfter;
  }
  const auto place = pending_.find(token);
  if (place == pending_.end()) return;
  const auto pending = std::move(place->second);
  pending_.erase(place);
  if (const auto* removal = std::get_if<PendingRemoval>(&pending)) return port_.reply({removal->from, Refused{error}});
  if (const auto* visit = std::get_if<PendingVisit>(&pending)) {
    const auto joining = take_joining(visit->read);
    if (!joining) return;
    // Stored or not: who was refused comes for the first time again.
    dirty_cursors_[joining->subscribe.resume.client_id] = {.offset = {}, .forget = true};
    if (!save_cursors_at_) save_cursors_at_ = now + kSaveCursorsAfter;
    return port_.reply({joining->from, SubscribeRefused{key_, joining->subscribe.subscription, error}});
  }
  const auto& publish = std::get<PendingPublish>(pending);
  port_.reply({publish.from, PublishRefused{key_, publish.ack, error}});
}

void Channel::fan_out(PublicationPtr publication, SocketId except, MonoTime accepted) {
  tell_all({.channel = key_, .what = ChannelEvent::Published{std::move(publication)}, .except = except, .accepted = accepted});
}

void Channel::tell_all(ChannelEvent event) {
  if (listeners_.empty()) return;
  const auto shared = std::make_shared<const ChannelEvent>(std::move(event));
  for (const auto& [hub, count] : listeners_) port_.tell(hub, shared);
}

// ---- time ----

void Channel::count_changed(MonoTime now) {
  if (app_ == nullptr || traits_.presence) return;
  if (!app_->subscription_count && !notices_.wants(NoticeKind::subscription_count)) return;
  if (tell_count_at_) return;
  const auto interval = settings_->timing.subscription_count_interval;
  tell_count_at_ = sessions_.size() > kCountThrottledAbove ? std::max(now, count_told_ + interval) : now;
}

void Channel::on(const ReplyTo&, Confirm& confirm, MonoTime now, WallTime) {
  if (durable() && confirm.offset <= newest_.offset) set_cursor(confirm.client_id, confirm.offset, now);
}

void Channel::set_cursor(const std::string& client_id, Offset offset, MonoTime now) {
  auto& cursor = dirty_cursors_[client_id];
  // A confirmation that comes late takes nothing back.
  cursor = {.offset = cursor.forget ? offset : std::max(cursor.offset, offset)};
  if (!save_cursors_at_) save_cursors_at_ = now + kSaveCursorsAfter;
}

const Channel::Cursor* Channel::unsaved_cursor(const std::string& client_id) const {
  for (const auto* cursors : {&dirty_cursors_, &saving_cursors_}) {
    if (const auto found = cursors->find(client_id); found != cursors->end()) return &found->second;
  }
  return nullptr;
}

void Channel::save_cursors(WallTime wall) {
  if (!saving_cursors_.empty()) {  // one at a time: what comes meanwhile goes with the next
    save_cursors_at_ = *save_cursors_at_ + kSaveCursorsAfter;
    return;
  }
  save_cursors_at_.reset();
  SaveCursors save;
  save.cursors.reserve(dirty_cursors_.size());
  for (const auto& [client_id, cursor] : dirty_cursors_) save.cursors.push_back({client_id, cursor.offset, cursor.forget});
  if (save.cursors.empty()) return;
  saving_cursors_ = std::exchange(dirty_cursors_, {});
  saving_token_ = next_token_++;
  // Written, not waited for: a lost confirmation means that a client gets a little more again.
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(save)}, saving_token_, WaitForDisk::no);
}

void Channel::tick(MonoTime now, WallTime wall) {
  if (reopen_at_ && *reopen_at_ <= now) {
    reopen_at_.reset();
    if (stage_ == Stage::opening && waiting_.empty()) port_.open();
  }
  for (const auto& member : roster_.expire(now)) member_gone(member);
  if (save_cursors_at_ && *save_cursors_at_ <= now) save_cursors(wall);
  if (tell_count_at_ && *tell_count_at_ <= now) {
    tell_count_at_.reset();
    count_told_ = now;
    notices_.counted(sessions_.size(), wall);
    if (app_ != nullptr && app_->subscription_count) {
      tell_all({.channel = key_, .what = ChannelEvent::SubscriptionCount{sessions_.size()}, .except = {}, .accepted = {}});
    }
  }
  if (auto command = notices_.next(next_token_, now, wall)) {
    port_.propose(std::move(*command), next_token_++, WaitForDisk::yes);
  }
}

std::optional<MonoTime> Channel::deadline() const {
  auto first = roster_.deadline();
  for (const auto& other : {save_cursors_at_, tell_count_at_, reopen_at_, notices_.deadline()}) {
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
  if (tell_count_at_ && notices_.wants(NoticeKind::subscription_count)) return false;
  return sessions_.empty() && roster_.size() == 0 && waiting_.empty() && pending_.empty() && joining_.empty() &&
         reads_.empty() && held_.empty() && dirty_cursors_.empty() && saving_cursors_.empty() && (durable() || cached(wall) == nullptr);
}

ChannelInfo Channel::describe(WallTime wall) const {
  ChannelInfo about{.channel = key_, .subscriptions = sessions_.size(), .users = roster_.size()};
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

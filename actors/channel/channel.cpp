#include "actors/channel/channel.h"

#include "actors/refusal.h"
#include "core/check.h"

#include <algorithm>

namespace parley::actors {
namespace {

bool changes_something(const Request& request) {
  return std::holds_alternative<Publish>(request.what) || std::holds_alternative<DeletePublication>(request.what) ||
         std::holds_alternative<DeleteHistory>(request.what) || std::holds_alternative<Confirm>(request.what);
}

constexpr milliseconds kAnnouncedWithin{2'000};      // hubs that can be reached say who is here; some say it twice
constexpr std::uint64_t kCountThrottledAbove = 100;  // subscribers; below, each change is told

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

void Channel::depose(const Error& why, MonoTime now, WallTime wall) {
  const auto refuse = [&](const Request& request) {
    if (auto reply = refusal(request, why)) port_.reply(std::move(*reply));
  };
  for (const auto& request : std::exchange(waiting_, {})) refuse(request);
  for (const auto& [request, time] : std::exchange(held_, {})) refuse(request);
  for (const auto& [token, pending] : std::exchange(pending_, {})) {
    // Their outcome is unknown: stored by the next leader or not, they can be sent again with their keys.
    if (const auto* removal = std::get_if<PendingRemoval>(&pending)) port_.reply({removal->from, Refused{why}});
    const auto* publish = std::get_if<PendingPublish>(&pending);
    if (publish != nullptr) port_.reply({publish->from, PublishRefused{key_, publish->ack, why}});
  }
  for (const auto& [read, plain] : std::exchange(reads_, {})) port_.reply({plain.from, Refused{why}});
  resumes_.depose(why, at(now, wall));
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
    // Stay closed: the next request tries again. Leaving must work all the same, and who is here is here: no hub says
    // it twice. Of them the backend may be due a word, which takes the state.
    const auto announces = [](const Request& request) { return std::holds_alternative<Announce>(request.what); };
    attended_ = attended_ || std::any_of(waiting.begin(), waiting.end(), announces);
    if (attended_) reopen_at_ = now + kAskAgainAfter;
    take_early(now);
    for (auto& request : waiting) {
      if (std::holds_alternative<Unsubscribe>(request.what) || announces(request)) {
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
  for (const auto& [hub, told] : std::exchange(told_there_, {})) compare(hub, told);
  for (auto& request : waiting) dispatch(request, now, wall);
}

// After a failure of the disk the newest publications of durability async may be gone, and their offsets are given out
// again under another epoch. `from`: as far as the new life is told already.
void Channel::begin_anew(Position from, MonoTime now) {
  const ChannelEvent::Gap gap{from.epoch, newest_.offset, Offset{from.offset.value + 1}};
  newest_ = from;
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
  if (auto* announce = std::get_if<Announce>(&request.what)) return on(from, *announce, now, wall);
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

ChannelResumes::Now Channel::at(MonoTime now, WallTime wall) const { return {newest_, settings_->limits, now, wall}; }

void Channel::join_all(ChannelResumes::Ready ready, MonoTime now, WallTime wall) {
  for (auto& joining : ready) join(std::move(joining), now, wall);
}

void Channel::on(const ReplyTo& from, MoreMissed& more, MonoTime now, WallTime wall) {
  if (!subscribers_.joined(from, more.subscription)) return;  // left meanwhile
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
    // Before all that waits: who asked and left meanwhile has its leaving there.
    waiting_.insert(waiting_.begin(), std::make_move_iterator(asking.begin()), std::make_move_iterator(asking.end()));
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
  if (durable()) count_client(joining.from.session, subscribe.resume.client_id);
  if (fresh && subscribers_.size() == 1) notices_.came({}, wall);
  if (user_came) notices_.came({member->user_id, member->id_form}, wall);

  Subscribed answer{.channel = key_, .subscription = subscribe.subscription};
  if (traits_.presence) answer.roster = roster.snapshot();
  if (member != nullptr) answer.came = roster.place_of(member->user_id);
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

void Channel::count_client(SocketId session, const std::string& client_id) {
  const auto client = client_hash(client_id);
  const auto before = subscribers_.count_as(session, client);
  if (client != before) cursors_.gone(before);
  if (client != 0) cursors_.came(client, session, client != before);
}

// Who was here all the time: nobody needs to be told. The backend is, if the leader before had not come to it: what it
// was told stands in the log. Who may not be here any more hears of it now, since the ban was another node's to tell.
void Channel::on(const ReplyTo& from, Announce& announce, MonoTime now, WallTime wall) {
  const auto before = subscribers_.size();
  for (auto& one : announce.subscriptions) {
    const ReplyTo to{{from.hub, one.session, from.node}, 0, 0, from.origin};
    const auto member = traits_.presence ? std::move(one.member) : nullptr;
    auto allowed = one.user_id.empty() ? Status() : port_.may_join(one.user_id);
    if (allowed && member != nullptr && member->user_id != one.user_id) allowed = port_.may_join(member->user_id);
    if (!allowed) {
      port_.reply({to, Kicked{key_, allowed.error()}});
      continue;
    }
    const auto [fresh, user_came] = subscribers_.announce(to, one.subscription, member, one.came);
    if (!fresh) continue;
    if (durable()) count_client(one.session, one.client_id);
    if (subscribers_.size() == 1) notices_.came({}, wall);
    if (user_came) notices_.came({member->user_id, member->id_form}, wall);
  }
  if (subscribers_.size() != before) count_changed(now);
  if (traits_.presence && !tell_roster_at_) tell_roster_at_ = now + std::max(rule_->presence_grace, kAnnouncedWithin);
  if (announce.told) compare(from.of_hub(), *announce.told);
}

// Whoever led before may have told of members what is not so any more, or not have come to it.
void Channel::tell_roster() const {
  for (const auto& hub : subscribers_.hubs()) {
    port_.reply({ReplyTo(hub), RosterIs{key_, subscribers_.roster().snapshot()}});
  }
}

// Whoever led before may have told what the hub did not hear; what is told from here on comes to it.
void Channel::compare(const SessionAddress& hub, const Position& told) {
  if (!durable()) return;
  if (stage_ == Stage::opening) {
    told_there_.insert_or_assign(hub, told);
  } else if (newest_.exists() && told != newest_) {
    port_.reply({ReplyTo(hub), Behind{key_, newest_}});
  }
}

// ---- leaving ----

void Channel::on(const ReplyTo& from, Unsubscribe& unsubscribe, MonoTime now, WallTime) {
  const bool waited = resumes_.leave(from, unsubscribe.subscription);
  const bool joined = subscribers_.joined(from, unsubscribe.subscription);
  const bool on_purpose = unsubscribe.reason == LeaveReason::unsubscribed;
  const auto& client_id = unsubscribe.client_id;
  // An old connection's leaving, that comes when the client was here again, ends nothing.
  if (durable() && !client_id.empty() && on_purpose && (joined || waited) &&
      !cursors_.elsewhere(client_id, from.session) && !resumes_.waits(client_id)) {
    port_.visits().forget(key_, client_id);
    const bool maybe_stored = early_save_ || !early_visits_.empty() || !pending_.empty() || in_doubt_;
    if (newest_.exists() || maybe_stored) cursors_.forget(client_id, now);
  }
  if (!joined) return;
  cursors_.gone(subscribers_.leave(from.session, now, on_purpose ? rule_->presence_linger : rule_->presence_grace));
  if (subscribers_.size() == 0) notices_.gone({}, now);
  count_changed(now);
}

// What was to be published, deleted or confirmed is, whoever hears of it. Who waits for something else may have a link
// again by now, and hears that it is to ask again.
void Channel::node_gone(const NodeAddress& node, MonoTime now) {
  std::erase_if(waiting_, [&](const Request& request) {
    if (request.from.node != node || changes_something(request)) return false;
    if (auto reply = refusal(request, make_error(Errc::not_leader))) port_.reply(std::move(*reply));
    return true;
  });
  resumes_.leave(node);
  const auto left = subscribers_.leave(node, now, rule_->presence_grace);
  for (const auto client : left.clients) cursors_.gone(client);
  if (left.sessions == 0) return;
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
  if (tell_roster_at_ && *tell_roster_at_ <= now) {
    tell_roster_at_.reset();
    tell_roster();
  }
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
  for (const auto& other : {cursors_.deadline(), tell_count_at_, tell_roster_at_, reopen_at_, ask_log_at_,
                            notices_.deadline(), resumes_.deadline()}) {
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

// Connection state recovery. What the client has comes back with it, as the offsets of all the channels that it is on;
// where it was is kept in the log under its pid. So a session is taken up again by any
// node that has the log, and after any end of the process.
//
// While a kept session is taken up again nothing is said: first the publications that were missed, then CONNECT with
// the old sid and pid, then what is told after a subscription (rosters). If anything is missing, all of it is dropped
// and the client gets a new session: `recovered` is true only when nothing was missed.

#include "net/socketio/encoder.h"
#include "net/socketio/socket.h"

#include <algorithm>
#include <utility>

namespace parley::net::socketio {

namespace {
constexpr std::size_t kKeptAtOnceMax = 16;  // channels; above, the session is kept once a tick, not at each change
constexpr std::uint32_t kKeepsPerSecondMax = 10;
constexpr std::chrono::hours kRenew{6};
constexpr seconds kKeepAgain{1};                          // after a refusal
constexpr std::uint64_t kKeepTicket = ~std::uint64_t{0};  // of a KeepSession; what clients ask has others
static_assert(kAckMax + 1 < kKeepTicket);
constexpr seconds kRestoreTimeout{15};
constexpr std::string_view kUnsettled = "?";  // in the place of offsets; no tag
}  // namespace

bool Socket::durable(std::string_view channel) const {
  return settings_->rule_for(channel).durability != Durability::none;
}

// Whether it can be said of every channel that the client is on what the client has of it. Not of ephemeral channels,
// nor while the first page of what was missed is on its way; while further pages follow it can, unless they tell
// another life of the channel afresh: who goes on in the middle of it would not be told what it published in the one
// before.
bool Socket::settled() const {
  return std::all_of(subscriptions_.begin(), subscriptions_.end(), [&](const Subscription& one) {
    if (!one.active) return true;
    if (one.extra == nullptr || !one.extra->tracking || !durable(one.channel)) return false;
    const auto* catch_up = one.extra->catch_up.get();
    const bool afresh = catch_up != nullptr && (catch_up->after_gap || catch_up->last.epoch != catch_up->newest.epoch);
    return catch_up == nullptr || (catch_up->flows && !afresh);
  });
}

// Nothing was missed where nothing was ever said. A public channel that nobody has published on may be a stranger's
// invention, and so many of them fill a disk: with nothing else, a session is not kept.
bool Socket::worth_keeping() const {
  return subscriptions_.empty() ||
         std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const Subscription& one) {
           const bool published = one.extra != nullptr && one.extra->tracking && one.extra->tracking->sent.exists();
           return one.active && (published || one.proof != Proof::none_needed);
         });
}

// Names every channel that the client is on, those without a publication too: a client that names one that is not in
// its kept session (the process ended before it was written) is not taken for one that missed nothing there.
std::string Socket::offsets() const {
  if (unsettled_) return std::string(kUnsettled);
  std::string out;
  for (const auto& one : subscriptions_) {
    if (one.extra == nullptr || !one.extra->tracking) continue;
    if (!out.empty()) out.push_back('-');
    append_offset(out, one.channel, one.extra->tracking->sent);
  }
  return out;
}

// A client remembers the last string: what it is to send changed without an event.
void Socket::tell_offsets(Actions& actions) {
  if (!recoverable() || restoring_ != nullptr) return;
  told_unsettled_ = unsettled_;
  std::string text;
  begin_event(text, terms_.nsp);
  text.append(R"("parley:position",")").append(offsets()).append("\"]");
  actions.send_text(text);
}

// Until the next tell_offsets() the client has an offset with which nothing can be taken up.
void Socket::tell_unsettled(Actions& actions) {
  if (!recoverable() || restoring_ != nullptr) return;
  unsettled_ = true;
  // While nothing is kept there is nothing to be taken up. Once something is, it may be less than the client is on.
  if (kept_ && !told_unsettled_) tell_offsets(actions);
}

// The client is on one channel more. It is told before it can rely on it; that it is in the log takes longer.
void Socket::channels_changed(Actions& actions) {
  if (!recoverable() || restoring_ != nullptr) return;
  // A line of many channels is not told for each of them: once, when they are kept.
  if (leaving_ || subscriptions_.size() > kKeptAtOnceMax || !settled()) {
    tell_unsettled(actions);
  } else {
    unsettled_ = false;
    tell_offsets(actions);
  }
  keep_soon(actions);
}

// Nor shall it be put back on a channel that it knows it is off, so that has to be in the log first.
void Socket::note_left(Actions& actions) {
  if (!recoverable() || restoring_ != nullptr) return;
  leaving_ = true;
  tell_unsettled(actions);
  keep_soon(actions);
}

// What stands in the log is another user's session.
void Socket::note_identity(Actions& actions) {
  if (kept_) note_left(actions);
}

bool Socket::track(Subscription& subscription, Position position) {
  if (!recoverable() || !durable(subscription.channel)) return false;
  auto& tracking = subscription.need_extra().tracking;
  if (!tracking) tracking.emplace();
  if (position.exists()) tracking->sent = position;
  // What the client surely has: it may lose everything that it is sent from here on.
  if (!tracking->confirmed) tracking->confirmed = position.offset;
  if (restoring_ != nullptr) {
    const auto since = restoring_->since.find(subscription.channel);
    if (since != restoring_->since.end()) tracking->confirmed = since->second.offset;
  }
  return true;
}

bool Socket::start_tracking(Subscription& subscription, Position position, MonoTime, Actions& actions) {
  const bool keeps = track(subscription, position);
  const bool told = std::exchange(told_joined_, false);
  if (restoring_ != nullptr) {
    channel_restored(subscription, actions);
  } else if (!told) {
    channels_changed(actions);
  }
  return keeps || terms_.nsp != "/";
}

void Socket::channel_restored(const Subscription& subscription, Actions& actions) {
  // Somebody else's cookies may open the same channel: that is another session.
  const auto expected = restoring_->members.find(subscription.channel);
  const auto* member = subscription.extra == nullptr ? nullptr : subscription.extra->member.get();
  if (expected != restoring_->members.end() && (member == nullptr || member->user_id != expected->second)) {
    fail_restore("other_user", actions);
  }
  if (restoring_->channels_left > 0 && --restoring_->channels_left == 0 && !restoring_->failed) restored(actions);
}

// Of a long history the first page is here: nothing of it is missing, so the client may be told that it is taken up,
// and the rest follows as its connection takes it. From here on its offset says how far it is.
void Socket::on_page(Subscription& subscription, MonoTime, Actions& actions) {
  auto& extra = *subscription.extra;
  auto& catch_up = *extra.catch_up;
  const bool first = !std::exchange(catch_up.paged, true);
  bool moved = false;
  if (recoverable() && durable(subscription.channel)) {
    if (!extra.tracking) extra.tracking.emplace();
    auto& tracking = *extra.tracking;
    if (!tracking.confirmed) tracking.confirmed = catch_up.last.offset;
    moved = tracking.sent != catch_up.last;
    tracking.sent = catch_up.last;
  }
  if (restoring_ != nullptr) {
    catch_up.recovers = true;
    const auto tag = offset_tag(subscription.channel, catch_up.last.epoch);
    for (const auto& told : restoring_->unnamed) {
      if (told.tag == tag) catch_up.has = {catch_up.last.epoch, told.offset};
    }
    if (extra.tracking) {
      const auto since = restoring_->since.find(subscription.channel);
      if (since != restoring_->since.end()) extra.tracking->confirmed = since->second.offset;
    }
    if (first) channel_restored(subscription, actions);
  } else if (first) {
    channels_changed(actions);
  } else if (moved && !unsettled_) {
    tell_offsets(actions);  // what it published itself, or what was deleted, is behind it too
  }
}

void Socket::note_sent(Subscription& subscription, Position position, MonoTime) {
  if (subscription.extra == nullptr || !subscription.extra->tracking) return;
  subscription.extra->tracking->sent = position;
}

// What it published itself shortly before it was away, under the id that it has again. Not in another life of the
// channel, which is told afresh.
bool Socket::has_sent(Subscription& subscription, const Publication& publication) {
  const auto* catch_up = subscription.extra == nullptr ? nullptr : subscription.extra->catch_up.get();
  const bool recovers = restoring_ != nullptr || (catch_up != nullptr && catch_up->recovers);
  if (!recovers || !publication.except.exists() || publication.except != socket_) return false;
  if (catch_up != nullptr && publication.position.epoch != catch_up->newest.epoch) return false;
  auto& tracking = subscription.need_extra().tracking;
  if (!tracking) tracking.emplace();
  if (!tracking->confirmed) tracking->confirmed = Offset{publication.position.offset.value - 1};
  tracking->sent = publication.position;
  return true;
}

// An event of a history that what is kept does not name yet, or no longer.
void Socket::meet_epoch(Subscription& subscription, Position position, Actions& actions) {
  auto& tracking = *subscription.extra->tracking;
  if (tracking.sent.epoch == position.epoch) return;
  tracking.confirmed = Offset{position.offset.value - 1};
  tracking.sent = position;
  keep_soon(actions);
}

void Socket::note_own(const Published&, MonoTime) {}  // on_skipped() told it, in its place among the others

void Socket::on_skipped(const ChannelEvent& event, MonoTime now, Actions& actions) {
  const auto* published = std::get_if<ChannelEvent::Published>(&event.what);
  auto* subscription = find(event.channel.name());
  if (closing_ || published == nullptr || subscription == nullptr) return;
  const auto position = published->publication->position;
  if (!position.exists() || subscription->extra == nullptr || !subscription->extra->tracking) return;
  if (subscription->extra->catch_up != nullptr) return;  // comes with what was missed, if at all
  meet_epoch(*subscription, position, actions);
  note_sent(*subscription, position, now);
  tell_offsets(actions);
}

// ---- kept ----

// One record is on its way at a time, and so many in a second: what changes meanwhile goes with the next.
void Socket::keep_soon(Actions& actions) {
  changed_ = true;
  if (keeping_) return;
  if (subscriptions_.size() <= kKeptAtOnceMax && keeps_.take(kKeepsPerSecondMax, 1, last_heard_)) {
    keep(actions.wall() + kKeptWhileLive, actions);
  } else {
    keep_at_ = std::min(keep_at_, last_heard_);  // at the next tick
  }
}

void Socket::drop_kept(Actions& actions) {
  kept_hash_ = 0;
  if (!std::exchange(kept_, false)) return;
  actions.request({.from = {}, .what = DropSession{.app = app_->id, .key = terms_.pid}});
}

void Socket::keep_later(MonoTime now) { keep_at_ = now + kRenew; }

KeptSession Socket::as_it_is() const {
  KeptSession kept{.nsp = terms_.nsp, .socket = socket_};
  if (identity_ != nullptr) kept.user = identity_->id;
  for (const auto& one : subscriptions_) {
    if (!one.active) continue;
    KeptChannel channel{.name = one.channel};
    if (one.extra != nullptr && one.extra->tracking) {
      const auto& tracking = *one.extra->tracking;
      channel.position = {tracking.sent.epoch, tracking.confirmed.value_or(tracking.sent.offset)};
    }
    if (one.extra != nullptr) channel.member = one.extra->member;
    if (one.proof == Proof::signature) {
      channel.proof = KeptProof::signature;
      if (identity_ != nullptr) channel.user = identity_->id;
    }
    kept.channels.push_back(std::move(channel));
  }
  return kept;
}

void Socket::keep(WallTime expires, Actions& actions) {
  if (!recoverable() || !changed_ || keeping_ || restoring_ != nullptr) return;
  changed_ = false;
  // Of some channel nobody knows what was said meanwhile: the session cannot be taken up, so it need not be kept.
  if (!settled() || !worth_keeping()) return drop_kept(actions);
  auto record = kept_text(as_it_is());
  const auto hash = stable_hash(record);
  if (kept_ && hash == kept_hash_) return stands_in_log(actions);
  store(std::move(record), expires, true, actions);
  kept_hash_ = kept_ ? hash : 0;
}

void Socket::store(std::string record, WallTime expires, bool wants_reply, Actions& actions) {
  // Too large to be kept; what stands there would be an older truth.
  if (record.size() > settings_->limits.kept_session_bytes_max) return drop_kept(actions);
  kept_ = true;
  keeping_ = wants_reply;
  actions.request({.from = ReplyTo{{}, kKeepTicket},
                   .what = KeepSession{.app = app_->id,
                                       .key = terms_.pid,
                                       .record = std::move(record),
                                       .expires = expires,
                                       .wants_reply = wants_reply}});
}

void Socket::on_reply(Reply& reply, MonoTime now, Actions& actions) {
  const bool stored = std::holds_alternative<Done>(reply.what);
  if (reply.to.ticket == kKeepTicket && (stored || std::holds_alternative<Refused>(reply.what))) {
    if (!closing_) on_keep_answered(stored, now, actions);
    return;
  }
  ChannelSession::on_reply(reply, now, actions);
}

void Socket::on_keep_answered(bool stored, MonoTime now, Actions& actions) {
  keeping_ = false;
  if (!stored) {  // what is there now, if anything, is an older truth
    kept_hash_ = 0;
    changed_ = true;
    keep_at_ = std::min(keep_at_, now + kKeepAgain);
    tell_unsettled(actions);
  } else if (changed_) {
    keep_soon(actions);
  } else {
    stands_in_log(actions);
  }
}

void Socket::stands_in_log(Actions& actions) {
  leaving_ = false;
  if (!unsettled_ || !settled()) return;
  unsettled_ = false;
  tell_offsets(actions);
}

// ---- taken up again ----

void Socket::begin_restore(MonoTime now, Actions& actions) {
  restoring_ = std::make_unique<Restoring>();
  const auto returning = std::move(terms_.returning);
  const auto& since = returning->on.since;
  restoring_->kept = std::move(returning->kept);
  restoring_->expires = returning->expires;
  restoring_->unnamed = std::move(returning->on.unnamed);
  const auto& kept = restoring_->kept;
  restoring_->until = now + kRestoreTimeout;
  restoring_->channels_left = kept.channels.size() + 1;
  arrive(now, actions);
  const auto user = identity_ == nullptr ? std::string() : identity_->id;
  if (user != kept.user) {
    fail_restore("other_user", actions);
    return;
  }
  for (std::size_t i = 0; i < kept.channels.size() && !restoring_->failed; ++i) {
    const auto& channel = kept.channels[i];
    if (!durable(channel.name)) {
      fail_restore("not_durable", actions);  // nobody knows what was said there meanwhile
      return;
    }
    restoring_->since.emplace(channel.name, since[i]);
    if (channel.member != nullptr) restoring_->members.emplace(channel.name, channel.member->user_id);
    if (channel.proof == KeptProof::signature) {
      Right right{.proof = Proof::signature, .member = channel.member, .user_id = channel.user};
      if (channel.member != nullptr) right.user_id = channel.member->user_id;
      go_on(channel.name, std::move(right), {.since = since[i]}, actions);
    } else {
      join({.channel = channel.name, .since = position_text(since[i]), .headers = terms_.headers}, actions);
    }
  }
  if (!restoring_->failed && --restoring_->channels_left == 0) restored(actions);
}

bool Socket::has_already(std::string_view channel, Position position) const {
  const auto tag = offset_tag(channel, position.epoch);
  return std::any_of(restoring_->unnamed.begin(), restoring_->unnamed.end(),
                     [&](const TaggedOffset& one) { return one.tag == tag && position.offset <= one.offset; });
}

bool Socket::all_named() const {
  return std::all_of(restoring_->unnamed.begin(), restoring_->unnamed.end(), [&](const TaggedOffset& told) {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const Subscription& one) {
      return one.extra != nullptr && one.extra->tracking &&
             offset_tag(one.channel, one.extra->tracking->sent.epoch) == told.tag;
    });
  });
}

// It ended before the client was told anything: the next connection may take up what this one was about to.
void Socket::put_back(Actions& actions) {
  store(kept_text(restoring_->kept), std::min(restoring_->expires, actions.wall() + terms_.recovery_window), false,
        actions);
}

void Socket::restored(Actions& actions) {
  if (!all_named()) {
    fail_restore("unknown_offset", actions);
    return;
  }
  const auto done = std::move(restoring_);
  std::string().swap(terms_.token);
  for (const auto& text : done->missed) actions.send_text(text);
  send_connect(actions);
  for (const auto& text : done->after) actions.send_text(text);
  const bool flows = std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const Subscription& one) {
    return one.extra != nullptr && one.extra->catch_up != nullptr;
  });
  if (flows) tell_offsets(actions);  // of all channels: those that answered last are not in the first pages' offsets
  changed_ = true;
  keep(actions.wall() + kKeptWhileLive, actions);
  keep_later(last_heard_);
  context_.recovered.add();
  want_room(actions);  // more of what was missed may follow
}

void Socket::fail_restore(std::string_view why, Actions& actions) {
  if (restoring_->failed) return;
  restoring_->failed = true;
  context_.not_recovered(app_->id, why);
  actions.close(kNotRecovered, "the session cannot be taken up again", Errc::reconnect);
}

}  // namespace parley::net::socketio

// Catching up with what was missed: a page, and the next one when the socket has taken it. One page of a connection is
// on its way at a time, however many of its channels catch up: the one that waited longest is next.

#include "net/session/channel_session.h"

#include <algorithm>
#include <utility>

namespace parley::net {

namespace {

// A page is as large as the client takes in about a second, so that who reads slowly holds little.
constexpr std::size_t kFirstWindow = 32'768;
constexpr std::size_t kWindowMin = 16'384;
constexpr milliseconds kQuick{500};
constexpr milliseconds kSlow{2'000};
constexpr seconds kPageTime{60};  // who has not taken a page by then does not read
constexpr seconds kAskAgain{1};   // after a page that could not be read
// Of a connection that resumes on many channels at once: so many bring a page with their answer.
constexpr std::size_t kPagesAtOnce = 8;

}  // namespace

bool already_sent(Position position, Position last) {
  return position.exists() && position.epoch == last.epoch && position.offset <= last.offset;
}

ChannelSession::Flow& ChannelSession::flow() {
  if (flow_ == nullptr) flow_ = std::make_unique<Flow>();
  return *flow_;
}

void ChannelSession::size_first_page(ResumeFrom& resume) const {
  if (!resume.since && resume.client_id.empty() && resume.rewind == 0) return;
  const auto others = std::count_if(subscriptions_.begin(), subscriptions_.end(), [](const Subscription& one) {
    return !one.active || (one.extra != nullptr && one.extra->catch_up != nullptr);
  });
  // Of a session that is taken up all first pages are held until the client is told so.
  const auto& limits = settings_->limits;
  const bool alone = others <= 1;  // it is itself among them, unless it was subscribed before
  const auto bytes = std::min({alone ? kFirstWindow : kWindowMin, limits.catch_up_page_bytes_max,
                               limits.catch_up_buffer_bytes_max / (alone ? 4 : 2 * kPagesAtOnce)});
  resume.page_bytes = std::max<std::size_t>(bytes, 1);
  resume.no_page = others > static_cast<std::ptrdiff_t>(kPagesAtOnce);
}

void ChannelSession::start_catch_up(Subscription& subscription, Subscribed& what, MonoTime now, Actions& actions) {
  auto& catch_up = subscription.need_extra().catch_up;
  catch_up = std::make_unique<CatchUp>();
  catch_up->last = {what.position.epoch, {}};
  if (what.from.epoch == what.position.epoch) catch_up->last = what.from;
  catch_up->newest = what.position;
  catch_up->after_gap = what.resume == ResumeOutcome::gap;
  catch_up->cached = std::move(what.cached);
  catch_up->window = std::min(kFirstWindow, settings_->limits.catch_up_page_bytes_max);
  catch_up->page_at = now;
  catch_up->asked = true;  // the first page comes by itself
  actions.listen(what.channel, ListenMode::through);
}

// It was live, and something was told that the hub did not hear of: a change of leader, a link that was down.
void ChannelSession::on_behind(const Behind& what, MonoTime now, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr || !subscription->active) return;
  auto& catch_up = subscription->need_extra().catch_up;
  if (catch_up != nullptr) return;  // it comes with a page
  catch_up = std::make_unique<CatchUp>();
  catch_up->last = what.newest;
  catch_up->newest = what.newest;
  catch_up->window = std::min(kFirstWindow, settings_->limits.catch_up_page_bytes_max);
  catch_up->page_at = now;
  catch_up->flows = true;
  actions.listen(what.channel, ListenMode::through);
  want_room(actions);
}

void ChannelSession::on_missed(const Missed& what, std::uint64_t number, MonoTime now, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr || subscription->id != what.subscription || subscription->extra == nullptr) return;
  auto* catch_up = subscription->extra->catch_up.get();
  if (catch_up == nullptr || catch_up->number != number) return;  // the former leader's: the next one is asked

  catch_up->asked = false;
  catch_up->page_at = now;
  if (what.error && !what.last) {
    catch_up->flows = true;
    catch_up->ask_at = now + kAskAgain;
    flow().due = std::min(flow().due, catch_up->ask_at);
    return;
  }
  catch_up->held = what.held;
  if (!what.last) flow().due = std::min(flow().due, now + kPageTime);
  say_missed(*subscription, what, actions);
  if (what.last) return finish_catch_up(*subscription, now, actions);
  catch_up->flows = true;
  on_page(*subscription, now, actions);
  want_room(actions);
}

void ChannelSession::say_missed(Subscription& subscription, const Missed& what, Actions& actions) {
  auto& catch_up = *subscription.extra->catch_up;
  if (catch_up.cached != nullptr && (!what.publications.empty() || what.last)) {
    const auto cached = std::exchange(catch_up.cached, nullptr);
    // The missed ones are contiguous: from the first on they hold the cached event too.
    const bool follows = !what.publications.empty() &&
                         what.publications.front()->position.epoch == cached->position.epoch &&
                         what.publications.front()->position.offset <= cached->position.offset;
    if (!follows) say_publication(subscription, *cached, actions);
  }
  if (what.gap_before.value > 0) {
    const Position before{what.reached.epoch, Offset{what.gap_before.value - 1}};
    if (!already_sent(before, catch_up.last)) {
      say_gap(subscription.channel, before.epoch, catch_up.last.offset, what.gap_before, actions);
      catch_up.last = before;
    }
  }
  for (const auto& publication : what.publications) {
    const auto position = publication->position;
    if (already_sent(position, catch_up.last)) continue;
    catch_up.last = position;
    // What this connection published itself while it caught up was not for it, live or not. In another life of the
    // channel it is told afresh: the acknowledgements that it has are of positions in the old one.
    const bool own = publication->except.exists() && publication->except == socket_ &&
                     position.epoch == catch_up.newest.epoch && position.offset > catch_up.newest.offset;
    if (publication->deleted || own || already_sent(position, catch_up.has)) continue;
    if (has_sent(subscription, *publication)) continue;
    say_publication(subscription, *publication, actions);
  }
  if (what.error) {
    const auto reached = what.reached.exists() ? what.reached : catch_up.newest;
    say_gap(subscription.channel, reached.epoch, catch_up.last.offset, Offset{reached.offset.value + 1}, actions);
  }
  if (what.reached.exists() && !already_sent(what.reached, catch_up.last)) catch_up.last = what.reached;
}

void ChannelSession::finish_catch_up(Subscription& subscription, MonoTime now, Actions& actions) {
  const auto& catch_up = *subscription.extra->catch_up;
  // The channel may have begun another life meanwhile: then only the pages say where it is.
  const bool further = catch_up.last.epoch != catch_up.newest.epoch || already_sent(catch_up.newest, catch_up.last);
  const auto last = further ? catch_up.last : catch_up.newest;
  subscription.extra->catch_up.reset();
  // Whatever the hub hands over next was told after the last page: nothing is between the two.
  if (!start_tracking(subscription, last, now, actions)) actions.listen(key(subscription.channel), ListenMode::direct);
  want_room(actions);
}

// ---- the next page ----

void ChannelSession::want_room(Actions& actions) {
  if (closing_ || holds_back() || (flow_ != nullptr && flow_->room_asked)) return;
  const bool any = std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const Subscription& one) {
    return one.extra != nullptr && one.extra->catch_up != nullptr && one.extra->catch_up->flows;
  });
  if (!any) return;
  flow().room_asked = true;
  actions.ask_room();
}

void ChannelSession::on_room(MonoTime now, Actions& actions) {
  flow().room_asked = false;
  if (closing_ || holds_back()) return;
  Subscription* next = nullptr;
  bool asked = false;  // one page at a time
  for (auto& one : subscriptions_) {
    auto* catch_up = one.extra == nullptr ? nullptr : one.extra->catch_up.get();
    if (catch_up == nullptr || !catch_up->flows) continue;
    if (catch_up->held != nullptr) {
      catch_up->held.reset();  // the node's bound is for what waits: of this page nothing does
      const auto took = now - catch_up->page_at;
      if (took > kSlow) catch_up->window = std::max(catch_up->window / 2, kWindowMin);
      if (took < kQuick) catch_up->window *= 2;
      catch_up->window = std::min(catch_up->window, settings_->limits.catch_up_page_bytes_max);
      last_heard_ = std::max(last_heard_, now);  // its socket takes what it is sent
    }
    asked = asked || catch_up->asked;
    if (catch_up->asked || catch_up->ask_at > now) continue;
    if (next == nullptr || catch_up->page_at < next->extra->catch_up->page_at) next = &one;
  }
  if (asked) return;
  if (next == nullptr) return;
  auto& catch_up = *next->extra->catch_up;
  catch_up.asked = true;
  actions.request({.from = ReplyTo{{}, catch_up.number},
                   .what = MoreMissed{key(next->channel), next->id, catch_up.last, catch_up.window}});
}

bool ChannelSession::meet_catch_ups(MonoTime now, Actions& actions) {
  auto& due = flow().due;
  due = kNever;
  ask_due(now, actions);
  bool ask = false;
  for (const auto& one : subscriptions_) {
    const auto* catch_up = one.extra == nullptr ? nullptr : one.extra->catch_up.get();
    if (catch_up == nullptr || !catch_up->flows || catch_up->asked) continue;
    if (catch_up->held != nullptr && now >= catch_up->page_at + kPageTime) {
      context_.metrics.slow_consumers.add();
      end_with(make_error(Errc::slow_consumer, "nothing of what was missed was taken for a minute"), actions);
      return false;
    }
    if (catch_up->held != nullptr) due = std::min(due, catch_up->page_at + kPageTime);
    if (catch_up->ask_at > now) {
      due = std::min(due, catch_up->ask_at);
    } else {
      ask = true;
    }
  }
  if (ask) want_room(actions);
  return true;
}

void ChannelSession::on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) {
  if (closing_) return;
  auto* subscription = find(event.channel.name());
  if (subscription == nullptr || !subscription->active) return;
  const auto* published = std::get_if<ChannelEvent::Published>(&event.what);
  const auto position = published == nullptr ? Position{} : published->publication->position;
  const auto* extra = subscription->extra.get();
  if (extra != nullptr && extra->catch_up != nullptr) {
    // It comes with a page, and so does what lies in a gap, if it is to be had at all.
    if (position.exists() || std::holds_alternative<ChannelEvent::Gap>(event.what)) return;
  }
  // Who is being taken up again has missed something by it.
  if (const auto* gap = std::get_if<ChannelEvent::Gap>(&event.what)) {
    return say_gap(subscription->channel, gap->epoch, gap->after, gap->before, actions);
  }
  say_frame(*subscription, frame, position, actions);
  if (position.exists()) note_sent(*subscription, position, now);
}

}  // namespace parley::net

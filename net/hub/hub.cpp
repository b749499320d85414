#include "net/hub/hub.h"

#include "core/check.h"
#include "core/command.h"
#include "net/hub/link.h"
#include "net/socket/websocket_frame.h"

#include <algorithm>
#include <ctime>
#include <type_traits>
#include <utility>

namespace parley::net {
Hub::Hub(HubWorld world)
    : world_(world),
      settings_(world.settings.current()),
      timers_(world.tick, world.clock.now()),
      scratch_(std::make_unique<char[]>(kScratchBytes)) {}

Hub::~Hub() { abort_all(); }

// ---- sessions and channels ----

bool Hub::add_session(Session& session, SocketId id) {
  if (!id.exists() || !sessions_.emplace(id, &session).second) return false;
  session.id_ = id;
  session.life_ = ++last_life_ == 0 ? ++last_life_ : last_life_;
  return true;
}

void Hub::remove_session(Session& session) {
  while (!session.listening_.empty()) drop(session, session.listening_.size() - 1);
  std::vector<Session::Listening>().swap(session.listening_);
  const auto found = sessions_.find(session.id_);
  if (found != sessions_.end() && found->second == &session) sessions_.erase(found);
}

void Hub::listen(Session& session, const ChannelKey& key, ListenMode mode) {
  const auto [found, fresh] = channels_.try_emplace(key);
  HubChannel& channel = found->second;
  if (fresh) channel.key = &found->first;
  for (const auto& listening : session.listening_) {
    if (listening.channel != &channel) continue;
    channel.subscribers[listening.index].mode = mode;
    return;
  }
  session.listening_.push_back({&channel, static_cast<std::uint32_t>(channel.subscribers.size())});
  channel.subscribers.push_back({&session, mode});
}

void Hub::unlisten(Session& session, const ChannelKey& key) {
  const auto found = channels_.find(key);
  if (found == channels_.end()) return;
  for (std::size_t place = 0; place < session.listening_.size(); ++place) {
    if (session.listening_[place].channel == &found->second) return drop(session, place);
  }
}

void Hub::drop(Session& session, std::size_t place) {
  const Session::Listening gone = session.listening_[place];
  session.listening_[place] = session.listening_.back();
  session.listening_.pop_back();
  HubChannel& channel = *gone.channel;
  if (channel.walking > 0) {
    // A fan-out stands in this list: indices must not move under it.
    channel.subscribers[gone.index].session = nullptr;
    channel.holes = true;
    return;
  }
  const std::size_t last = channel.subscribers.size() - 1;
  if (gone.index != last) {
    const Subscriber moved = channel.subscribers[last];
    channel.subscribers[gone.index] = moved;
    for (auto& listening : moved.session->listening_) {
      if (listening.channel == &channel) listening.index = gone.index;
    }
  }
  channel.subscribers.pop_back();
  erase_if_empty(channel);
}

void Hub::close_holes(HubChannel& channel) {
  channel.holes = false;
  std::uint32_t to = 0;
  for (std::uint32_t from = 0; from < channel.subscribers.size(); ++from) {
    const Subscriber subscriber = channel.subscribers[from];
    if (subscriber.session == nullptr) continue;
    if (to != from) {
      channel.subscribers[to] = subscriber;
      for (auto& listening : subscriber.session->listening_) {
        if (listening.channel == &channel) listening.index = to;
      }
    }
    ++to;
  }
  channel.subscribers.resize(to);
  erase_if_empty(channel);
}

void Hub::erase_if_empty(HubChannel& channel) {
  if (channel.subscribers.empty() && channel.walking == 0) channels_.erase(channels_.find(*channel.key));
}

// ---- requests and answers ----

namespace {

// Of what the leader of one shard answers, and can be asked again whether or not it was done.
std::optional<ChannelKey> place_of(const Request& request) {
  return std::visit(
      [](const auto& what) -> std::optional<ChannelKey> {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, GetChannel> || std::is_same_v<What, GetMembers> ||
                      std::is_same_v<What, GetHistory> || std::is_same_v<What, DeletePublication> ||
                      std::is_same_v<What, DeleteHistory>) {
          return what.channel;
        } else if constexpr (std::is_same_v<What, TerminateUser> || std::is_same_v<What, KickUser> ||
                             std::is_same_v<What, BanUser> || std::is_same_v<What, ForgetUser> ||
                             std::is_same_v<What, GetSessions>) {
          return user_place(what.user);
        } else {
          return std::nullopt;
        }
      },
      request.what);
}

}  // namespace

void Hub::ask(Request request, std::function<void(Reply&)> done) {
  const std::uint64_t ticket = ++last_ticket_;
  request.from = ReplyTo{address_, ticket};
  const MonoTime until = now() + world_.request_timeout;
  waiting_.emplace(ticket, Waiting{until, std::move(done), place_of(request)});
  waiting_order_.emplace_back(until, ticket);
  submit(std::move(request));
}

void Hub::handle(actors::HubMessage& message) {
  if (auto* event = std::get_if<ChannelEventPtr>(&message)) {
    fan_out(**event);
  } else if (const auto* led = std::get_if<LedAnew>(&message)) {
    announce(*led);
  } else {
    on_reply(std::get<Reply>(message));
  }
}

// The leader that was asked may not be able to answer any more.
void Hub::refuse_waiting(const LedAnew& led) {
  std::vector<std::pair<std::uint64_t, std::function<void(Reply&)>>> lost;
  for (auto& [ticket, waiting] : waiting_) {
    if (waiting.place && led.holds(*waiting.place)) lost.emplace_back(ticket, std::move(waiting.done));
  }
  for (const auto& [ticket, done] : lost) waiting_.erase(ticket);
  for (const auto& [ticket, done] : lost) {
    Reply reply{ReplyTo{address_, ticket}, Refused{make_error(Errc::not_leader)}};
    done(reply);
  }
}

void Hub::announce(const LedAnew& led) {
  refuse_waiting(led);
  unsettle(led);
  announcing_.begin(led);
  announce_later();
}

// With what else the turn has to say; the rest of it later, by and by.
void Hub::announce_later() {
  if (announcing_planned_ || !announcing_.pending()) return;
  announcing_planned_ = true;
  at_turn_end([this] { announce_some(); });
}

void Hub::announce_some() {
  const auto told = [this](const ChannelKey& channel) {
    const auto found = channels_.find(channel);
    return found == channels_.end() ? std::optional<Position>() : found->second.told;
  };
  announcing_.slice(sessions_, address_, told, requests_);
  announcing_planned_ = announcing_.pending();
  if (announcing_planned_) post_([this] { announce_some(); });
}

namespace {

// What a session asked that had the same id before. Notices are for whoever has it.
bool is_for_another(const Reply& reply, const Session& session) {
  if (reply.to.life == 0 || reply.to.life == session.life()) return false;
  return !std::holds_alternative<Kicked>(reply.what) && !std::holds_alternative<Terminated>(reply.what) &&
         !std::holds_alternative<WatchlistChanged>(reply.what);
}

}  // namespace

void Hub::on_reply(Reply& reply) {
  if (reply.to.session.exists()) {
    const auto found = sessions_.find(reply.to.session);
    if (found == sessions_.end() || is_for_another(reply, *found->second)) return;
    std::optional<std::pair<ChannelKey, Position>> told;
    RosterPtr roster;
    if (auto* subscribed = std::get_if<Subscribed>(&reply.what)) {
      if (subscribed->roster != nullptr) show_roster(*subscribed, reply.to.session);
      roster = subscribed->roster;
      told.emplace(subscribed->channel, subscribed->position);
    } else if (const auto* missed = std::get_if<Missed>(&reply.what); missed != nullptr && missed->last) {
      if (!missed->error) told.emplace(missed->channel, missed->reached);
    }
    // Its sender takes everything before it for sent.
    if (const auto* published = std::get_if<Published>(&reply.what))
      look_before(published->channel, published->position);
    found->second->on_reply(reply);
    if (roster != nullptr) keep_roster(told->first, std::move(roster));
    if (told) note_told(told->first, told->second, reply.to.session);
    return;
  }
  if (const auto* behind = std::get_if<Behind>(&reply.what)) return note_told(behind->channel, behind->newest, {});
  if (const auto* refused = std::get_if<AnnounceRefused>(&reply.what))
    return announcing_.again(refused->channel, now());
  if (const auto* truth = std::get_if<RosterIs>(&reply.what)) return settle(*truth);
  const auto found = waiting_.find(reply.to.ticket);
  if (found == waiting_.end()) return;
  const auto done = std::move(found->second.done);
  waiting_.erase(found);
  done(reply);
}

// An answer says how far the channel is: everything up to there was told, or never comes by itself. Who got the answer
// knows so; whoever else listens here may have missed something, and asks for it.
void Hub::note_told(const ChannelKey& key, Position position, SocketId by) {
  const auto found = channels_.find(key);
  if (found == channels_.end()) return;
  HubChannel& channel = found->second;
  if (!position.exists()) {
    const bool durable = settings_->rule_for(key.name()).durability != Durability::none;
    if (!channel.told && durable) channel.told.emplace();
    return;
  }
  if (channel.told && channel.comes(position) != Comes::again) {
    ++channel.walking;
    tell_behind(channel, position, by);
    --channel.walking;
  } else if (channel.told) {
    return;
  }
  channel.told = position;
  if (channel.walking == 0 && channel.holes) close_holes(channel);
}

void Hub::look_before(const ChannelKey& key, Position position) {
  const auto found = channels_.find(key);
  if (found == channels_.end() || !position.exists()) return;
  HubChannel& channel = found->second;
  if (channel.comes(position) != Comes::jumping) return;
  ++channel.walking;
  tell_behind(channel, position, {});
  --channel.walking;
  if (channel.walking == 0 && channel.holes) close_holes(channel);
}

// False: it was told before.
bool Hub::comes_in_order(HubChannel& channel, const ChannelEvent& event) {
  if (const auto* published = std::get_if<ChannelEvent::Published>(&event.what)) {
    const auto position = published->publication->position;
    if (!position.exists()) return true;
    const auto comes = channel.comes(position);
    if (comes == Comes::again) return false;
    if (comes == Comes::jumping) {
      tell_behind(channel, position, {});
      // Of another life it may be a late word of the leader before: the answers say which one counts.
      if (channel.told->exists() && channel.told->epoch != position.epoch) return true;
    }
    channel.told = position;
    return true;
  }
  if (const auto* gap = std::get_if<ChannelEvent::Gap>(&event.what); gap != nullptr && gap->before.value > 0) {
    const Position last{gap->epoch, Offset{gap->before.value - 1}};
    if (channel.told && channel.told->exists()) {
      if (channel.comes(last) == Comes::again) return false;
      if (channel.told->offset < gap->after) tell_behind(channel, last, {});
    }
    channel.told = last;
  }
  return true;
}

// From here on they get what is durable by pages, until these have reached what is told live.
void Hub::tell_behind(HubChannel& channel, Position newest, SocketId but_for) {
  const auto from = channel.told->exists() ? *channel.told : Position{newest.epoch, Offset{0}};
  const std::size_t count = channel.subscribers.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto* session = channel.subscribers[i].session;
    if (session == nullptr || session->id() == but_for) continue;
    Reply behind{ReplyTo{address_of(session->id()), 0, session->life()}, Behind{*channel.key, from}};
    session->on_reply(behind);
  }
}

void Hub::fan_out(const ChannelEvent& event) {
  const auto found = channels_.find(event.channel);
  if (found == channels_.end()) return;
  HubChannel& channel = found->second;
  const Session* except = nullptr;
  if (event.except.exists()) {
    const auto sender = sessions_.find(event.except);
    if (sender != sessions_.end()) except = sender->second;
  }
  std::array<Bytes, kWireCount> frames;
  std::uint64_t deliveries = 0;
  ++channel.walking;
  const bool comes = is_news(channel, event) && comes_in_order(channel, event);
  const std::size_t count = comes ? channel.subscribers.size() : 0;  // who comes meanwhile does not get this one
  for (std::size_t i = 0; i < count; ++i) {
    const Subscriber subscriber = channel.subscribers[i];
    if (subscriber.session == nullptr) continue;
    if (subscriber.session == except) {
      if (subscriber.mode == ListenMode::through) subscriber.session->on_skipped(event);
      continue;
    }
    const auto wire = static_cast<std::size_t>(subscriber.session->wire());
    Bytes& frame = frames[wire];
    if (!frame) {
      CHECK(world_.encoders[wire] != nullptr);
      frame = text_frame(world_.encoders[wire]->encode(event));
    }
    if (subscriber.mode == ListenMode::direct) {
      subscriber.session->deliver(frame);
    } else {
      subscriber.session->on_event(event, frame);
    }
    ++deliveries;
  }
  --channel.walking;
  if (channel.walking == 0 && channel.holes) close_holes(channel);
  if (deliveries == 0 || !std::holds_alternative<ChannelEvent::Published>(event.what)) return;
  world_.metrics.deliveries.add(static_cast<double>(deliveries));
  events_accepted_.push_back(event.accepted);
}

// ---- links ----

void Hub::add_link(std::shared_ptr<Link> link) {
  link->place_ = links_.size();
  links_.push_back(std::move(link));
}

void Hub::remove_link(Link& link) {
  if (link.place_ >= links_.size() || links_[link.place_].get() != &link) return;
  const std::size_t place = link.place_;
  retired_.push_back(std::move(links_[place]));
  if (place + 1 != links_.size()) {
    links_[place] = std::move(links_.back());
    links_[place]->place_ = place;
  }
  links_.pop_back();
}

void Hub::abort_all() {
  while (!links_.empty()) links_.back()->abort();
  while (!guests_.empty()) (*guests_.begin())->abort();
  end_turn();
}

// ---- the loop ----

void Hub::end_turn() {
  // Flushing may close connections, which make requests; a link that is touched again is written again.
  while (!dirty_.empty() || !overflowed_.empty() || !turn_end_.empty()) {
    for (auto& work : std::exchange(turn_end_, {})) work();
    for (std::size_t i = 0; i < overflowed_.size(); ++i) overflowed_[i]->on_overflow();
    overflowed_.clear();
    for (std::size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush();
    dirty_.clear();
  }
  if (!events_accepted_.empty()) {
    const MonoTime written = now();
    for (const MonoTime accepted : events_accepted_) {
      world_.metrics.publish_to_write_seconds.observe(std::chrono::duration<double>(written - accepted).count());
    }
    events_accepted_.clear();
  }
  if (!questions_.empty()) send_questions();
  if (!requests_.empty()) {
    world_.gateway.submit(std::move(requests_));
    requests_.clear();
  }
  for (auto& work : std::exchange(turn_over_, {})) work();
  retired_.clear();
}

void Hub::send_questions() {
  auto questions = std::exchange(questions_, {});
  std::stable_sort(questions.begin(), questions.end(),
                   [](const auto& a, const auto& b) { return a.socket < b.socket; });
  for (auto first = questions.begin(); first != questions.end();) {
    const auto socket = first->socket;
    const auto last = std::find_if(first, questions.end(), [&](const auto& one) { return one.socket != socket; });
    std::vector<AuthQuestion> of_one(std::make_move_iterator(first), std::make_move_iterator(last));
    first = last;
    const auto asker = sessions_.find(socket);
    if (asker == sessions_.end()) continue;  // gone in the same turn
    const ReplyTo to{address_of(socket), 0, asker->second->life()};
    if (world_.asker == nullptr) {
      for (auto& question : of_one) {
        Reply reply{to, ApplicationAnswer{.channel = question.channel, .error = make_error(Errc::auth_unavailable)}};
        on_reply(reply);
      }
      continue;
    }
    world_.asker->ask(world_.settings.current(), std::move(of_one),
                      [to, inbox = inbox_](std::vector<ApplicationAnswer> answers) {
                        const auto open = inbox.lock();
                        if (open == nullptr) return;
                        for (auto& answer : answers) open->push(Reply{to, std::move(answer)});
                      });
  }
}

void Hub::tick() {
  settings_ = world_.settings.current();
  const MonoTime at = now();
  timers_.advance(at);
  announcing_.tick(at);
  announce_later();
  time_out_requests(at);
  if (draining_) drain_step(at);
  publish_counts();
}

void Hub::time_out_requests(MonoTime at) {
  while (!waiting_order_.empty()) {
    const auto [until, ticket] = waiting_order_.front();
    const auto found = waiting_.find(ticket);
    if (found != waiting_.end()) {
      if (until > at) return;
      const auto done = std::move(found->second.done);
      waiting_.erase(found);
      Reply reply{ReplyTo{address_, ticket}, Refused{make_error(Errc::timeout)}};
      waiting_order_.pop_front();
      done(reply);
      continue;
    }
    waiting_order_.pop_front();
  }
}

void Hub::begin_drain(milliseconds duration, std::function<void()> empty) {
  draining_ = true;
  drain_start_ = now();
  drain_duration_ = duration;
  drain_done_ = std::move(empty);
  drained_ = 0;
  drain_list_.clear();
  drain_list_.reserve(links_.size());
  std::vector<std::shared_ptr<Link>> all = links_;
  for (const auto& link : all) {
    // What nobody waits for can go now; sessions go one after the other.
    if (link->drains_at_once()) {
      link->drain();
    } else {
      drain_list_.push_back(link);
    }
  }
  guests_to_drain_.assign(guests_.begin(), guests_.end());
  guests_drained_ = 0;
  drain_step(drain_start_);
}

void Hub::drain_guests(double part) {
  const auto due = static_cast<std::size_t>(static_cast<double>(guests_to_drain_.size()) * part);
  for (; guests_drained_ < std::min(due, guests_to_drain_.size()); ++guests_drained_) {
    Guest* guest = guests_to_drain_[guests_drained_];
    if (guests_.contains(guest)) guest->drain();  // else it has gone by itself
  }
}

void Hub::drain_step(MonoTime at) {
  std::size_t due = drain_list_.size();
  double part = 1;
  if (at < drain_start_ + drain_duration_) {
    part = std::chrono::duration<double>(at - drain_start_) / std::chrono::duration<double>(drain_duration_);
    due = static_cast<std::size_t>(static_cast<double>(drain_list_.size()) * part);
  }
  drain_guests(part);
  for (; drained_ < due; ++drained_) {
    if (const auto link = drain_list_[drained_].lock()) link->drain();
  }
  if (links_.empty() && drain_done_) std::exchange(drain_done_, nullptr)();
}

void Hub::publish_counts() {
  const HubCounts counts = std::exchange(counts_, HubCounts{});
  Metrics& metrics = world_.metrics;
  if (counts.frames_received > 0) metrics.frames_received.add(static_cast<double>(counts.frames_received));
  if (counts.bytes_received > 0) metrics.bytes_received.add(static_cast<double>(counts.bytes_received));
  if (counts.frames_sent > 0) metrics.frames_sent.add(static_cast<double>(counts.frames_sent));
  if (counts.bytes_sent > 0) metrics.bytes_sent.add(static_cast<double>(counts.bytes_sent));
  tell_queue_bytes();
}

void Hub::tell_queue_bytes() {
  const auto& queues = world_.metrics.write_queue_bytes;
  if (queue_bytes_ != queue_bytes_told_) {
    queues.add(static_cast<double>(queue_bytes_ - queue_bytes_told_));
    queue_bytes_told_ = queue_bytes_;
  }
  queues_are_full_ = queues.value() > static_cast<double>(kFullQueues * settings_->limits.write_queue_bytes_max);
}

Counter Hub::http_requests(std::string_view route, int status) {
  // Asking the registry takes a lock; a hub meets a few dozen pairs in its life.
  for (const RouteCounter& known : route_counters_) {
    if (known.status == status && known.route == route) return known.counter;
  }
  route_counters_.push_back({std::string(route), status, world_.metrics.http_requests(route, status)});
  return route_counters_.back().counter;
}

std::string_view Hub::http_date() {
  const std::int64_t second = world_.clock.wall().ms / 1000;
  if (second != http_date_second_) {
    http_date_second_ = second;
    const std::time_t time = second;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    http_date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return http_date_;
}

}  // namespace parley::net

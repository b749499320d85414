#pragma once
// One I/O thread's subscription table and the turn of its loop. Who listens here, in memory only.
//
// During a turn connections append to their outboxes and make requests; at its end every touched
// socket is written once and the requests go to the gateway together. An event is encoded once for
// each wire form that listens and the same frame goes to all. Everything runs on the I/O thread.

#include "actors/gateway.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "net/hub/announcing.h"
#include "net/hub/application_asker.h"
#include "net/hub/hub_channel.h"
#include "net/hub/session.h"
#include "net/hub/timer_wheel.h"
#include "net/protocol.h"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace parley::net {

class Link;

// Something that has no socket of its own all the time, and wants to be told when the node drains.
class Guest {
 public:
  virtual ~Guest() = default;
  virtual void drain() = 0;
  virtual void abort() = 0;  // the thread ends
};

struct HubWorld {
  const Clock& clock;
  Metrics& metrics;
  actors::Gateway& gateway;
  const SettingsSource& settings;
  std::array<const Encoder*, kWireCount> encoders;  // null: that wire form is not served
  milliseconds tick{250};
  milliseconds request_timeout{10'000};
  milliseconds closing_timeout{5'000};  // for the peer's part of a close
  ApplicationAsker* asker = nullptr;    // absent: nobody can be asked
};

// What connections count between two ticks; summed into the node's metrics then.
struct HubCounts {
  std::uint64_t frames_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t bytes_sent = 0;
};

class Hub {
 public:
  explicit Hub(HubWorld world);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Where answers and events for it come to; given by the gateway before the first turn.
  void set_address(const SessionAddress& address) { address_ = address; }
  [[nodiscard]] SessionAddress address_of(SocketId session) const { return {address_.hub, session, address_.node}; }
  [[nodiscard]] const HubWorld& world() const { return world_; }
  [[nodiscard]] MonoTime now() const { return world_.clock.now(); }
  [[nodiscard]] const SettingsPtr& settings() const { return settings_; }  // as of this tick
  TimerWheel& timers() { return timers_; }
  HubCounts& counts() { return counts_; }

  // ---- sessions and channels ----
  // False: the id is taken or none; the session is not reachable then.
  bool add_session(Session& session, SocketId id);
  void remove_session(Session& session);  // leaves all channels
  void listen(Session& session, const ChannelKey& channel, ListenMode mode);
  void unlisten(Session& session, const ChannelKey& channel);
  [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }
  [[nodiscard]] std::size_t channel_count() const { return channels_.size(); }

  // ---- requests ----
  void submit(Request request) { requests_.push_back(std::move(request)); }
  // Goes out at the end of the turn, with the client's other questions.
  void ask_application(AuthQuestion question) { questions_.push_back(std::move(question)); }
  // For HTTP: `done` gets the answer, or Refused{timeout}.
  void ask(Request request, std::function<void(Reply&)> done);

  // ---- from the inbox ----
  // Set once, before the first turn: where answers from other threads come in.
  void set_inbox(std::weak_ptr<actors::HubInbox> inbox) { inbox_ = std::move(inbox); }
  void handle(actors::HubMessage& message);

  // ---- links ----
  void add_link(std::shared_ptr<Link> link);
  void remove_link(Link& link);  // destroyed at the end of the turn
  void mark_dirty(Link& link) { dirty_.push_back(&link); }
  void mark_overflowed(Link& link) { overflowed_.push_back(&link); }
  void queue_grew(std::int64_t bytes) {
    queue_bytes_ += bytes;
    if (std::abs(queue_bytes_ - queue_bytes_told_) >= kQueueStep) tell_queue_bytes();
  }
  // What may wait for one socket: `write_queue_bytes_max`, and little while those of the whole node together hold as
  // much as 64 of them might.
  [[nodiscard]] std::size_t queue_bytes_max() const {
    const auto most = settings_->limits.write_queue_bytes_max;
    return queues_are_full_ ? std::min(most, kQueueWhenFull) : most;
  }
  [[nodiscard]] std::size_t link_count() const { return links_.size(); }
  // Where sockets are read into; what is in it is used before the next read.
  [[nodiscard]] std::span<char> scratch() { return {scratch_.get(), kScratchBytes}; }

  // ---- the loop ----
  // Thread-safe: runs on this hub's thread. Dropped when the thread has ended.
  void post(std::function<void()> work) { post_(std::move(work)); }
  void set_post(std::function<void(std::function<void()>)> post, boost::asio::io_context* context) {
    post_ = std::move(post);
    context_ = context;
  }
  [[nodiscard]] boost::asio::io_context& context() { return *context_; }
  // Runs before sockets are written at the end of this turn.
  void at_turn_end(std::function<void()> work) { turn_end_.push_back(std::move(work)); }
  // Runs when everything that this turn asked of the node has been handed to it.
  void after_turn(std::function<void()> work) { turn_over_.push_back(std::move(work)); }
  void add_guest(Guest& guest) { guests_.insert(&guest); }
  void remove_guest(Guest& guest) { guests_.erase(&guest); }
  void end_turn();
  void tick();
  // Tells all links to go, spread evenly over the duration; `empty` runs when the last one is gone.
  void begin_drain(milliseconds duration, std::function<void()> empty);
  [[nodiscard]] bool draining() const { return draining_; }
  void abort_all();

  Counter http_requests(std::string_view route, int status);
  std::string_view http_date();

 private:
  static constexpr std::size_t kScratchBytes = 64 * 1024;
  static constexpr std::int64_t kQueueStep = 1'048'576;
  static constexpr std::size_t kQueueWhenFull = 65'536;
  static constexpr std::size_t kFullQueues = 64;  // the node's bound, in queues that are full
  struct Waiting {
    MonoTime until;
    std::function<void(Reply&)> done;
    std::optional<ChannelKey> place;  // whose leader answers; nothing: nobody's, or it is tried again elsewhere
  };

  void fan_out(const ChannelEvent& event);
  bool comes_in_order(HubChannel& channel, const ChannelEvent& event);
  void tell_behind(HubChannel& channel, Position newest, SocketId but_for);
  void note_told(const ChannelKey& key, Position position, SocketId by);
  void refuse_waiting(const LedAnew& led);
  void unsettle(const LedAnew& led);
  bool is_news(HubChannel& channel, const ChannelEvent& event) const;
  void show_roster(Subscribed& subscribed, SocketId by);
  void keep_roster(const ChannelKey& key, RosterPtr roster);
  void settle(const RosterIs& truth);
  void look_before(const ChannelKey& key, Position position);
  void announce(const LedAnew& led);
  void announce_later();
  void announce_some();
  void on_reply(Reply& reply);
  void drop(Session& session, std::size_t place);
  void close_holes(HubChannel& channel);
  void erase_if_empty(HubChannel& channel);
  void send_questions();
  void time_out_requests(MonoTime now);
  void drain_step(MonoTime now);
  void drain_guests(double part);
  void publish_counts();
  void tell_queue_bytes();

  HubWorld world_;
  SessionAddress address_;
  SettingsPtr settings_;
  TimerWheel timers_;

  std::unordered_map<SocketId, Session*> sessions_;
  std::uint32_t last_life_ = 0;
  std::unordered_map<ChannelKey, HubChannel> channels_;
  Announcing announcing_;
  bool announcing_planned_ = false;
  std::vector<Request> requests_;
  std::vector<AuthQuestion> questions_;
  std::weak_ptr<actors::HubInbox> inbox_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;
  std::deque<std::pair<MonoTime, std::uint64_t>> waiting_order_;  // all wait equally long
  std::uint64_t last_ticket_ = 0;

  std::vector<std::shared_ptr<Link>> links_;
  std::vector<std::shared_ptr<Link>> retired_;
  std::vector<Link*> dirty_;
  std::vector<Link*> overflowed_;
  std::unique_ptr<char[]> scratch_;

  std::function<void(std::function<void()>)> post_;
  boost::asio::io_context* context_ = nullptr;
  std::vector<std::function<void()>> turn_end_;
  std::vector<std::function<void()>> turn_over_;
  std::unordered_set<Guest*> guests_;
  std::vector<Guest*> guests_to_drain_;
  std::size_t guests_drained_ = 0;

  std::vector<MonoTime> events_accepted_;  // this turn's, for the latency histogram
  HubCounts counts_;
  std::int64_t queue_bytes_ = 0;
  std::int64_t queue_bytes_told_ = 0;
  bool queues_are_full_ = false;

  bool draining_ = false;
  MonoTime drain_start_;
  milliseconds drain_duration_{0};
  std::vector<std::weak_ptr<Link>> drain_list_;
  std::size_t drained_ = 0;
  std::function<void()> drain_done_;

  struct RouteCounter {
    std::string route;
    int status;
    Counter counter;
  };
  std::vector<RouteCounter> route_counters_;
  std::string http_date_;
  std::int64_t http_date_second_ = -1;
};

}  // namespace parley::net

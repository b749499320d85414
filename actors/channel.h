#pragma once
// The rules of one channel: who listens, who is a member, in which order publications go out, who
// gets what it missed. A plain value without CAF, clock or disk: requests, results and `now` go in,
// what follows goes out through ChannelPort, synchronously.
//
// Owned by one channel actor (channel_actor.cpp) or by the simulator. Not thread-safe.
//
// Order is decided here: an ephemeral publication goes out when it comes in; a durable one when the
// shard tells its effect. A subscriber that resumes is registered in the same step in which the last
// page of what it missed is sent, so nothing can fall between the two and nothing comes twice.

#include "actors/channel_notices.h"
#include "actors/channel_port.h"
#include "actors/roster.h"
#include "core/channel_name.h"
#include "core/command.h"
#include "core/metrics.h"
#include "core/request.h"
#include "core/settings.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

// Handles that channels share; fetched once.
struct ChannelMetrics {
  explicit ChannelMetrics(Metrics& metrics);
  Counter published[2][3];  // client_event, durability
  Gauge subscriptions, presence_members;
  Counter resumed_complete, resumed_gap, missed_publications, notices_dropped;
  Histogram publish_ack_seconds;
};

class Channel {
 public:
  Channel(ChannelKey key, SettingsPtr settings, const ChannelMetrics& metrics, ChannelPort& port);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // One Subscribe, Unsubscribe, Publish, Confirm, GetChannel, GetMembers, GetHistory, DeletePublication or
  // DeleteHistory of this channel. Waits inside until the channel is open.
  void handle(Request request, MonoTime now, WallTime wall);

  void opened(Result<DurableState> state, MonoTime now, WallTime wall);
  void applied(CommandToken token, const Effect& effect, MonoTime now);
  void refused(CommandToken token, const Error& error, MonoTime now);
  void history_read(std::uint64_t read, Result<HistoryPage> page, MonoTime now, WallTime wall);
  void cursor_read(std::uint64_t read, Result<std::optional<Offset>> offset, MonoTime now, WallTime wall);

  // Grace periods that ended, cursors to save, counts to tell.
  void tick(MonoTime now, WallTime wall);
  [[nodiscard]] std::optional<MonoTime> deadline() const;

  void configure(SettingsPtr settings);
  void attend();  // opens it, although nobody asked: its backend may be due the end of something
  [[nodiscard]] bool idle(WallTime wall) const;  // nothing would be lost by forgetting this object
  [[nodiscard]] ChannelInfo describe(WallTime wall) const;
  [[nodiscard]] const Roster& members() const { return *roster_.snapshot(); }
  [[nodiscard]] Position newest() const { return newest_; }

 private:
  struct Session {
    SubscriptionId subscription;
    HubId hub;
    std::string user_id;  // presence channels
  };
  struct Joining {  // a subscriber that waits for its history, or for its first position to be stored
    ReplyTo from;
    Subscribe subscribe;
    Position since;
    Offset asked;       // where the client said it is
    Offset gap_before;  // > 0: what the client missed starts with a gap that ends before this offset
    std::vector<PublicationPtr> missed;
    WallTime asked_at;
  };
  struct PendingPublish {
    ReplyTo from;
    std::uint64_t ack = 0;
    SocketId except;
    MonoTime accepted;
    bool wants_reply = false;
    bool wants_counts = false;
    bool client_event = false;  // else it becomes the cached event of a cache channel
  };
  struct PendingRemoval { ReplyTo from; };
  struct PendingVisit { std::uint64_t read = 0; };  // in joining_
  struct PendingRead { ReplyTo from; };
  using Pending = std::variant<PendingPublish, PendingRemoval, PendingVisit>;

  void dispatch(Request& request, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Subscribe& subscribe, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Unsubscribe& unsubscribe, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Publish& publish, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Confirm& confirm, MonoTime now, WallTime wall);

  void resume(Joining joining, MonoTime now, WallTime wall);
  void read_next_page(std::uint64_t read);
  void visit(Joining joining, WallTime wall);
  std::optional<Joining> take_joining(std::uint64_t read);  // nothing: it left meanwhile
  void join(Joining joining, ResumeOutcome outcome, MonoTime now, WallTime wall);
  void leave(SocketId session, LeaveReason reason, MonoTime now);
  void member_gone(const RosterBook::Gone& member);
  [[nodiscard]] Status may_join(const Subscribe& subscribe);
  void reopen();
  void notice_who_is_here(WallTime wall);
  void send_missed(const Joining& joining);
  void answer(CommandToken token, const Effect& effect, MonoTime now);
  void settle(CommandToken token, const Publication& publication);
  void find_untold(MonoTime now);
  void publish_durable(const ReplyTo& from, Publish& publish, WallTime wall);
  void fan_out(PublicationPtr publication, SocketId except, MonoTime accepted);
  void tell_all(ChannelEvent event);
  void count_changed(MonoTime now);
  void save_cursors(WallTime wall);
  void set_cursor(const std::string& client_id, Offset offset, MonoTime now);
  [[nodiscard]] PublicationPtr cached(WallTime wall) const;
  [[nodiscard]] bool durable() const { return rule_->durability != Durability::none; }
  [[nodiscard]] bool needs_state() const { return durable() || (notices_.wants_state() && !notices_.opened()); }

  ChannelKey key_;
  ChannelTraits traits_;  // views into key_
  SettingsPtr settings_;
  const ChannelRule* rule_ = nullptr;  // inside settings_
  const App* app_ = nullptr;           // inside settings_; absent after the app was removed
  const ChannelMetrics& metrics_;
  ChannelPort& port_;

  enum class Stage : std::uint8_t { opening, open } stage_ = Stage::opening;
  std::deque<Request> waiting_;  // until open; bounded by the mailbox bound of the actor
  bool attended_ = false;        // must open, although nobody may ask
  std::optional<MonoTime> reopen_at_;  // it could not

  std::unordered_map<SocketId, Session> sessions_;
  std::vector<std::pair<HubId, std::uint64_t>> listeners_;  // hubs with at least one session here
  RosterBook roster_;
  ChannelNotices notices_;

  Position newest_;
  PublicationPtr cached_;
  CommandToken next_token_ = 1;
  std::map<CommandToken, Pending> pending_;
  std::uint64_t next_read_ = 1;
  std::map<std::uint64_t, Joining> joining_;
  std::map<std::uint64_t, PendingRead> reads_;
  // Effects that wait because publications before them were never told to us: the disk failed, their
  // outcome was unknown, and after the recovery they turned out to be stored.
  std::deque<std::pair<CommandToken, Effect>> held_;
  std::uint64_t untold_read_ = 0;

  struct Cursor { Offset offset; bool forget = false; };
  using Cursors = std::unordered_map<std::string, Cursor>;
  [[nodiscard]] const Cursor* unsaved_cursor(const std::string& client_id) const;
  Cursors dirty_cursors_;
  Cursors saving_cursors_;  // proposed, not applied yet
  CommandToken saving_token_ = 0;
  std::optional<MonoTime> save_cursors_at_;
  std::optional<MonoTime> tell_count_at_;
  MonoTime count_told_{};
};

}  // namespace parley::actors

#pragma once
// The rules of one channel: who listens, who is a member, in which order publications go out, who
// gets what it missed. A plain value without CAF, clock or disk: requests, results and `now` go in,
// what follows goes out through ChannelPort, synchronously.
//
// Owned by one channel actor (channel_actor.cpp) or by the simulator. Not thread-safe. Three files: what comes and goes
// in channel.cpp, publishing.cpp, and what is before the first publication in early_visits.cpp.
//
// Order is decided here: an ephemeral publication goes out when it comes in; a durable one when the
// shard tells its effect. A subscriber that resumes joins with the first page of what it missed and asks for the others
// as its socket takes them (resumes.h). The last page goes out in the step in which it reaches the newest
// publication, and durable ones count as live for it from there on: nothing falls between, and nothing comes twice.

#include "actors/channel/cursors.h"
#include "actors/channel/metrics.h"
#include "actors/channel/notices.h"
#include "actors/channel/port.h"
#include "actors/channel/resumes.h"
#include "actors/channel/subscribers.h"
#include "actors/channel/untold.h"
#include "core/channel_name.h"
#include "core/command.h"
#include "core/request.h"
#include "core/settings.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

class Channel {
 public:
  Channel(ChannelKey key, SettingsPtr settings, const ChannelMetrics& metrics, ChannelPort& port);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // One Subscribe, Unsubscribe, MoreMissed, Publish, Confirm, GetChannel, GetMembers, GetHistory, DeletePublication,
  // DeleteHistory or Announce of this channel. Waits inside until the channel is open.
  void handle(Request request, MonoTime now, WallTime wall);

  void opened(Result<DurableState> state, MonoTime now, WallTime wall);
  void applied(CommandToken token, const Effect& effect, MonoTime now);
  void refused(CommandToken token, const Error& error, MonoTime now);
  void reserved(std::uint64_t read, std::shared_ptr<const void> held, MonoTime now, WallTime wall);
  void history_read(std::uint64_t read, Result<HistoryPage> page, MonoTime now, WallTime wall);
  void cursor_read(std::uint64_t read, Result<CursorFound> offset, MonoTime now, WallTime wall);

  // Grace periods that ended, cursors to save, counts to tell.
  void tick(MonoTime now, WallTime wall);
  [[nodiscard]] std::optional<MonoTime> deadline() const;

  void configure(SettingsPtr settings);
  // Its shard is led elsewhere: whoever waits for an answer is told so, and this object ends.
  void depose(const Error& why, MonoTime now, WallTime wall);
  // Another node's process cannot be reached any more, or has ended: whoever was here through it lost the connection,
  // but for those who were taken up elsewhere by now.
  void node_gone(const NodeAddress& node, MonoTime now);
  void attend();  // opens it, although nobody asked: its backend may be due the end of something
  [[nodiscard]] bool idle(WallTime wall) const;  // nothing would be lost by forgetting this object
  [[nodiscard]] ChannelInfo describe(WallTime wall) const;
  [[nodiscard]] const Roster& members() const { return *subscribers_.roster().snapshot(); }
  [[nodiscard]] Position newest() const { return newest_; }

 private:
  static constexpr milliseconds kAskAgainAfter{1'000};  // when the state, or the log, could not be read

  struct PendingPublish {
    ReplyTo from;
    std::uint64_t ack = 0;
    SocketId except;
    MonoTime accepted;
    bool wants_reply = false;
    bool wants_counts = false;
    bool client_event = false;  // else it becomes the cached event of a cache channel
  };
  struct PendingRemoval {
    ReplyTo from;
  };
  struct PendingRead {
    ReplyTo from;
  };
  using Pending = std::variant<PendingPublish, PendingRemoval>;

  void dispatch(Request& request, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Subscribe& subscribe, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Unsubscribe& unsubscribe, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Publish& publish, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Confirm& confirm, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, Announce& announce, MonoTime now, WallTime wall);
  void tell_roster() const;
  void compare(const SessionAddress& hub, const Position& told);
  void count_client(SocketId session, const std::string& client_id);

  [[nodiscard]] ChannelResumes::Now at(MonoTime now, WallTime wall) const;
  void join_all(ChannelResumes::Ready ready, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, MoreMissed& more, MonoTime now, WallTime wall);
  void join(Joining joining, MonoTime now, WallTime wall);
  void member_gone(const RosterBook::Gone& member);
  [[nodiscard]] Status may_join(const Subscribe& subscribe);
  void reopen();
  void ask_state();
  void take_early(MonoTime now);
  void begin_anew(Position from, MonoTime now);
  [[nodiscard]] bool of_another_life(const Publication& publication) const;
  void notice_who_is_here(WallTime wall);
  void answer(CommandToken token, const Effect& effect, MonoTime now);
  void settle(CommandToken token, const Publication& publication);
  void visit_early(Joining joining, MonoTime now, WallTime wall);
  [[nodiscard]] bool store_early_visits(WallTime wall);  // false: there are none
  void early_visits_stored(MonoTime now);
  void early_visits_refused(CommandToken token, const Error& error, MonoTime now);
  void hold(Request request, WallTime wall);
  void keep_early_visits(MonoTime now);
  void publish_durable(const ReplyTo& from, Publish& publish, WallTime wall);
  void fan_out(PublicationPtr publication, SocketId except, MonoTime accepted);
  void count_changed(MonoTime now);
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
  std::deque<Request> waiting_;        // until open; bounded by the mailbox bound of the actor
  bool attended_ = false;              // must open, although nobody may ask
  std::optional<MonoTime> reopen_at_;  // it could not
  std::uint32_t opens_ = 0;            // asked and not answered
  // Told while it opens: the state on its way may have them or not. Bounded by what a shard may have pending.
  std::deque<std::pair<CommandToken, Effect>> early_;

  std::map<SessionAddress, Position> told_there_;  // by hubs, announced when it could not open

  ChannelSubscribers subscribers_;
  ChannelCursors cursors_;
  CursorBounds cursor_bounds_;
  // Visits of before the first publication that are in the log, or on their way: clients, and whose they are. Until
  // that publication is told.
  struct EarlyVisits {
    std::unordered_map<std::string, Origin> clients;
    WallTime time;
  };
  std::map<CommandToken, EarlyVisits> early_visits_;
  std::optional<CommandToken> early_save_;  // on its way
  // Changes that wait for it. Bounded by what a shard may have pending.
  std::deque<std::pair<Request, WallTime>> held_;
  bool in_doubt_ = false;                  // a first publication was refused, and may be in the log
  std::optional<MonoTime> ask_log_at_;     // whether it is
  std::optional<CommandToken> log_asked_;  // on its way
  WallTime early_unsure_until_;            // until then there may have been others, whom nobody knows any more
  CommandToken next_token_ = 1;
  std::uint64_t next_read_ = 1;
  ChannelUntold untold_;
  ChannelResumes resumes_;
  ChannelNotices notices_;

  Position newest_;
  PublicationPtr cached_;
  std::map<CommandToken, Pending> pending_;
  std::map<std::uint64_t, PendingRead> reads_;

  std::optional<MonoTime> tell_roster_at_;  // hubs have announced who is here: until then the others have time to
  std::optional<MonoTime> tell_count_at_;
  MonoTime count_told_{};
};

}  // namespace parley::actors

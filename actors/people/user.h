#pragma once
// The rules of one user: over all sessions, online, away or offline; last seen; which domains; what the
// user may not do; what the backend is told. A plain value without CAF, clock or disk.
//
// A session counts on for its grace period after it ended (a ghost), so that a reload or a blip changes
// nothing; a new session takes the oldest ghost's place. What is decided is stored first
// (SaveUser, with the notices of the change in the same command) and told when the disk has it: nobody
// hears of a change that a crash could undo. The same holds for a process that ended without telling:
// who was not offline then is a ghost of the next process.
//
// Owned by one user actor, on the node that leads the shard of `user.{id}`. Not thread-safe.

#include "core/command.h"
#include "core/metrics.h"
#include "core/request.h"
#include "core/settings.h"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace parley::actors {

// What a user may do to the world.
class UserPort {
 public:
  virtual ~UserPort() = default;
  virtual void reply(Reply reply) = 0;
  virtual void publish(Publish publish) = 0;  // no answer
  virtual void propose(Command command, CommandToken token) = 0;
  virtual void open() = 0;                           // reads the record; opened() follows
  virtual void block(const UserBlocks& blocks) = 0;  // for the checks at the edge, at once
  virtual std::string notice_id() = 0;               // new and unique
};

struct UserMetrics {
  explicit UserMetrics(Metrics& metrics);
  Gauge online, away;
  Counter changes, sessions_refused;
};

class User {
 public:
  User(UserKey key, SettingsPtr settings, const UserMetrics& metrics, UserPort& port);
  ~User();
  User(const User&) = delete;
  User& operator=(const User&) = delete;

  // One SignIn, SignOut, JoinedAs, LeftAs, SetActivity, TerminateUser, KickUser, BanUser, ForgetUser or
  // GetSessions or AnnounceUser of this user. Waits inside until the record is there.
  void handle(Request request, MonoTime now, WallTime wall);
  // `alive`: the process before this one was surely running then.
  void opened(Result<UserAbout> about, WallTime alive, MonoTime now, WallTime wall);
  void applied(CommandToken token, MonoTime now, WallTime wall);
  void refused(CommandToken token, const Error& error, MonoTime now, WallTime wall);
  void tick(MonoTime now, WallTime wall);
  [[nodiscard]] std::optional<MonoTime> deadline() const;
  void configure(SettingsPtr settings);
  // Another node's process cannot be reached any more, or has ended: its sessions lost the connection.
  void node_gone(const NodeAddress& node, MonoTime now, WallTime wall);
  void attend();                    // opens it, although nobody asked
  void depose(const Error& why);    // its shard is led elsewhere: whoever waits is told so, and this object ends
  [[nodiscard]] bool idle() const;  // nothing would be lost by forgetting this object

  [[nodiscard]] const UserRecord& record() const { return record_; }  // as decided; may not be stored yet
  [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }

 private:
  struct Session {
    ReplyTo to;
    bool signed_in = false;
    Via via = Via::presence;
    UserStatus activity = UserStatus::online;
    std::vector<std::string> channels;  // presence channels joined as this user
    ConnectionAbout about;
    SocketId told;  // as which connection the backend knows it; none: it is not told
  };
  struct Ghost {
    MonoTime until;
    UserStatus activity;
    SocketId told;
  };
  struct Answer {  // waits for the disk
    ReplyTo to;
    Done done;
  };

  void dispatch(Request& request, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, SignIn& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, SignOut& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, JoinedAs& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, AnnounceUser& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, LeftAs& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, SetActivity& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, TerminateUser& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, KickUser& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, BanUser& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, ForgetUser& what, MonoTime now, WallTime wall);
  void on(const ReplyTo& from, GetSessions& what, MonoTime now, WallTime wall);

  Session* find(SocketId socket);
  Session* find(const ReplyTo& from);  // as its hub says: one that was taken up elsewhere is there
  Session* arrive(const ReplyTo& from, const ConnectionAbout& about, WallTime wall);  // null: refused
  void take_place(Session& session, WallTime wall);
  void depart(std::vector<Session>::iterator place, MonoTime until, WallTime seen);
  std::size_t end_sessions(const Error& error, WallTime wall);
  void name_domains(const std::optional<std::vector<std::string>>& claimed);
  void add_domain(std::string domain);
  void learn_about(const std::string& user_info, IdForm id_form);
  [[nodiscard]] milliseconds hold_after(LeaveReason reason) const;
  void forget_old_blocks(WallTime wall);
  void forget_connection(SocketId told);
  [[nodiscard]] UserStatus wanted() const;
  void settle(MonoTime now, WallTime wall);  // after each step: decides the status, saves what changed
  void save(MonoTime now, WallTime wall);
  [[nodiscard]] std::vector<Notice> notices_of_change(WallTime wall);
  void propose_members(WallTime wall);
  void tell_status(const UserRecord& before, const UserRecord& now);
  void count(UserStatus status, double by) const;
  [[nodiscard]] bool wants_connections() const;

  UserKey key_;
  SettingsPtr settings_;
  const App* app_ = nullptr;  // inside settings_; absent after the app was removed
  const UserMetrics& metrics_;
  UserPort& port_;

  enum class Stage : std::uint8_t { closed, opening, open } stage_ = Stage::closed;
  std::deque<Request> waiting_;  // until open; bounded by the mailbox bound of the actor

  std::vector<Session> sessions_;
  std::map<SocketId, SessionAddress> ended_;  // terminated; until their SignOut, what they say counts no more
  std::vector<Ghost> ghosts_;                 // in the order in which they began
  UserRecord record_;                         // as decided
  UserRecord saved_;                          // as stored
  bool known_ = false;                        // stored at all
  WallTime last_seen_;                        // of sessions that ended; goes into the record with `offline`

  CommandToken next_token_ = 1;
  struct Saving {
    CommandToken token = 0;
    Command command;  // proposed again as it is when the disk refused: same notices, same ids
    std::vector<Answer> answers;
    bool out = false;  // proposed, not answered
  };
  std::optional<Saving> saving_;
  std::vector<Answer> answers_;          // for the next save
  std::map<std::string, bool> members_;  // domains to add to or to take from, not stored yet
  std::map<CommandToken, std::pair<std::string, bool>> members_out_;
  std::optional<MonoTime> retry_at_;
};

}  // namespace parley::actors

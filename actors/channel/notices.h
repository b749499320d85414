#pragma once
// What the application's backend is told of one channel by its webhooks: occupied or vacated, members that
// came and went, client events, cache misses, counts. A plain value owned by its Channel, on its thread.
//
// Who is here is state: what the channel knows is compared with what the backend was told, and the
// difference is the next notice. So nobody is told of a reload, the same change is never told twice, and a
// failing disk only delays. That somebody went is held back for a while and cancelled together with its
// counterpart when the one comes back. What was told is stored in the same command as the notices
// (SaveNotices) and counts when it was applied; one command is on its way at a time, and a refused one goes
// again, as it was, before anything later. After a crash the stored state says who is still due a removal.
//
// A target that a reload brings hears of what changes from then on, not of who was told before.

#include "actors/channel/port.h"
#include "core/metrics.h"
#include "core/settings.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace parley::actors {

class ChannelNotices {
 public:
  // `key` and `port` outlive it.
  ChannelNotices(const ChannelKey& key, Counter dropped, ChannelPort& port);

  void configure(SettingsPtr settings);
  [[nodiscard]] bool wants(NoticeKind kind) const { return (wanted_ & mask_of(kind)) != 0; }
  // Some target wants to know who is here: the channel's state must be read before it serves.
  [[nodiscard]] bool wants_state() const { return watches_channel() || watches_members(); }

  // Who was told is now known; until then nothing is told. Those who are not back by `until` are gone.
  void opened(const std::vector<SaidId>& told, MonoTime until, WallTime wall);
  [[nodiscard]] bool opened() const { return opened_; }

  // Who is here now, also if that was known. No user: somebody listens to the channel.
  void came(const SaidId& user, WallTime wall);
  // Gone for the subscribers too; `left`: when the last session left.
  void gone(const std::string& user_id, MonoTime left);

  void client_event(const Publication& publication, SocketId sender);
  void cache_miss(WallTime wall);
  void counted(std::uint64_t subscriptions, WallTime wall);

  // What is to be proposed now, if anything; the token names it from then on.
  std::optional<Command> next(CommandToken token, MonoTime now, WallTime wall);
  bool applied(CommandToken token);  // false: not one of these
  bool refused(CommandToken token, MonoTime now);

  [[nodiscard]] std::optional<MonoTime> deadline() const;  // of next()
  [[nodiscard]] bool settled() const;                      // nothing on its way, waiting or held back

 private:
  struct Subject {                                                   // a member, or the channel
    bool told = false;                                               // as stored
    std::optional<bool> out;                                         // as the command says that is on its way
    bool present = false;                                            // as the backend should know it
    bool listed = false;                                             // in changed_
    std::optional<MonoTime> until;                                   // gone, but held until then
    WallTime since;                                                  // of `present`
    IdForm id_form = IdForm::text;                                   // as the one said it who came last
    [[nodiscard]] bool known() const { return out.value_or(told); }  // when the disk has what is on its way
  };
  struct Target {
    std::string name;
    NoticeMask kinds = 0;
  };
  struct Saving {
    CommandToken token = 0;
    Command command;
    bool out = false;  // proposed, not answered
  };

  [[nodiscard]] bool watches_channel() const;
  [[nodiscard]] bool watches_members() const;
  // A channel is occupied while somebody listens, and while a member is held who may be back.
  [[nodiscard]] bool occupied() const { return watches_channel() && (channel_.present || members_present_ > 0); }
  [[nodiscard]] bool to_do() const;
  Subject* find(const std::string& user_id);
  void set_present(const std::string& user_id, Subject& subject, bool present, WallTime wall);
  void list(const std::string& user_id, Subject& subject);
  void hold(const std::string& user_id, Subject& subject, MonoTime until);
  void release(const std::string& user_id, Subject& subject);
  void expire(MonoTime now, WallTime wall);
  void forget_if_settled(const std::string& user_id);
  void tell_state(SaveNotices& save, NoticeKind kind, const std::string& user_id, Subject& subject, WallTime wall);
  void gather(const Notice& notice);
  void take_gathered(std::vector<Notice>& into);
  Notice addressed(Notice notice, const Target& target);

  const ChannelKey& key_;
  WallTime missed_at_;  // of the newest cache_miss that was told
  Counter dropped_;
  ChannelPort& port_;
  SettingsPtr settings_;
  milliseconds hold_{0};
  std::vector<Target> targets_;  // that want something of this channel
  NoticeMask wanted_ = 0;        // by any of them

  bool opened_ = false;
  Subject channel_;
  std::unordered_map<std::string, Subject> members_;
  std::size_t members_present_ = 0;
  std::size_t members_known_ = 0;
  std::multimap<MonoTime, std::string> holds_;
  std::vector<std::string> changed_;  // members to compare, in order of their changes

  std::vector<Notice> gathered_;
  std::size_t gathered_bytes_ = 0;
  std::optional<Saving> saving_;
  MonoTime retry_at_{};
};

}  // namespace parley::actors

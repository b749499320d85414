#pragma once
// Subscribers of a durable channel that wait: for a page of what they missed, for the position that they confirmed, or,
// at a first visit, for the disk to have its position. A plain value owned by its Channel.
//
// A subscriber joins with its first page; each further one it asks for when its socket has taken the one before. Until
// the last page it is told nothing durable live: all of it stands in the log and comes with a page. The page that
// reaches the channel's newest publication is sent as the last one in the same step, so nothing can fall between it and
// the first live publication. While a subscriber's socket drains, nothing is held for it here.

#include "actors/channel/cursors.h"
#include "actors/channel/metrics.h"
#include "actors/channel/missed_pages.h"
#include "actors/channel/port.h"
#include "core/limits.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

struct Joining {
  ReplyTo from;
  Subscribe subscribe;
  bool joined = false;    // it is on the channel and wants the next page
  Position since;         // what it is sent comes after this
  Offset asked;           // where the client said it is
  Offset gap_before;      // > 0: what the client missed starts with a gap that ends before this offset
  std::size_t bytes = 0;  // of the page
  bool no_page = false;   // only whether there is a gap
  MissedPage page;
  bool last = true;  // the page reaches the newest
  std::shared_ptr<const void> held;
  WallTime asked_at;
  ResumeOutcome outcome = ResumeOutcome::none;  // when it is ready
};

class ChannelResumes {
 public:
  // What is given outlives it; commands and reads of one channel are numbered together.
  ChannelResumes(const ChannelKey& key, const ChannelMetrics& metrics, ChannelPort& port, ChannelCursors& cursors,
                 CommandToken& next_token, std::uint64_t& next_read, const CursorBounds& bounds)
      : key_(key),
        metrics_(metrics),
        port_(port),
        cursors_(cursors),
        next_token_(next_token),
        next_read_(next_read),
        bounds_(bounds) {}

  // The channel as it is: the newest publication that was told, and what is in force.
  struct Now {
    Position newest;
    const NodeLimits& limits;
    MonoTime time;
    WallTime wall;
  };
  using Ready = std::vector<Joining>;
  // Each gives back the subscribers that may join now. Others wait, or were refused, or left.
  Ready begin(Joining joining, const Now& now);
  Ready history_read(std::uint64_t read, Result<HistoryPage> page, const Now& now);
  Ready reserved(std::uint64_t read, std::shared_ptr<const void> held, const Now& now);  // its turn has come
  Ready cursor_read(std::uint64_t read, Result<CursorFound> found, const Now& now);
  void visit(Joining joining, const Now& now);                         // for the first time; stored() follows
  std::optional<Joining> stored(CommandToken token);                   // the position of a first visit
  bool refused(CommandToken token, const Error& error, MonoTime now);  // false: not one of these

  // A subscriber has room for the next page.
  void more(const ReplyTo& from, const MoreMissed& asked, const Now& now);
  // The first page, to a subscriber that was answered just now.
  void send_missed(Joining& joining) const;
  void told(const PublicationPtr& publication, const NodeLimits& limits);
  void deleted();  // something is: what is at hand may have it

  void depose(const Error& why, const Now& now);  // nobody waits any longer: all are refused

  // Those who wait for this read wait no longer: what they asked, to be asked again.
  std::vector<Request> give_back(std::uint64_t read);
  bool leave(const ReplyTo& from, SubscriptionId subscription);  // false: it does not wait
  void leave(const NodeAddress& node);                           // whoever waits through it
  [[nodiscard]] bool waits(const std::string& client_id) const;  // to join
  [[nodiscard]] bool empty() const { return joining_.empty() && visits_.empty(); }
  [[nodiscard]] std::optional<MonoTime> deadline() const { return pages_.deadline(); }
  void tick(MonoTime now) { pages_.tick(now); }

 private:
  struct Visit {
    std::uint64_t read = 0;  // in joining_
    std::string client_id;
    Position newest;
    bool gap = false;  // is announced with the answer
  };
  // One read of the store, for all who wait for the same page.
  struct Reading {
    Position since;
    std::size_t bytes = 0;
    std::vector<std::uint64_t> for_whom;  // in joining_
    bool stale = false;                   // something was deleted since it was asked for
  };
  Ready resume(Joining joining, const Now& now);
  Ready ask_page(Joining joining, const Now& now);
  void give(Joining joining, const HistoryPage& page, const Now& now, Ready& ready);
  void give(Joining joining, MissedPage page, const Now& now, Ready& ready);
  void fail(Joining joining, const Error& error, const Now& now);
  std::optional<Joining> take(std::uint64_t read);

  const ChannelKey& key_;
  const ChannelMetrics& metrics_;
  ChannelPort& port_;
  ChannelCursors& cursors_;
  CommandToken& next_token_;
  std::uint64_t& next_read_;
  const CursorBounds& bounds_;                // of the settings in force
  std::map<std::uint64_t, Joining> joining_;  // by read
  std::map<std::uint64_t, Reading> readings_;
  MissedPages pages_;
  std::map<std::uint64_t, std::string> cursor_reads_;  // whose position: also of who left meanwhile
  std::map<CommandToken, Visit> visits_;
  std::unordered_map<std::string, CommandToken> latest_visits_;  // of each client, until one is stored
};

}  // namespace parley::actors

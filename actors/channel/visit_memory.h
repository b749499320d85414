#pragma once
// Stock clients that were on channels on which nobody has published yet: they have missed nothing so far, and are due
// all that comes. Nothing of them is stored, since the channel may be a stranger's invention; the first publication of
// the channel takes them along. What is not remembered here, for want of room or since the process ended, is not
// forgotten in silence: the channel's visitors of before are unsure then, and who comes back is told of a gap.
//
// One for a node, bounded in bytes and for each origin. Thread-safe; its mutex is a leaf.

#include "core/clock.h"
#include "core/command.h"
#include "core/mutex.h"
#include "core/settings.h"

#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

class VisitMemory {
 public:
  struct Bounds {
    std::uint64_t bytes_max = 0;  // 0: no bound, here and below
    std::uint64_t origin_bytes_max = 0;
    seconds lifetime{0};
  };
  VisitMemory();

  // Whether the client was on the channel before; from now on it was.
  bool visit(const ChannelKey& channel, const std::string& client_id, Origin origin, const Bounds& bounds,
             WallTime now);
  [[nodiscard]] bool knows(const ChannelKey& channel, const std::string& client_id) const;
  void forget(const ChannelKey& channel, const std::string& client_id);

  struct Visits {
    std::vector<SaveCursors::Cursor> cursors;  // all before the first publication
    WallTime unsure_until;                     // 0: there were no others
  };
  // For the channel's first publication: they are stored with it.
  Visits take(const ChannelKey& channel, WallTime now);
  // Visitors of any channel may be unknown until then: those of the process before.
  void unsure_until(WallTime until);

  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Visit {
    ChannelKey channel;
    std::string client_id;
    Origin origin;
    WallTime time;
    std::uint64_t bytes = 0;
  };
  using Order = std::list<Visit>;
  using Clients = std::unordered_map<std::string, Order::iterator>;

  void drop_expired(seconds lifetime, WallTime now) PARLEY_REQUIRES(mutex_);
  void drop(Order::iterator visit) PARLEY_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Order order_ PARLEY_GUARDED_BY(mutex_);  // the oldest first
  std::unordered_map<ChannelKey, Clients> channels_ PARLEY_GUARDED_BY(mutex_);
  std::map<Origin, std::uint64_t> of_origin_ PARLEY_GUARDED_BY(mutex_);
  std::uint64_t bytes_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::vector<WallTime> unsure_
      PARLEY_GUARDED_BY(mutex_);  // by the channel's hash: others that share a place are told of a gap too
  WallTime all_unsure_until_ PARLEY_GUARDED_BY(mutex_);
};

VisitMemory::Bounds visit_bounds(const Settings& settings);

}  // namespace parley::actors

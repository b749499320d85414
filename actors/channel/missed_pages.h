#pragma once
// What a channel has at hand of its history for subscribers that catch up: the pages that were read last and what was
// told while somebody reads. Those who missed the same read it once. A plain value owned by its Channel.

#include "core/clock.h"
#include "core/publication.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace parley::actors {

// Publications in order, without holes but for those that a deletion left.
struct MissedPage {
  std::vector<PublicationPtr> publications;
  Position reached;  // everything up to here is in it, or lies before it
};

class MissedPages {
 public:
  // A page that was read: it follows `after` and goes up to `page.reached`.
  void keep(Position after, const MissedPage& page, MonoTime now);
  // What is told now. `bytes_max`: of these together; the oldest are dropped.
  void told(PublicationPtr publication, std::size_t bytes_max);
  void nobody_waits() { drop_tail(); }
  // Something was deleted, or the pages were not asked for for a while: nothing of it is shown any more.
  void forget();

  // The page that follows a position, if it is at hand: about so many bytes, at least one publication.
  [[nodiscard]] std::optional<MissedPage> after(Position since, std::size_t bytes, MonoTime now);
  // Adds to a page what is known to follow it.
  void extend(MissedPage& page) const;

  [[nodiscard]] std::optional<MonoTime> deadline() const { return forget_at_; }
  void tick(MonoTime now);

 private:
  struct Run {
    Position after;
    MissedPage page;
  };
  void drop_tail();

  std::vector<Run> runs_;  // the newest last
  std::vector<PublicationPtr> tail_;
  std::size_t tail_bytes_ = 0;
  std::optional<MonoTime> forget_at_;
};

}  // namespace parley::actors

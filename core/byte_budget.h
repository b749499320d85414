#pragma once
// A bound in bytes that many share: who wants some waits in line until they are free. What was granted is given back
// when its hold is let go of. Thread-safe.
//
// Each origin has a line of its own and at most a quarter of the bytes; the lines take turns. So whoever takes and does
// not give back keeps others waiting no longer than its share is worth.

#include "core/client_origin.h"
#include "core/metrics.h"
#include "core/mutex.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace parley {

class ByteBudget : public std::enable_shared_from_this<ByteBudget> {
 public:
  using Hold = std::shared_ptr<const void>;
  ByteBudget(Gauge used, Gauge waiting, std::size_t line_max = 65'536)
      : used_gauge_(used), waiting_gauge_(waiting), line_max_(line_max) {}

  // At once; or, when the others hold `bytes_max` together or those of this origin their share, `granted` gets it
  // later, on the thread that gave back. More than the bound is granted to one who is alone. Nobody's origin has no
  // share.
  struct Taken {
    Hold hold;             // null: later
    bool refused = false;  // the line is full, or closed
  };
  Taken take(Origin origin, std::size_t bytes, std::size_t bytes_max, std::function<void(Hold)> granted);
  // Nobody waits any more, and nobody is granted anything from now on.
  void close();

 private:
  class Share;
  struct Waiting {
    std::size_t bytes;
    std::function<void(Hold)> granted;
  };
  struct Line {
    std::size_t used = 0;
    std::deque<Waiting> waiting;
  };
  void give_back(Origin origin, std::size_t bytes);
  [[nodiscard]] bool fits(std::size_t bytes) const PARLEY_REQUIRES(mutex_) {
    return used_ == 0 || used_ + bytes <= bytes_max_;
  }
  [[nodiscard]] bool in_share(Origin origin, const Line& line, std::size_t bytes) const PARLEY_REQUIRES(mutex_);
  std::optional<std::pair<Origin, Waiting>> next() PARLEY_REQUIRES(mutex_);
  Hold use(Origin origin, std::size_t bytes) PARLEY_REQUIRES(mutex_);

  const Gauge used_gauge_;
  const Gauge waiting_gauge_;
  const std::size_t line_max_;
  Mutex mutex_;  // a leaf: `granted` runs and is destroyed without it
  std::size_t bytes_max_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::size_t used_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::map<Origin, Line> lines_ PARLEY_GUARDED_BY(mutex_);  // of those who hold some or wait
  std::deque<Origin> turns_ PARLEY_GUARDED_BY(mutex_);      // each that waits, once
  std::size_t waiting_ PARLEY_GUARDED_BY(mutex_) = 0;
  bool room_wanted_ PARLEY_GUARDED_BY(mutex_) = false;  // whose turn it is waits for room: nobody overtakes
  bool granting_ PARLEY_GUARDED_BY(mutex_) = false;  // some thread does: it goes on for those who give back meanwhile
  bool closed_ PARLEY_GUARDED_BY(mutex_) = false;
};

}  // namespace parley

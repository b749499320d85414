#pragma once
// What waits to be sent to one peer, in both lanes, and how much of it may be on its way: work as much as the peer's
// window allows, what goes ahead without one. Any thread pushes; all else belongs to the link's thread.

#include "cluster/transport.h"
#include "core/limits.h"
#include "core/mutex.h"
#include "core/result.h"

#include <array>
#include <cstdint>
#include <deque>
#include <string>

namespace parley::cluster {

class Outbox {
 public:
  Outbox(const LinkLimits& links, const PeerLimits& peers) : links_(links), peers_(peers) {}

  struct Pushed {
    Sent sent;
    bool wake = false;  // the link's thread does not know yet that something waits
  };
  Pushed push(std::string bytes, Lane lane);
  [[nodiscard]] std::size_t waiting_bytes() const;  // in both lanes
  bool close();                                     // from now on nobody is there. False: it was closed before

  // ---- the link's thread ----
  // Appends frames to `wire` until it has so many bytes, or nothing more may go now. True: there is more for which
  // `wire` had no room.
  bool fill(std::string& wire, std::size_t until);
  // The peer has taken so many bytes of work frames. An Error: it never got as many.
  Status confirm(std::uint64_t bytes);

 private:
  struct Line {
    std::deque<std::string> messages;
    std::size_t cut = 0;  // bytes of the first that are on their way
  };
  // A message's place in a queue is memory too: else a peer's share in empty messages were without bound.
  static std::size_t cost(const std::string& bytes) { return bytes.size() + kPlaceBytes; }
  static constexpr std::size_t kPlaceBytes = 64;
  void take();
  [[nodiscard]] std::size_t next_frame_bytes(const Line& line) const;
  std::size_t cut_frame(Line& line, Lane lane, std::string& wire);  // how much less waits now

  const LinkLimits links_;
  const PeerLimits peers_;
  std::array<Line, 2> lines_;      // by lane: what was taken from `pushed_`
  std::uint64_t unconfirmed_ = 0;  // bytes of work frames
  mutable Mutex mutex_;
  std::array<std::deque<std::string>, 2> pushed_ PARLEY_GUARDED_BY(mutex_);
  std::array<std::size_t, 2> waiting_ PARLEY_GUARDED_BY(mutex_){};  // bytes, of both deques
  bool woken_ PARLEY_GUARDED_BY(mutex_) = false;
  bool closed_ PARLEY_GUARDED_BY(mutex_) = false;
};

}  // namespace parley::cluster

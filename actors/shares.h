#pragma once
// What clients of one address may make the node hold, as far as the router sees it: the channels that they brought up,
// and the bytes of kept sessions that they have written lately. Plain values; owned by the router.

#include "core/client_origin.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace parley::actors {

// A channel counts to the address whose client brought it up, until it sleeps.
class ChannelShares {
 public:
  // Why clients of the origin may not bring up one more; nothing: they may. `open`: the channel is a public one.
  [[nodiscard]] std::optional<Errc> refuses(Origin origin, bool open, const NodeLimits& limits) const;
  void add(Origin origin, bool open);
  void remove(Origin origin, bool open);
  [[nodiscard]] std::size_t size() const { return all_; }

 private:
  struct Share {
    std::size_t all = 0;
    std::size_t open = 0;
  };
  std::unordered_map<std::uint64_t, Share> shares_;
  std::size_t all_ = 0;
};

// An address may write its share at once, and as much again within each window.
class WriteShares {
 public:
  // False: it has written its share. `bytes_max` 0: no bound.
  bool take(Origin origin, std::uint64_t bytes, std::uint64_t bytes_max, seconds window, MonoTime now);
  [[nodiscard]] std::size_t size() const { return shares_.size(); }

 private:
  struct Share {
    double written = 0;
    MonoTime at;
  };
  void forget_idle(std::uint64_t bytes_max, seconds window, MonoTime now);

  std::unordered_map<std::uint64_t, Share> shares_;
  std::size_t look_at_ = 1'024;  // when there are so many, those that owe nothing are forgotten
};

}  // namespace parley::actors

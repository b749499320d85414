#pragma once
// Which sessions a shard keeps, so that each can be taken up again, and when they end. The records are in
// the store; here are their places and times, in the order in which they end.
//
// Bounded in time, number and bytes, of the shard and of each origin. What has expired is not given out, and goes in
// steps of a few with each command of a session; the shards' sweep looks after shards that nobody asks. Owned by one
// shard machine; log thread only. Deterministic, as the machine is.

#include "core/command.h"
#include "storage/pending_writes.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace parley::cluster {

// So many go with one command, besides the one that it is about: nobody waits for the rest.
inline constexpr std::size_t kSessionsDroppedAtOnceMax = 16;

class SessionTable {
 public:
  explicit SessionTable(ShardId shard) : shard_(shard) {}
  SessionTable(SessionTable&&) = default;

  Status load(const storage::Store& store);
  // Replaces. At a bound, those that end last make room, of the origin that has most: sessions of connections that
  // live, which are saved again at their end. Those that are needed, of clients that are away, end soon. One that has
  // no room even alone is not kept.
  void save(const ChannelKey& place, SaveSession&& command, WallTime now, storage::PendingWrites& writes);
  Result<Effect::Claimed> claim(const ChannelKey& place, WallTime now, storage::PendingWrites& writes);
  void forget(const ChannelKey& place, bool if_expired, WallTime now, storage::PendingWrites& writes);

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Sessions that went before their time since the last call.
  std::uint64_t take_evicted() { return std::exchange(evicted_, 0); }

 private:
  struct Kept {
    WallTime expires;
    Origin origin;
    std::uint64_t bytes = 0;
  };
  using ByPlace = std::map<std::string, Kept, std::less<>>;
  using Ends = std::set<std::pair<WallTime, std::string_view>>;  // into the keys of by_place_
  struct Share {
    std::uint64_t bytes = 0;
    Ends ends;
  };

  void add(const ChannelKey& place, const Kept& kept);
  void remove(ByPlace::iterator session, storage::PendingWrites& writes);
  void remove_first(storage::PendingWrites& writes);
  void evict_last(const Ends& ends, storage::PendingWrites& writes);
  void drop_expired(WallTime now, storage::PendingWrites& writes);
  void make_room(const SessionBounds& bounds, const Kept& next, WallTime now, storage::PendingWrites& writes);
  void make_room_by_number(std::uint64_t kept_max, WallTime now, storage::PendingWrites& writes);
  [[nodiscard]] const Ends& largest_share() const;

  ShardId shard_;
  ByPlace by_place_;
  Ends ends_;
  std::map<Origin, Share> shares_;
  std::set<std::pair<std::uint64_t, Origin>> by_bytes_;  // the shares, the largest last
  std::uint64_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace parley::cluster

#pragma once
// What readers see of a channel: its state, a page of its history, a client's cursor. Reads the store
// only, so it sees everything that was written before the call. Pure; reader thread.

#include "cluster/shard.h"

namespace parley::cluster {

class HistoryReader {
 public:
  HistoryReader(const storage::Store& store, std::uint16_t shard_count, std::size_t page_bytes_max)
      : store_(store), shard_count_(shard_count), page_bytes_max_(page_bytes_max) {}

  Result<ChannelState> open_channel(const ChannelKey& channel) const;
  // Holes that deletions left are not in the page. A page may end early, at page_bytes_max or what the query says:
  // `more` says so.
  Result<HistoryPage> read_history(const GetHistory& query) const;
  Result<CursorFound> read_cursor(const ChannelKey& channel, const std::string& client_id, WallTime now,
                                  seconds lifetime) const;

 private:
  const storage::Store& store_;
  std::uint16_t shard_count_;
  std::size_t page_bytes_max_;
};

}  // namespace parley::cluster

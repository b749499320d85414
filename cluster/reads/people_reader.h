#pragma once
// What readers see of users, domains and notices. Reads the store only, so it sees everything that was
// written before the call. Pure; reader thread, and the starting thread for unfinished().

#include "cluster/shard.h"

namespace parley::cluster {

class PeopleReader {
 public:
  PeopleReader(const storage::Store& store, std::uint16_t shard_count) : store_(store), shard_count_(shard_count) {}

  Result<std::vector<UserAbout>> read_users(const std::vector<UserKey>& users) const;
  // Shard by shard, by id within each. A page may hold fewer than `limit` although more follow: `next` says so.
  Result<UserPage> list_users(const ListUsers& query) const;
  Result<UserPage> list_domain(const ListDomain& query) const;
  Result<std::vector<SaidId>> told(const ChannelKey& channel) const;
  Result<std::vector<std::pair<NoticeRef, Notice>>> read_notices(const std::vector<NoticeRef>& refs) const;
  Result<std::vector<StoredDead>> read_dead(const std::string& target, NoticeRef after, std::size_t limit) const;
  Result<Unfinished> unfinished(ShardId shard) const;

 private:
  Result<UserAbout> read_user(const UserKey& user) const;
  Status read_unfinished(ShardId shard, Unfinished& out) const;

  const storage::Store& store_;
  std::uint16_t shard_count_;
};

}  // namespace parley::cluster

#pragma once
// What must hold in every run, of each shard: one leader a term; a leader has everything that was committed before;
// what is committed is on the disks of a majority; one value for each committed index; what was acknowledged stays,
// once; a read sees what was acknowledged before it. Who finds a breach says it in words.

#include "core/raft_message.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley::raft {

class Checks {
 public:
  // Whether this replica has the entry on its disk for good.
  using Durable = std::function<bool(ReplicaId id, LogIndex index, Term term)>;

  struct Shard {
    struct Chosen {
      Term term;
      std::uint64_t hash = 0;
    };
    std::map<LogIndex, Chosen> chosen;
    LogIndex newest{1};
    std::map<Term, ReplicaId> leaders;
    std::vector<RaftMembership> memberships;  // in the order of their commits
    LogIndex newest_membership{1};
    std::set<std::uint64_t> acknowledged;
    LogIndex newest_acknowledged{1};
  };
  Shard& of(ShardId shard) { return shards_[shard]; }

  using Breach = std::optional<std::string>;
  Breach elected(ShardId shard, ReplicaId id, Term term, LogIndex last, LogIndex begins_after,
                 const std::function<std::optional<Term>(LogIndex)>& term_at);
  // An entry is applied somewhere, which has this membership then.
  Breach applied(ShardId shard, const RaftEntryView& entry, const RaftMembership& members, const Durable& durable);
  // False: it was known.
  bool changed(ShardId shard, LogIndex index, const RaftMembership& members);
  Breach final(ShardId shard, const std::vector<std::uint64_t>& commands);

 private:
  std::map<ShardId, Shard> shards_;
};

}  // namespace parley::raft

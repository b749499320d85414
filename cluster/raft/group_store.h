#pragma once
// What replicas keep in the node's store: log, hard state, membership, applied index, and where the log begins. It
// fills batches and reads; who writes the batches writes them in the order in which they were filled, each of them
// whole.
//
//   log     shard 'p'             ReplicaHead: who it is, term, vote, where the log begins; its commit index may be old
//           shard 'r' index:u64   one framed entry
//   state   shard 'a'             applied index, as every shard's machine keeps it
//           shard 'g'             StoredMembership, in the same batch as the applied index: a replica that restarts
//           with
//                                 another membership than the one at its applied index elects without the others
//
// The logs of releases before it (cluster/former_log.h) have other keys and are not touched. Owned by whoever owns the
// groups; used on the log thread.

#include "cluster/raft/group.h"
#include "storage/store.h"

#include <map>
#include <optional>

namespace parley::cluster::raft {

class GroupStore {
 public:
  explicit GroupStore(const storage::Store& store) : store_(store) {}

  // A replica's first record. One that founds the group has its members, itself among them; one that joins it has none.
  // `begins`: where the log of a founder begins, behind a state that is there already.
  struct Begins {
    LogIndex index{1};
    Term term{1};
  };
  void create(ShardId shard, ReplicaId self, const RaftMembership& members, const Begins& begins,
              storage::WriteBatch& batch);
  // None: no replica of the shard is here.
  Result<std::optional<StoredGroup>> read(ShardId shard);
  // Everything of it.
  void erase(ShardId shard, storage::WriteBatch& batch);

  // Whether there is more than entries in it: a term, a vote or a snapshot.
  bool write(ShardId shard, const Ready& ready, storage::WriteBatch& batch);
  // With the results of the entries up to there. `changed`: by one of them, or by a snapshot.
  void applied(ShardId shard, LogIndex index, const RaftMembership* changed, storage::WriteBatch& batch);
  // The entries up to `index`, which are applied; `term` is that of the entry there.
  void cut(ShardId shard, LogIndex index, Term term, storage::WriteBatch& batch);

  // Of what was written.
  Result<std::vector<RaftEntry>> entries(ShardId shard, LogIndex from, LogIndex to, std::uint64_t bytes_max) const;
  Result<Term> term(ShardId shard, LogIndex index) const;
  [[nodiscard]] LogIndex begins_after(ShardId shard) const;

 private:
  struct Known {
    ReplicaId self;
    HardState hard_state;
    LogIndex cut;
    Term cut_term;
    LogIndex last;  // of the entries in the batches so far
  };
  void put_head(ShardId shard, const Known& known, storage::WriteBatch& batch) const;
  static void remove_entries(ShardId shard, LogIndex from, LogIndex to, storage::WriteBatch& batch);

  const storage::Store& store_;
  std::map<ShardId, Known> known_;
};

}  // namespace parley::cluster::raft

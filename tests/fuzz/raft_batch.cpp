// A batch of the consensus that a peer sent, whoever it is: messages that can be said again, or an error; and whatever
// they are, they end at most the replica that takes them.

#include "cluster/raft/group.h"
#include "core/check.h"
#include "schemas/peer/raft.h"

#include <algorithm>

using namespace parley;
using namespace parley::schemas;

namespace {

struct NoLog final : cluster::raft::LogStorage {
  Result<std::vector<RaftEntry>> entries(LogIndex, LogIndex, std::uint64_t) override { return make_error(Errc::io); }
  Result<Term> term(LogIndex) override { return make_error(Errc::io); }
  Result<RaftSnapshot> snapshot(ReplicaId) override { return make_error(Errc::io); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto batch = decode_raft_batch({reinterpret_cast<const char*>(bytes), size});
  if (!batch) return 0;
  const auto again = encode_raft_batch(*batch);
  CHECK(again.ok());
  const auto back = decode_raft_batch(*again);
  CHECK(back.ok() && *encode_raft_batch(*back) == *again);

  NoLog log;
  RaftMembership members;
  members.voters = {ReplicaId{1}, ReplicaId{2}, ReplicaId{3}};
  cluster::raft::GroupConfig config;
  config.self = ReplicaId{1};
  const cluster::raft::StoredGroup stored{
      ReplicaId{1}, {Term{1}, {}, LogIndex{1}}, LogIndex{1}, Term{1}, LogIndex{1}, LogIndex{1}, members};
  auto group = cluster::raft::Group::create(config, stored, log);
  CHECK(group.ok());
  for (auto [shard, message] : *batch) {
    message.to = ReplicaId{1};
    (void)(*group)->would_restore(message);
    (void)(*group)->step(message);
    for (int i = 0; i < 100 && (*group)->has_ready(); ++i) {
      const auto ready = (*group)->ready();
      if (!ready) break;
      for (const auto& entry : ready->committed) {
        if (entry.kind == RaftEntryKind::change && !(*group)->apply_change(entry)) return 0;
      }
      if (!ready->committed.empty()) (void)(*group)->applied(ready->committed.back().index);
      (void)(*group)->persisted(ready->number);
    }
  }
  return 0;
}

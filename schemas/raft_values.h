#pragma once
// Members of a group, and snapshots, in their wire form. For the .cpp files of schemas/ only. Pure.

#include "core/raft_message.h"
#include "raft.capnp.h"
#include "schemas/wire_message.h"

namespace parley::schemas {

inline void write_ids(const std::vector<ReplicaId>& from, capnp::List<std::uint64_t>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, from[i].value);
}
inline std::vector<ReplicaId> read_ids(capnp::List<std::uint64_t>::Reader from) {
  std::vector<ReplicaId> to;
  to.reserve(from.size());
  for (const auto id : from) to.push_back(ReplicaId{id});
  return to;
}
inline void write_membership(const RaftMembership& from, wire::raft::Membership::Builder to) {
  write_ids(from.voters, to.initVoters(static_cast<unsigned>(from.voters.size())));
  write_ids(from.learners, to.initLearners(static_cast<unsigned>(from.learners.size())));
  write_ids(from.voters_outgoing, to.initVotersOutgoing(static_cast<unsigned>(from.voters_outgoing.size())));
  write_ids(from.learners_next, to.initLearnersNext(static_cast<unsigned>(from.learners_next.size())));
  to.setAutoLeave(from.auto_leave);
}
inline RaftMembership read_membership(wire::raft::Membership::Reader from) {
  return {read_ids(from.getVoters()), read_ids(from.getLearners()), read_ids(from.getVotersOutgoing()),
          read_ids(from.getLearnersNext()), from.getAutoLeave()};
}

inline void write_snapshot(const RaftSnapshot& from, wire::raft::Snapshot::Builder to) {
  to.setIndex(from.index.value);
  to.setTerm(from.term.value);
  write_membership(from.membership, to.initMembership());
  to.setData(data(from.data));
}
inline RaftSnapshot read_snapshot(wire::raft::Snapshot::Reader from) {
  return {LogIndex{from.getIndex()}, Term{from.getTerm()}, read_membership(from.getMembership()),
          string(from.getData())};
}

}  // namespace parley::schemas

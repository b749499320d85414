// What nodes say of replicas: core/replica_news.h.
#include "schemas/peer/values.h"

namespace parley::schemas::peer {
namespace {

void write(Unfit&, const ShardLed& from, wire::ShardLed::Builder to) {
  to.setShard(from.shard.value);
  to.setTerm(from.term.value);
  to.setSpares(from.spares);
}
void read(Unfit&, wire::ShardLed::Reader from, ShardLed& to) {
  to = {ShardId{from.getShard()}, Term{from.getTerm()}, from.getSpares()};
}
void write(Unfit&, const ReplicaOnNode& from, wire::ReplicaOnNode::Builder to) {
  to.setShard(from.shard.value);
  to.setReplica(from.replica.value);
  to.setTerm(from.term.value);
}
void read(Unfit& in, wire::ReplicaOnNode::Reader from, ReplicaOnNode& to) {
  to = {ShardId{from.getShard()}, ReplicaId{from.getReplica()}, Term{from.getTerm()}};
  if (to.replica == ReplicaId{}) in.note(Errc::corrupt, "a replica without an id");
}

template <class Values, class List>
void write_all(Unfit& out, const Values& from, List to) {
  for (unsigned i = 0; i < to.size(); ++i) write(out, from[i], to[i]);
}
template <class List, class Values>
void read_all(Unfit& in, List from, Values& to) {
  to.resize(length(in, from));
  for (unsigned i = 0; i < to.size(); ++i) read(in, from[i], to[i]);
}

}  // namespace

void write(Unfit& out, const ReplicaNews& from, wire::ReplicaNews::Builder to) {
  write_all(out, from.led, to.initLed(count(out, from.led)));
  write_all(out, from.members, to.initMembers(count(out, from.members)));
  write_all(out, from.strangers, to.initStrangers(count(out, from.strangers)));
}

void read(Unfit& in, wire::ReplicaNews::Reader from, ReplicaNews& to) {
  read_all(in, from.getLed(), to.led);
  read_all(in, from.getMembers(), to.members);
  read_all(in, from.getStrangers(), to.strangers);
}

}  // namespace parley::schemas::peer

@0xd2b1c7f0a86e4935;
# What replicas of shards send each other, and what each of them keeps beside its log. How schemas may change:
# README.md. A field of a message that is dropped in silence breaks the consensus: tests/unit/schemas/raft_test.cpp.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("parley::schemas::wire::raft");

# Of many shards, to one node.
struct Batch {
  version @0 :UInt16;                   # readers refuse a higher one than they know, and 0
  messages @1 :List(ToShard);
  beats @2 :List(Beat);                 # heartbeats and their responses that say nothing else
}

struct ToShard {
  shard @0 :UInt16;
  message @1 :Message;
}

struct Beat {
  shard @0 :UInt16;
  response @1 :Bool;
  to @2 :UInt64;
  from @3 :UInt64;
  term @4 :UInt64;
  commit @5 :UInt64;
}

struct Message {
  kind @0 :UInt8;                       # RaftKind in core/raft_message.h
  reject @1 :Bool;
  to @2 :UInt64;
  from @3 :UInt64;
  term @4 :UInt64;
  logTerm @5 :UInt64;
  index @6 :UInt64;
  commit @7 :UInt64;
  commitTerm @8 :UInt64;
  rejectHint @9 :UInt64;
  requestSnapshot @10 :UInt64;
  oldPriority @11 :UInt64;
  priority @12 :Int64;
  context @13 :Data;
  entries @14 :List(Entry);
  snapshot @15 :Snapshot;               # none: null
}

struct Entry {
  index @0 :UInt64;
  term @1 :UInt64;
  change @2 :Bool;                      # of the membership, else a command
  payload @3 :Data;
}

struct Snapshot {
  index @0 :UInt64;
  term @1 :UInt64;
  membership @2 :Membership;
  data @3 :Data;
}

struct Membership {
  voters @0 :List(UInt64);
  learners @1 :List(UInt64);
  votersOutgoing @2 :List(UInt64);
  learnersNext @3 :List(UInt64);
  autoLeave @4 :Bool;
}

struct SnapshotOffer {                  # of Snapshot.data
  version @0 :UInt16;                   # readers refuse a higher one than they know, and 0
  id @1 :UInt64;
  bytes @2 :UInt64;
  format @3 :UInt32;
}

# ---- stored ----

struct ReplicaHead {
  replica @0 :UInt64;
  term @1 :UInt64;
  vote @2 :UInt64;
  commit @3 :UInt64;
  cutIndex @4 :UInt64;                  # entries up to here are gone
  cutTerm @5 :UInt64;
}

struct StoredMembership {
  index @0 :UInt64;                     # of the change that led to it
  membership @1 :Membership;
}

# Of a shard whose state comes from another replica: cluster/snapshots/snapshot_fetch.h.
struct StoredRestore {
  complete @0 :Bool;                    # all rows are here; the group has not taken them over yet
  family @1 :UInt8;                     # the cursor: what is before it is here
  key @2 :Data;
  bytes @3 :UInt64;                     # of the rows up to there, and their running checksum
  checksum @4 :UInt64;
  to @5 :UInt64;                        # of the message that brought the snapshot
  from @6 :UInt64;
  term @7 :UInt64;
  snapshot @8 :Snapshot;
}

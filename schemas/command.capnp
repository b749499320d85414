@0xb6a2f5e7c1d04893;
# What a shard's log consists of. An entry is the unit of replication: many commands, one index.
# How schemas may change: README.md.

using Cxx = import "/capnp/c++.capnp";
using Record = import "record.capnp";
$Cxx.namespace("parley::schemas::wire");

struct Entry {
  version @0 :UInt16;   # readers refuse a higher one than they know
  timeMs @1 :Int64;     # when it was proposed, by the leader's clock
  commands @2 :List(Command);
  # MachineBounds in core/command.h; 0: written by a release that did not say, the reader's own configuration counts
  idempotencyWindowSeconds @3 :UInt64;
  idempotencyKeysMax @4 :UInt64;
  cursorLifetimeSeconds @5 :UInt64;
}

struct Retention {
  ageSeconds @0 :UInt64;
  count @1 :UInt64;
  bytes @2 :UInt64;
}

struct Command {
  channel @0 :Text;     # `app/name`
  timeMs @1 :Int64;
  union {
    append @2 :Append;
    removePublication @3 :RemovePublication;
    removeHistory @4 :RemoveHistory;
    trimHistory @5 :Retention;
    saveCursors @6 :List(Cursor);
    saveNotices @7 :SaveNotices;
    saveUser @8 :SaveUser;
    saveMember @9 :SaveMember;
    settleNotices @10 :SettleNotices;
    saveSession @11 :SaveSession;
    claimSession @12 :Void;
    forgetSession @13 :ForgetSession;
    savePositions @14 :SavePositions;   # saveCursors before it had bounds of its own
  }

  struct Append {
    event @0 :Text;
    data @1 :Data;
    kind @2 :UInt8;
    userId @3 :Text;
    idempotencyKey @4 :Text;
    once @5 :Text;
    epochIfNew @6 :UInt64;
    retention @7 :Retention;
    cache @8 :Bool;
    exceptSocket @9 :UInt64;
    keyScope @10 :Text;       # whose the key is; empty: written before there were scopes
    onceRepeatMs @11 :UInt32;  # `once` may come again this soon after the first
    unsynced @12 :Bool;        # told before the disk has it
    userIdIsNumber @13 :Bool;
  }
  struct RemovePublication {
    epoch @0 :UInt64;
    offset @1 :UInt64;
  }
  struct RemoveHistory {
    epochIfNew @0 :UInt64;
  }
  struct Cursor {
    clientId @0 :Text;
    offset @1 :UInt64;
    forget @2 :Bool;
    epoch @3 :UInt64;       # 0: not said
  }
  struct NoticeBounds {
    waitingMax @0 :UInt64;
    deadMax @1 :UInt64;
  }
  struct Told {
    userId @0 :Text;    # empty: the channel itself
    present @1 :Bool;
    isNumber @2 :Bool;  # the id, as the application said it
  }
  struct SaveNotices {
    notices @0 :List(Record.Notice);
    told @1 :List(Told);
    bounds @2 :NoticeBounds;
  }
  struct SaveUser {     # of the channel `user.{id}`
    user @0 :Record.User;
    notices @1 :List(Record.Notice);
    bounds @2 :NoticeBounds;
  }
  struct SaveMember {   # of the channel `domain.{id}`
    userId @0 :Text;
    belongs @1 :Bool;
  }
  struct SettleNotices {
    delivered @0 :List(UInt64);
    dead @1 :List(Dead);
    replayed @2 :List(UInt64);
    dropped @3 :List(UInt64);
    bounds @4 :NoticeBounds;
  }
  struct Dead {
    number @0 :UInt64;
    why @1 :Text;
  }
  struct SaveSession {  # of the channel `session.{key}`, as the two after it
    record @0 :Data;
    expiresMs @1 :Int64;
    keptMax @2 :UInt64; # in the shard; 0: no bound
    bytesMax @3 :UInt64;        # in the shard; 0: no bound
    originBytesMax @4 :UInt64;  # of one origin in the shard; 0: no bound
    origin @5 :UInt64;  # whose share it counts to
  }
  struct ForgetSession {
    ifExpired @0 :Bool; # else in any case
  }
  struct SavePositions {
    positions @0 :List(Position);
    perChannelMax @1 :UInt64;
    bytesMax @2 :UInt64;        # in the shard; 0: no bound
    originBytesMax @3 :UInt64;  # of one origin in the shard; 0: no bound
    keptFor @4 :UInt8;          # SaveCursors::For in core/command.h
    unsureUntilMs @5 :Int64;
  }
  struct Position {
    clientId @0 :Text;
    offset @1 :UInt64;
    forget @2 :Bool;
    origin @3 :UInt64;
    epoch @4 :UInt64;   # that the offset is of; 0: before the first publication
    owesGap @5 :Bool;   # as in record.capnp's Cursor
  }
}

# A shard's log besides its entries.
struct LogHead {
  term @0 :UInt64;      # the newest that was begun
  cutIndex @1 :UInt64;  # entries up to here were dropped, their results are in the state
  cutTerm @2 :UInt64;   # of the entry at cutIndex
}

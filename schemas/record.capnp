@0xd1f0c8a3b7e64521;
# What is stored: under one publication's key, under a channel's, and beside them. Where each key
# lies: storage/keys.h. How schemas may change: README.md.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("parley::schemas::wire");

struct Publication {
  event @0 :Text;
  data @1 :Data;
  kind @2 :UInt8;       # 0: text, 1: json
  userId @3 :Text;
  timeMs @4 :Int64;
  deleted @5 :Bool;
  exceptSocket @6 :UInt64;    # it was not told to this session; 0: to all
  userIdIsNumber @7 :Bool;    # as the application said it; the text is the same
}

struct ChannelMeta {
  epoch @0 :UInt64;
  newest @1 :UInt64;    # offset of the newest publication; 0: none
  oldest @2 :UInt64;    # first offset that is kept
  count @3 :UInt64;     # publications kept, holes included
  bytes @4 :UInt64;     # of their stored records
  cachedOffset @5 :UInt64;
  storedFrom @6 :UInt64;      # first offset whose record is still stored; at most oldest
  oldestTimeMs @7 :Int64;     # of the record at storedFrom; nothing there is older by retention's rules
  retentionAgeSeconds @8 :UInt64;  # as the last publication's rule said: for channels that are idle
  retentionCount @9 :UInt64;
  retentionBytes @10 :UInt64;
  cursors @11 :UInt32;        # stored for this channel
  cursorsOldestMs @12 :Int64; # no cursor of this channel was saved before
  unsynced @13 :Bool;         # the newest publication was told before the disk had it
  lineage @14 :UInt64;        # of the shard when the newest publication was appended
  cursorsUnsureUntilMs @15 :Int64;  # until then a client without a cursor may have had one
}

# An idempotency key or a request's signature that was seen, with the publication it led to.
struct Remembered {
  channel @0 :Text;
  key @1 :Text;         # empty: none
  once @2 :Text;        # empty: none
  epoch @3 :UInt64;
  offset @4 :UInt64;
  timeMs @5 :Int64;     # when it was seen
  keyScope @6 :Text;    # whose the key is; empty: written before there were scopes
}

# What a stock client with a client id has confirmed.
struct Cursor {
  offset @0 :UInt64;
  timeMs @1 :Int64;     # when it was saved
  origin @2 :UInt64;    # whose share it counts to; 0: saved before that was known
  epoch @3 :UInt64;     # that the offset is of; 0: of the life that the channel has, or had first
  owesGap @4 :Bool;     # a gap up to the offset was announced, and the client has not confirmed that it heard of it
}

# A user's durable state, under the user's id.
struct User {
  status @0 :UInt8;     # 0: offline, 1: away, 2: online
  sinceMs @1 :Int64;    # of this status
  lastSeenMs @2 :Int64; # when the user was last surely here
  userInfo @3 :Text;    # JSON text of the newest sign-in, token or membership
  domains @4 :List(Text);
  connections @5 :List(Connection);  # that the backend was told of and is due the end of
  bannedUntilMs @6 :Int64;           # 0: not banned
  banReason @7 :Text;
  tokensSinceMs @8 :Int64;           # connection tokens issued before are refused
  blocks @9 :List(Block);
  idIsNumber @10 :Bool;              # as the application said it last

  struct Connection {
    socket @0 :UInt64;
    sinceMs @1 :Int64;
  }
  struct Block {
    channel @0 :Text;
    untilMs @1 :Int64;
  }
}

# Something a webhook is to tell: one event for one target.
struct Notice {
  id @0 :Text;
  app @1 :Text;
  target @2 :Text;
  kind @3 :UInt8;       # core/notice.h; kinds are only added, at the end
  timeMs @4 :Int64;
  channel @5 :Text;
  userId @6 :Text;
  event @7 :Text;
  data @8 :Data;
  socket @9 :UInt64;
  count @10 :UInt64;
  lastSeenMs @11 :Int64;
  domains @12 :List(Text);
  userIdIsNumber @13 :Bool;
}

# One that was given up.
struct DeadNotice {
  notice @0 :Notice;
  diedMs @1 :Int64;
  why @2 :Text;
}

# What a session needs to be taken up again, under its secret key.
struct KeptSession {
  record @0 :Data;      # opaque
  expiresMs @1 :Int64;
}

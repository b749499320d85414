@0xd1f0c8a3b7e64521;
# What is stored under one publication's key, and under a channel's. How schemas may change: README.md.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("parley::schemas::wire");

struct Publication {
  event @0 :Text;
  data @1 :Data;
  kind @2 :UInt8;       # 0: text, 1: json
  userId @3 :Text;
  timeMs @4 :Int64;
  deleted @5 :Bool;
}

struct ChannelMeta {
  epoch @0 :UInt64;
  newest @1 :UInt64;    # offset of the newest publication; 0: none
  oldest @2 :UInt64;    # first offset that is kept
  count @3 :UInt64;     # publications kept, holes included
  bytes @4 :UInt64;     # of their stored records
  cachedOffset @5 :UInt64;
}

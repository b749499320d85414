@0xa93b7915a3d5882a;
# What the two ends of a link between nodes say about themselves before anything else. Their frames are
# cluster/caf_transport/framing.h's; bounds: schemas/peer/hello.h. How schemas may change: README.md. The first three
# fields of Hello keep their place and meaning in every version, so that any two releases can tell each other why not.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("parley::schemas::wire::link");

struct Hello {
  magic @0 :UInt64;             # whatever else answers at that port is no node
  version @1 :UInt16;           # of the frames and of what is in them
  name @2 :Text;                # the node's, for people
  cluster @3 :UInt64;           # 0: not part of one yet
  node @4 :UInt64;
  incarnation @5 :UInt64;
  host @6 :Text;                # where the node is dialed; empty: it does not say
  port @7 :UInt16;
}

# In the stead of a Hello's acceptance: the link ends.
struct Refusal {
  reason @0 :Text;              # a name that stays the same, as in metrics
  message @1 :Text;             # for people
  name @2 :Text;                # of the node that refuses
}

#pragma once
// Who is in the cluster, as this node believes, and what it asks and tells others to find out: SWIM with Lifeguard's
// additions, over links whose ends are evidence (suspicion.h). docs/adr/0019-members-by-gossip.md says why this way.
//
// Pure: time and randomness come in, messages and events are taken out. Used by one thread.
//
// - Every probe_every one member is pinged, in an order that is shuffled anew after each round. One that does not
// answer
//   is asked through others; one that answers nobody is suspected. Who is suspected is told so first, and contradicts
//   with a higher refutation.
// - Rumours go with every message, each a bounded number of times. All that is known goes to a new link, to some member
//   every now and then, and to one that is held for dead.
// - A link that ends is a hint: the member is asked for at once, through others. It is no death.
// - A process that was held for dead and lives contradicts that like a suspicion. That a dead one comes back so is
//   wanted: it was stopped or cut off for longer than anybody waits, its clients and data are where they were, and only
//   it can raise its refutation. It comes back after pauses that grow with each time, so that one which is now here and
//   now there does not make everybody busy. Who has left does not come back, except as another process.
// - A node stands once in the table: with its latest process. Another process with a larger number ends it.

#include "cluster/membership/founding.h"
#include "cluster/membership/rumour_queue.h"
#include "cluster/membership/suspicion.h"
#include "core/clock.h"
#include "core/gossip.h"
#include "core/limits.h"
#include "core/random.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster {

struct Instant {
  MonoTime mono;
  WallTime wall;
};

struct MemberEvent {
  enum class Kind : std::uint8_t {
    up,  // new, or back from the dead
    suspect,
    cleared,  // it is alive after all
    dead,
    left,
    changed,     // its record
    charter,     // this node's own: `member` is itself
    superseded,  // there is a later process of this node: this one is nobody any more
    stranger,    // `text`: why it is not taken in
    refused,     // ClusterLimits::members_max are here
  };
  Kind kind{};
  ClusterMember member;
  std::string text{};
};

struct Outgoing {
  NodeAddress to;
  Gossip gossip;
};

// Since the start.
struct SwimCounts {
  std::uint64_t suspicions = 0, refutations = 0, deaths = 0, probes = 0, probes_failed = 0, refused = 0, strangers = 0,
                pauses = 0;
};

class Swim {
 public:
  // `own`: what to say of this process; its charter as the store has it. `random` outlives it.
  Swim(NodeAddress self, NodeRecord own, Random& random, Instant now, SwimTiming timing = {},
       ClusterLimits limits = {});

  void tick(Instant now);
  // When tick() is to be called at the latest. Changes with every call.
  [[nodiscard]] MonoTime due() const;
  void receive(const NodeAddress& from, const Gossip& gossip, Instant now);
  void link_up(const NodeAddress& peer, Instant now);
  void link_down(const NodeAddress& peer, Instant now);
  // PeerListener::on_peer_closed() says when.
  void link_closed(const NodeAddress& peer, Instant now);

  // What this process says of itself. Revision, charter and the clock's offset are this class's to say.
  void set_own(NodeRecord own);
  // There is data from now on: this node gives way to no other cluster. Before the first of it is written.
  void set_data();
  // Tells everybody; from then on it is told again until each has answered.
  void leave(Instant now);
  [[nodiscard]] bool everybody_knows() const { return superseded_ || (leaving_ && goodbyes_.empty()); }

  std::vector<Outgoing> take_messages() { return std::exchange(messages_, {}); }
  std::vector<MemberEvent> take_events() { return std::exchange(events_, {}); }

  [[nodiscard]] const ClusterMember& self() const { return self_; }
  [[nodiscard]] bool made_cluster() const { return founding_.made_here(); }
  // Of others, also the dead ones that are remembered. By node.
  struct Seen {
    ClusterMember member;
    MonoTime since;  // in its state
    bool linked = false;
    std::optional<std::int64_t> clock_offset_ms;  // its wall clock is so far ahead of the one here
  };
  [[nodiscard]] std::vector<Seen> others() const;
  [[nodiscard]] const ClusterMember* find(NodeId node) const;
  [[nodiscard]] bool linked(const NodeAddress& peer) const;
  [[nodiscard]] unsigned health() const { return health_; }  // 0: well
  [[nodiscard]] const SwimCounts& counts() const { return counts_; }
  // Everything that grows, in elements; for the tests of its bounds.
  [[nodiscard]] std::size_t elements() const {
    return entries_.size() + links_.size() + probes_.size() + relays_.size() + rumours_.size() + order_.size() +
           goodbyes_.size() + strangers_.size();
  }

 private:
  struct Entry {
    ClusterMember member;
    MonoTime since;        // in this state
    MonoTime heard;        // of it last: by its own message, or by somebody whom it answered
    MonoTime probe_again;  // while it is suspected
    std::optional<Suspicion> suspicion;
    bool nowhere = false;  // others were asked: one at least has seen its link closed, and none has one
    std::optional<std::int64_t> offset_ms;
    NodeAddress by;  // who said so last, of suspect and dead
  };
  struct Link {
    NodeAddress peer;
    bool up = false;
    bool closed = false;  // by the other end
    MonoTime asked_all;   // its whole state was asked for
  };
  struct Probe {
    NodeAddress target;
    MonoTime ask_at, ends;
    WallTime sent_wall;
    MonoTime sent;
    bool asked = false;
    unsigned relays = 0, nacks = 0, links = 0, closed = 0;  // who was asked, did not reach it, and its link
  };
  struct Relay {
    NodeAddress asker;
    std::uint64_t nonce;
    NodeAddress target;
    MonoTime ends;
  };
  struct Goodbye {
    std::uint64_t nonce;
    MonoTime again;
  };

  // ---- swim.cpp: what is believed ----
  void hear(const Rumour& rumour, Instant now);
  void hear_of_self(const Rumour& rumour, Instant now);
  void meet_new(const Rumour& rumour, Instant now);
  void hear_of_same_process(Entry& entry, const Rumour& rumour, Instant now);
  void set_alive(Entry& entry, std::uint32_t refutation, Instant now);
  void suspect(Entry& entry, std::uint32_t refutation, NodeAddress by, Instant now);
  void bury(Entry& entry, std::uint32_t refutation, NodeState state, NodeAddress by, Instant now);
  void refute(std::uint32_t refutation, bool death, Instant now);
  void refute_now(Instant now);
  void found(Instant now);
  void change_own_record(About what);
  bool is_stranger(const NodeAddress& who, std::string_view name, const Charter& theirs, Instant now);
  void forget_old(MonoTime now);
  std::map<NodeId, Entry>::iterator forget(std::map<NodeId, Entry>::iterator place);
  void begin(Instant now);  // of each call from outside
  [[nodiscard]] bool has_room() const;
  void tell(MemberEvent::Kind kind, const ClusterMember& member, std::string text = {});

  // ---- swim_probes.cpp: what is asked and told ----
  void probe_next(Instant now);
  void start_probe(Entry& entry, Instant now);
  void ask_others(std::uint64_t nonce, Probe& probe, Instant now);
  void fail_probe(const Probe& probe, Instant now);
  void run_probes(Instant now);
  void run_suspicions(Instant now);
  void run_goodbyes(Instant now);
  void acked(const NodeAddress& from, std::uint64_t nonce, const Gossip& gossip, Instant now);
  void not_answered(const NoAnswer& what, Instant now);
  void relay_for(const NodeAddress& asker, const ProbeFor& what, Instant now);
  void end_relay(const Relay& relay);
  bool send(const NodeAddress& to, decltype(Gossip::what) what);
  void send_all(const NodeAddress& to, bool answer);
  void send_to_all(const std::vector<Rumour>& rumours);
  Gossip message(decltype(Gossip::what) what) const;
  void add_rumours(const NodeAddress& to, Gossip& gossip);
  [[nodiscard]] Rumour rumour_of(const Entry& entry, bool with_record) const;
  [[nodiscard]] Rumour rumour_of_self(bool with_record) const;
  [[nodiscard]] bool gone(const Entry& entry) const;
  [[nodiscard]] MonoTime death_due(const Entry& entry) const;
  [[nodiscard]] std::size_t living() const;  // with this node
  [[nodiscard]] std::size_t confirmations_wanted() const;
  [[nodiscard]] unsigned times_told(unsigned each) const;
  [[nodiscard]] milliseconds stretched(milliseconds time) const { return time * (1 + health_); }
  void health_by(int change);
  Entry* entry_of(const NodeAddress& address);  // that process, whatever its state
  [[nodiscard]] LinkState link_state(const NodeAddress& peer) const;
  [[nodiscard]] MonoTime spread_due() const { return spread_ + timing_.spread_every * living(); }

  ClusterMember self_;
  Random& random_;
  const SwimTiming timing_;
  const ClusterLimits limits_;
  Founding founding_;
  std::map<NodeId, Entry> entries_;  // others
  std::map<NodeId, Link> links_;     // of entries, and of whoever else is linked now
  RumourQueue rumours_;
  std::vector<NodeId> order_;  // who is probed next: from the end
  std::map<std::uint64_t, Probe> probes_;
  std::map<std::uint64_t, Relay> relays_;
  std::map<NodeId, Goodbye> goodbyes_;
  std::vector<std::pair<NodeAddress, MonoTime>> strangers_;  // told of lately
  unsigned health_ = 0;
  bool leaving_ = false;
  bool superseded_ = false;
  bool table_changed_ = true;  // since the founding rule looked
  bool own_changed_ = false;   // and not told yet
  std::uint32_t wanted_refutation_ = 0;
  MonoTime refute_at_ = kNever;
  unsigned comebacks_ = 0;
  MonoTime last_comeback_{};
  MonoTime next_probe_, next_sync_, next_sync_dead_, spread_{}, told_refused_{};
  MonoTime doubts_closed_until_{};  // that the others' end closed a link says nothing of them
  MonoTime expected_ = kNever;      // when the next tick was due
  Instant now_;                     // of what came in last
  SwimCounts counts_;
  std::vector<Outgoing> messages_;
  std::vector<MemberEvent> events_;
};

}  // namespace parley::cluster

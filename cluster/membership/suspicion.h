#pragma once
// How long a member is suspected before it is dead. Pure values.
//
// Who is killed and who is only stopped for some seconds look the same, unless one looks at the link: the kernel of a
// process that ends closes it at once, and refuses to be dialed. So there are two times: a short one where the other
// end closed the own link and that of somebody who was asked, and nobody has one; and a long one for silence alone.
// Both are counted from when one has heard of the member last, and shrink with each further node that found it silent
// by itself, as in Lifeguard.

#include "core/address.h"
#include "core/clock.h"

#include <cstddef>
#include <vector>

namespace parley::cluster {

// The same for all nodes of a cluster.
struct SwimTiming {
  milliseconds probe_every{500};    // times 1 + the own health
  milliseconds probe_timeout{200};  // the same; then others are asked
  milliseconds relay_timeout{250};  // what those wait
  unsigned relays = 3;
  // A member that closed its links is dead after so long: with nobody's confirmation, and with that of all who are
  // asked.
  milliseconds gone_max{1'200};
  milliseconds gone_min{700};
  // One that is silent. Above five seconds, for which a process may be stopped (a machine that swaps, or is moved).
  milliseconds silent_max{10'000};
  milliseconds silent_min{8'000};
  // What others say of a member's death is doubted by who heard of it within this time.
  milliseconds word_counts{2'000};
  milliseconds sync_every{10'000};      // all that is known, with some member
  milliseconds sync_dead_every{3'000};  // with one that is held for dead, in case that it is not
  milliseconds spread_every{400};       // what the own record says of its load: not before so long, times the members
  milliseconds remember{600'000};       // who is dead or has left, and is dialed still
  milliseconds late{400};               // a tick that comes so late says that this process stood still
  milliseconds closed_doubted{3'000};   // after it: others may have ended its links meanwhile
  milliseconds comeback_pause{1'000};   // before a second death is contradicted; doubles with each further one
  milliseconds comeback_pause_max{32'000};
  milliseconds comeback_forgotten{300'000};
  unsigned retransmits = 3;  // of each rumour, times the logarithm of the members
  unsigned health_max = 8;
};

class Suspicion {
 public:
  Suspicion(MonoTime began, NodeAddress by) : began_(began), by_{by} {}

  // Whether that is another one than those before, and one that still makes a difference.
  bool confirm(NodeAddress by, std::size_t wanted);
  [[nodiscard]] bool is_by(NodeAddress node) const;
  [[nodiscard]] NodeAddress last() const { return by_.back(); }
  // `wanted`: from how many others a confirmation is expected at most.
  [[nodiscard]] milliseconds timeout(bool gone, std::size_t wanted, const SwimTiming& timing) const;
  [[nodiscard]] MonoTime began() const { return began_; }
  void put_off(MonoTime::duration by) { began_ += by; }

 private:
  MonoTime began_;
  std::vector<NodeAddress> by_;
};

}  // namespace parley::cluster

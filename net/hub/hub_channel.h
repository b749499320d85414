#pragma once
// One channel as a hub knows it: who listens here, and up to where they were told. Values; on the hub's I/O thread.
//
// Whoever leads the channel numbers its durable publications without gaps. What comes twice, or with something missing
// before it, as after a change of leader, is seen by its number: invariants 2 and 3 of ARCHITECTURE.md hold for
// listeners whatever happens to leaders and links.

#include "core/clock.h"
#include "core/ids.h"
#include "core/publication.h"
#include "net/hub/roster_view.h"
#include "net/protocol.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace parley::net {

class Session;

struct Subscriber {
  Session* session;  // null: left while an event is on its way through the list
  ListenMode mode;
};

enum class Comes : std::uint8_t {
  next,     // right after what was told last
  again,    // it was told
  jumping,  // something before it was not told, or it is of another life of the channel
};

struct HubChannel {
  const ChannelKey* key = nullptr;
  std::vector<Subscriber> subscribers;
  std::uint32_t walking = 0;  // fan-outs on the stack
  bool holes = false;
  // The newest publication that was told here; one that does not exist: nothing was ever published. Nothing: its
  // publications have no numbers, or none is known yet.
  std::optional<Position> told;
  // Presence channels, once a roster was answered here.
  std::unique_ptr<RosterView> roster;
  // Another node leads, and does not know yet who is here: it says so (RosterIs), or is taken for settled then. Until
  // it says so nobody is told to have left: it may be the leader before who says it, or not be so.
  MonoTime settles_at{};

  [[nodiscard]] Comes comes(Position position) const;
};

inline Comes HubChannel::comes(Position position) const {
  if (!told) return Comes::next;
  if (!told->exists()) return position.offset.value <= 1 ? Comes::next : Comes::jumping;
  if (position.epoch != told->epoch) return Comes::jumping;
  if (position.offset <= told->offset) return Comes::again;
  return position.offset.value == told->offset.value + 1 ? Comes::next : Comes::jumping;
}

}  // namespace parley::net

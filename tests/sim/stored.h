#pragma once
// What stands on the disks of a world's nodes, for the checkers.

#include "core/clock.h"

#include <cstdint>
#include <string>

namespace parley::sim {

class Stored {
 public:
  virtual ~Stored() = default;
  // Does the publication with this message, which was asked for then, survive whatever may happen now?
  [[nodiscard]] virtual bool synced(const std::string& message, MonoTime invoked) const = 0;
  // How often unsynced writes were lost: what hung on them may be older than it was.
  [[nodiscard]] virtual std::uint64_t losses() const = 0;
  // When a write was last refused, a disk recovered or crashed, or somebody else may have come to lead: the outcome of
  // what was on its way is unknown.
  [[nodiscard]] virtual WallTime last_trouble() = 0;
};

}  // namespace parley::sim

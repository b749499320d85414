#pragma once
// The answer to a subscription, before a protocol puts it into its words. A value; what it points to outlives the call.

#include "core/request.h"

#include <optional>

namespace parley::net {

struct Succeeded {
  const Roster* roster = nullptr;  // presence channels
  RosterPtr shared{};              // the same, where it can be kept until it is sent
  Position position;               // durable channels
  bool durable = false;            // tells the position even when nothing was published yet: all zero
  std::optional<bool> recovered;   // a resume was asked
  bool follows = false;            // publications do: what was missed, or what is cached
};

}  // namespace parley::net

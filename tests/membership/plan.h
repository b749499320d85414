#pragma once
// What a seed is played with, and which bug was planted (bugs/NAME.bug, by tests/sim/bugs/plant.py).

#include <cstdint>

namespace parley::membership {

enum class Profile : std::uint8_t {
  any,          // everything that can go wrong, then calm: all must agree
  pauses,       // one of them at a time stands still for up to five seconds: nobody dies
  loss,         // a fifth of all messages is lost: nobody dies
  broken_link,  // two of them have no link to each other, and one stands still now and then: nobody dies
  kills,        // one is killed, and starts again: how long it takes until all know
  vanishes,     // the same without the end of its links, as of a machine without power
  founding,     // they begin in any order, seeing each other bit by bit: one cluster
  asleep,       // one stands still for so long that it is dead for the others; for it nobody is
  partition,    // two sides, whose links stay up: they find together again
  flapping,     // one is cut off again and again
  crowd,        // many come and go: bounds
  kCount,
};
const char* to_text(Profile profile);

enum class Bug : std::uint8_t {
  none,
  backed_at_once,
  closed_is_silent,
  comebacks_unbounded,
  data_gives_way,
  dead_return,
  dead_not_asked,
  death_believed_at_once,
  elsewhere_ignored,
  link_not_looked_at,
  newer_process_ignored,
  pause_not_noticed,
  refutation_not_raised,
  relay_keeps_answer,
  remembered_for_ever,
  rumours_never_end,
  round_ends_probes,
  kCount,
};
bool planted(Bug bug);
void plant(Bug bug);
const char* to_text(Bug bug);

}  // namespace parley::membership

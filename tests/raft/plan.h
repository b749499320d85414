#pragma once
// What a seed decides before the first event: how bad the world is, and which bug was planted.

#include <cstdint>
#include <span>
#include <string_view>

namespace parley::raft {

// Faults of ours that the checks must find. Those of the first kind sit in what the simulator plays itself, which is
// what an owner of groups does; the others are planted in copies of the product's sources (bugs/NAME.bug).
#define PARLEY_RAFT_BUGS(X)                                                    \
  X(persisted_early)     /* a turn counts as written when it is handed over */ \
  X(snapshot_unreported) /* what became of a snapshot is not told */           \
  X(log_from_the_start)  /* a log with members begins with entry 1 */          \
  X(same_id_again)       /* who lost its disk comes back under its old id */   \
  X(gone_at_once)        /* a removed replica goes before others know of it */ \
  X(applied_above_persisted)                                                   \
  X(change_unasked)                                                            \
  X(commit_below_applied)                                                      \
  X(joiner_not_listed)                                                         \
  X(log_term_dropped)                                                          \
  X(membership_not_stored)                                                     \
  X(no_write_no_wait)                                                          \
  X(removed_leads_on)                                                          \
  X(sent_before_durable)                                                       \
  X(tail_kept)                                                                 \
  X(unsettled_campaigns)                                                       \
  X(unsynced_turn)                                                             \
  X(vote_not_awaited)

enum class Bug {
  none,
#define PARLEY_RAFT_BUG(name) name,
  PARLEY_RAFT_BUGS(PARLEY_RAFT_BUG)
#undef PARLEY_RAFT_BUG
      kCount
};
std::string_view to_text(Bug bug);

// The bug of the run on this thread.
void plant(Bug bug);
bool planted(Bug bug);

// Times are milliseconds; chances are of a thousand.
struct Profile {
  std::string_view name;
  unsigned voters;
  unsigned shards;
  unsigned latency_max;
  unsigned lost;
  unsigned doubled;
  unsigned late;  // up to a second and a half
  bool in_order;
  unsigned disk_max;
  unsigned stalls;  // of a write, up to a second and a half
  // Each about so often; 0: never.
  unsigned crash;
  unsigned cut;
  unsigned transfer;
  unsigned change;
  unsigned wipe;
  unsigned seconds;
};
std::span<const Profile> profiles();
const Profile* profile(std::string_view name);

}  // namespace parley::raft

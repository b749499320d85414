#pragma once
// What a seed decides before the first event: how bad the world is, and which bug was planted.

#include "tests/sim/scheduler.h"

#include <cstdint>

namespace parley::sim {

// Faults of ours that the checkers must find. They sit in the simulator's own shells, never in the
// rules under test.
enum class Bug : std::uint8_t {
  none,
  ack_before_sync,        // the log is written without a sync
  crash_loses_synced,     // the disk lies about its last synced batch
  replay_skipped,         // after a crash the log is not applied again
  resume_off_by_one,      // history is read from one publication too late
  resume_repeats,         // history is read from one publication too early
  idempotency_forgotten,  // what was remembered does not survive a crash
  confirmed_when_sent,    // a stock client's position counts as confirmed when it is written
  removed_without_grace,  // a lost connection removes the member at once
  leave_forgotten,        // some connections that were lost are never told to the channel
  answers_overtake,       // answers and events of a channel go to a hub by two queues
  asleep_too_early,       // a channel sleeps although requests are on their way
  published_twice,        // an event goes out twice to a hub
  gap_too_far,            // a resume announces as gone what comes next
  kCount
};
const char* to_text(Bug bug);

struct Plan {
  Bug bug = Bug::none;
  seconds chaos{40};  // faults and publications
  seconds calm{60};   // then everything must settle
  std::uint16_t shards = 3;
  int domains = 3;
  int own_clients = 5;
  int stock_clients = 5;
  int members = 4;  // users of the presence channels
  int tabs_max = 3;
  double crashes_per_minute = 0;
  double outages_per_minute = 0;  // of the disk
  double cuts_per_minute = 0;     // of each connection
  double leaves_per_minute = 0;   // of each client, on purpose
  double slow_disk = 0;           // share of writes that take long
  double slow_network = 0;        // share of messages that take long
  double slow_actors = 0;
  milliseconds publish_every{1'500};  // of each client, on average

  static Plan of(Scheduler& scheduler, Bug bug);
};

}  // namespace parley::sim

#pragma once
// What a seed decides before the first event: how bad the world is, and which bug was planted.

#include "core/settings.h"
#include "tests/sim/scheduler.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

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
  last_page_too_early,    // what was missed ends with a page that others would follow
  epoch_kept,             // after a lost tail a channel goes on under the epoch it had
  cut_before_results,     // the log is cut before the results of what is cut are written
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
  double slow_readers = 0;            // share of pages that a client takes long to read
  std::size_t page_bytes = 131'072;   // of what was missed
  milliseconds publish_every{1'500};  // of each client, on average
  std::uint64_t log_bytes_max = 16'384;

  // Of each domain, by its name without a prefix: how it is kept.
  struct Kept {
    Durability durability = Durability::quorum;
    Retention retention{seconds(0), 0, 0};
  };
  std::map<std::string, Kept, std::less<>> domains_kept;
  // Of `private-domain.1`; null: the channel has no history.
  [[nodiscard]] const Kept* kept(std::string_view channel) const;
  [[nodiscard]] bool has_history(std::string_view channel) const { return kept(channel) != nullptr; }
  [[nodiscard]] bool unsynced(std::string_view channel) const;  // durability async
  [[nodiscard]] bool may_have_gaps(std::string_view channel) const;

  static Plan of(Scheduler& scheduler, Bug bug);
};

}  // namespace parley::sim

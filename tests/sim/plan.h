#pragma once
// What a seed decides before the first event: how bad the world is, and which bug was planted.

#include "core/settings.h"
#include "tests/sim/scheduler.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace parley::sim {

inline constexpr std::string_view kAppKey = "app-key";
inline constexpr std::string_view kAppSecret = "app-secret";
inline constexpr std::string_view kAppId = "a";

// Faults of ours that the checkers must find. One row each: its name, and what it is. Those of the first kind sit in
// what the simulator plays itself (disk, network, hubs); the others are planted in copies of the product's sources
// (bugs/NAME.bug), for sim_planted only.
#define PARLEY_SIM_BUGS(X)                                                                        \
  X(ack_before_sync)       /* the log is written without a sync */                                \
  X(crash_loses_synced)    /* the disk lies about its last synced batch */                        \
  X(idempotency_forgotten) /* what was remembered does not survive a crash */                     \
  X(confirmed_when_sent)   /* a stock client's position counts as confirmed when it is written */ \
  X(removed_without_grace) /* a lost connection removes the member at once */                     \
  X(leave_forgotten)       /* some connections that were lost are never told to the channel */    \
  X(answers_overtake)      /* answers and events of a channel go to a hub by two queues */        \
  X(gap_too_far)           /* a resume announces as gone what comes next */                       \
  X(last_page_too_early)   /* what was missed ends with a page that others would follow */        \
  X(published_twice)                                                                              \
  X(answer_to_another)                                                                            \
  X(asleep_too_early)                                                                             \
  X(credit_kept)                                                                                  \
  X(results_not_written)                                                                          \
  X(effects_reversed)                                                                             \
  X(epoch_kept)                                                                                   \
  X(pending_kept)                                                                                 \
  X(refusal_forgotten)                                                                            \
  X(replay_skipped)                                                                               \
  X(sent_to_who_sleeps)                                                                           \
  X(request_overtakes)                                                                            \
  X(resume_off_by_one)                                                                            \
  X(resume_repeats)                                                                               \
  X(share_kept)                                                                                   \
  X(refused_in_flight)                                                                            \
  X(sync_of_the_last)                                                                             \
  X(tick_lost)                                                                                    \
  X(lost_never_told)                                                                              \
  X(sign_out_lost)                                                                                \
  X(session_given_twice)                                                                          \
  X(notices_not_found)                                                                            \
  X(channel_not_restored)                                                                         \
  X(offset_of_another)                                                                            \
  X(acked_at_once)                                                                                \
  X(gap_recovered)                                                                                \
  X(unknown_offset_taken)                                                                         \
  X(own_come_back)                                                                                \
  X(left_not_kept)                                                                                \
  X(kept_as_sent)                                                                                 \
  X(missed_cut)

enum class Bug : std::uint8_t {
  none,
#define PARLEY_SIM_BUG(name) name,
  PARLEY_SIM_BUGS(PARLEY_SIM_BUG)
#undef PARLEY_SIM_BUG
      kCount
};
// Whether it is on in the world that runs now.
bool planted(Bug bug);
void plant(Bug bug);
const char* to_text(Bug bug);

// Which part of what may happen does.
enum class Profile : std::uint8_t { any, quiet, crashes, disk, network, peers };
std::optional<Profile> profile_named(std::string_view name);

struct Plan {
  Bug bug = Bug::none;
  seconds chaos{40};  // faults and publications
  seconds calm{60};   // then everything must settle
  std::uint16_t shards = 3;
  int domains = 3;
  int own_clients = 5;
  int stock_clients = 5;
  int socketio_clients = 3;
  int members = 4;  // users of the presence channels
  int tabs_max = 3;
  double crashes_per_minute = 0;
  double outages_per_minute = 0;  // of the disk
  double cuts_per_minute = 0;     // of each connection
  double leaves_per_minute = 0;   // of each client, on purpose
  double announcements_per_minute = 6;
  double sudden_outages = 0;  // share of writes with which the disk breaks
  double slow_disk = 0;       // share of writes that take long
  double slow_network = 0;    // share of messages that take long
  double slow_actors = 0;
  double webhook_failures = 0;              // share of posts
  double slow_readers = 0;                  // share of pages that a client takes long to read
  std::size_t page_bytes = 131'072;         // of what was missed
  std::size_t catch_up_bytes = 33'554'432;  // on their way to all subscribers
  seconds channel_idle{3};
  milliseconds publish_every{1'500};  // of each client, on average
  std::uint64_t log_bytes_max = 16'384;
  seconds recovery_window{120};  // of Socket.IO's sessions

  // Of several nodes that are one server.
  int nodes = 1;
  std::uint32_t expect_nodes = 2;
  seconds settle_after{1};
  double machine_crashes = 0;       // share of the crashes in which the machine goes with its process
  double peer_cuts_per_minute = 0;  // one way between two machines, or all of one's
  double link_breaks_per_minute = 0;
  double stands_still_per_minute = 0;  // a process is stopped for a while
  bool people_promised = true;         // presence, status and what backends are told of them

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

  [[nodiscard]] bool is_cluster() const { return nodes > 1; }

  static Plan of(Scheduler& scheduler, Bug bug, Profile profile = Profile::any, int nodes = 1);
};

}  // namespace parley::sim

#pragma once
// Every metric of the node, by name, in one place. Prefix `parley_`, base units, no ids in labels.
//
// Handles are cheap and thread-safe (atomics inside prometheus-cpp, whose only home is metrics.cpp);
// fast paths add once for a batch, not once for a subscriber. server/ owns the one Metrics.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace parley {

class Counter {
 public:
  void add(double by = 1) const;
  [[nodiscard]] double value() const;
  prometheus::Counter* handle = nullptr;
};
class Gauge {
 public:
  void set(double to) const;
  void add(double by) const;
  [[nodiscard]] double value() const;
  prometheus::Gauge* handle = nullptr;
};
class Histogram {
 public:
  void observe(double value) const;
  prometheus::Histogram* handle = nullptr;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Prometheus text format. Thread-safe; runs the collectors first.
  std::string text();
  // Called before each exposition, on the scraping thread: for gauges that are read, not kept.
  void on_collect(std::function<void()> collector);

  // net
  Gauge connections_pusher, connections_socketio, connections_http;
  Counter connections_opened;
  Counter connections_closed(std::string_view reason) const;  // reason: Errc name or client, lost
  Counter handshakes_refused(std::string_view reason) const;
  Counter share_refusals(std::string_view kind) const;  // a client address had its share of `kind`
  Gauge http_bytes;                                     // of requests being read and answers not taken
  Gauge sessions_opening;
  Counter authorizations_refused(std::string_view reason) const;
  Counter frames_received, frames_sent, bytes_received, bytes_sent;
  Counter deliveries;  // publications written to a socket's queue
  Counter slow_consumers;
  Gauge write_queue_bytes;
  Histogram publish_to_write_seconds;  // accepted by the node to handed to the socket's queue
  Counter http_requests(std::string_view route, int status) const;
  Histogram http_request_seconds;
  Counter rate_limited(std::string_view kind) const;
  Counter catch_up_overflows;
  Gauge catch_up_bytes, catch_up_waiting;  // missed publications on their way, and pages that wait for their turn
  Counter catch_up_pages(std::string_view source) const;  // read from the store, or shared with another subscriber
  Counter calls(std::string_view lane_kind, std::string_view outcome) const;  // of the application, answered or failed
  Histogram call_seconds;  // from accepting a call to its answer or failure
  Gauge calls_waiting, calls_in_flight;
  Counter auth_questions(std::string_view outcome) const;  // allowed, denied, unavailable, cached, coalesced

  Gauge redis_connected() const;                          // 1 or 0; exists once it was asked for
  Counter redis_messages(std::string_view result) const;  // published, or why it was dropped

  // actors
  Counter publishes(std::string_view source, std::string_view durability) const;
  Counter publishes_refused(std::string_view reason) const;
  Histogram publish_ack_seconds;  // accepted to acknowledged, durable channels
  Gauge subscriptions, channels, presence_members, users_online, users_away;
  Counter user_status_changes;
  Gauge mailbox_messages(std::string_view kind) const;
  Counter actor_messages(std::string_view kind) const;
  Counter actor_ticks;  // timers of actors that ran out
  Gauge requests_in_flight;
  Counter stale_replies;  // to a process or hub that is not there (any more)
  // Of a webhook's target. Its name is the operator's own, and there are few.
  Gauge webhook_events_waiting(std::string_view target) const;
  Gauge webhook_events_dead(std::string_view target) const;
  Counter webhook_events_delivered(std::string_view target) const;
  Counter webhook_failures(std::string_view target) const;
  Histogram webhook_delivery_seconds;  // from when the oldest event of a request happened to its acknowledgement
  Counter resumes(std::string_view outcome) const;
  Counter recoveries(std::string_view outcome) const;  // of kept Socket.IO sessions
  Counter missed_publications;
  Counter passivations;
  Counter webhook_events_dropped(std::string_view reason) const;  // before they were stored
  Counter kept_sessions_refused(std::string_view reason) const;

  // cluster and storage
  Counter peer_messages_dropped(std::string_view reason) const;  // why
  Gauge peer_links;
  Counter peer_bytes_received, peer_bytes_sent;
  Counter peer_dials_failed;
  Counter peer_hellos_refused(std::string_view reason) const;  // of both ends: it is counted where it is decided
  Counter peer_links_cut(std::string_view reason) const;       // silent, or what came is no frame
  Gauge cluster_members(std::string_view state) const;         // as this node believes, with itself
  Counter cluster_suspicions, cluster_refutations, cluster_deaths, cluster_probes_failed;
  Counter cluster_pauses;                                        // this process stood still, as it found out
  Counter cluster_nodes_refused(std::string_view reason) const;  // full, or other_cluster
  Gauge cluster_own_health;                                      // 0 to 8: so much slower it asks than it would
  Gauge shards, shards_without_leader, shards_led, shards_short, shards_voters;
  Counter shard_leads_taken, shard_leads_handed_over;  // elections that were won; leads that others got from here
  Gauge replication_lag;                          // entries that the voter of a shard led here lacks that lacks most
  Counter snapshots_put_off;                      // copies that were not begun here, because of moves_max
  Gauge peer_queue_bytes, peer_requests_waiting;  // of the peer with most
  Gauge cluster_clock_offset_seconds;             // this node's clock beside those of the others; above 0: ahead
  Counter log_entries, commands_applied;
  Gauge log_bytes;            // of the shards' logs, entries not cut off yet
  Counter log_cuts;           // log_bytes_max was reached
  Counter histories_renewed;  // channels whose unsynced tail may be lost: shards that began anew
  Histogram log_fsync_seconds, log_batch_commands, apply_seconds;
  Gauge log_queue_commands;
  Counter storage_errors;
  Gauge storage_available;       // 1 or 0
  Gauge data_directory_present;  // 1, or 0: it was deleted or replaced under the running process
  Gauge data_bytes, disk_free_bytes;
  Counter retention_trimmed;
  Gauge kept_sessions, kept_sessions_bytes;
  Gauge cursor_bytes;             // confirmed positions of stock clients
  Counter cursors_forgotten;      // before their time: a bound was reached
  Counter kept_sessions_evicted;  // before their time: their bound was reached

  // node
  Counter memory_trims;  // free memory was given back to the system
  Gauge draining, start_time_seconds;
  void set_build_info(std::string_view version, std::string_view compiler);
  Counter config_reloads(std::string_view outcome) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley

#include "core/metrics.h"

#include "core/mutex.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace parley {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;
const Buckets kLatency{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                       0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5};
// Answers of other people's servers.
const Buckets kCallLatency{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
// Of what is tried again for a day.
const Buckets kDelivery{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,  0.5,   1,      2.5,
                        5,     10,   30,    60,   300, 1'800, 7'200, 28'800, 86'400};
const Buckets kSizes{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};

}  // namespace

void Counter::add(double by) const { handle->Increment(by); }
double Counter::value() const { return handle->Value(); }
void Gauge::set(double to) const { handle->Set(to); }
void Gauge::add(double by) const { handle->Increment(by); }
double Gauge::value() const { return handle->Value(); }
void Histogram::observe(double value) const { handle->Observe(value); }

struct Metrics::Impl {
  prometheus::Registry registry;
  Mutex collectors_mutex;  // a leaf
  std::vector<std::function<void()>> collectors PARLEY_GUARDED_BY(collectors_mutex);

  using CounterFamily = prometheus::Family<prometheus::Counter>;
  using GaugeFamily = prometheus::Family<prometheus::Gauge>;

  CounterFamily& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  GaugeFamily& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Counter counter(const char* name, const char* help) { return {&counters(name, help).Add({})}; }
  Gauge gauge(const char* name, const char* help) { return {&gauges(name, help).Add({})}; }
  Histogram histogram(const char* name, const char* help, const Buckets& buckets) {
    return {&prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets)};
  }

  CounterFamily& closed = counters("parley_connections_closed_total", "Connections that ended, by reason.");
  CounterFamily& handshakes = counters("parley_handshakes_refused_total", "Handshakes refused, by reason.");
  CounterFamily& share_refused =
      counters("parley_share_refusals_total", "Refusals because a client address had its share, by kind.");
  CounterFamily& unauthorized = counters("parley_authorizations_refused_total", "Authorisations refused, by reason.");
  CounterFamily& http = counters("parley_http_requests_total", "HTTP requests answered, by route and status.");
  CounterFamily& limited = counters("parley_rate_limited_total", "Refusals by a rate limit, by kind.");
  CounterFamily& publish = counters("parley_publishes_total", "Publications accepted, by source and durability.");
  CounterFamily& refused = counters("parley_publishes_refused_total", "Publications refused, by reason.");
  CounterFamily& actor = counters("parley_actor_messages_total", "Messages that actors handled, by kind.");
  CounterFamily& recovery =
      counters("parley_recoveries_total", "Socket.IO sessions whose client came back, by outcome.");
  CounterFamily& resume = counters("parley_resumes_total", "Resumed subscriptions, by outcome.");
  CounterFamily& catch_up = counters("parley_catch_up_pages_total", "Pages of missed publications, by source.");
  CounterFamily& call =
      counters("parley_calls_total", "Calls of the application over HTTP, by kind of lane and outcome.");
  CounterFamily& session_refusals =
      counters("parley_kept_sessions_refused_total", "Sessions that could not be kept, by reason.");
  GaugeFamily& members = gauges("parley_cluster_members", "Nodes of the cluster as this one believes, by state.");
  CounterFamily& nodes_refused =
      counters("parley_cluster_nodes_refused_total", "Nodes that were not taken into the cluster, by reason.");
  CounterFamily& peer_drops =
      counters("parley_peer_messages_dropped_total", "Messages to and from other nodes that were dropped, by reason.");
  CounterFamily& hello_refusals =
      counters("parley_peer_hellos_refused_total", "Links with other nodes that were refused here, by reason.");
  CounterFamily& link_cuts =
      counters("parley_peer_links_cut_total", "Links with other nodes that were ended here, by reason.");
  CounterFamily& webhook_drops = counters("parley_webhook_events_dropped_total",
                                          "Events for webhooks dropped before they were stored, by reason.");
  CounterFamily& auth_question =
      counters("parley_auth_questions_total", "Questions whether a client may subscribe, by outcome.");
  CounterFamily& webhook_delivered =
      counters("parley_webhook_events_delivered_total", "Events that a webhook's target acknowledged.");
  CounterFamily& webhook_failure =
      counters("parley_webhook_failures_total", "Requests that a webhook's target did not acknowledge.");
  CounterFamily& redis =
      counters("parley_redis_messages_total", "Messages of Laravel's redis broadcaster, by what became of them.");
  CounterFamily& reloads = counters("parley_config_reloads_total", "Configuration reloads, by outcome.");
  GaugeFamily& mailboxes = gauges("parley_actor_mailbox_messages", "Messages waiting in actors' mailboxes, by kind.");
  GaugeFamily& webhook_waiting =
      gauges("parley_webhook_events_waiting", "Events stored for a webhook's target and not acknowledged.");
  GaugeFamily& webhook_dead =
      gauges("parley_webhook_events_dead", "Events that were given up and are kept as dead letters.");
  GaugeFamily& redis_up = gauges("parley_redis_connected", "1 while the node is subscribed to Redis, else 0.");
  GaugeFamily& connections = gauges("parley_connections", "Open connections, by protocol.");
  GaugeFamily& build = gauges("parley_build_info", "Always 1; the labels say what runs.");
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  auto& m = *impl_;
  connections_pusher = {&m.connections.Add({{"protocol", "pusher"}})};
  connections_socketio = {&m.connections.Add({{"protocol", "socketio"}})};
  connections_http = {&m.connections.Add({{"protocol", "http"}})};
  http_bytes = m.gauge("parley_http_bytes", "Bytes of HTTP requests being read and of answers not taken yet.");
  sessions_opening = m.gauge("parley_sessions_opening", "Socket.IO sessions whose client has not come back yet.");
  connections_opened = m.counter("parley_connections_opened_total", "WebSocket connections opened.");
  frames_received = m.counter("parley_frames_received_total", "WebSocket messages received.");
  frames_sent = m.counter("parley_frames_sent_total", "WebSocket messages queued for sending.");
  bytes_received = m.counter("parley_received_bytes_total", "Payload bytes received over WebSocket.");
  bytes_sent = m.counter("parley_sent_bytes_total", "Bytes written to WebSocket connections.");
  deliveries = m.counter("parley_deliveries_total", "Publications queued for a subscriber's socket.");
  slow_consumers = m.counter("parley_slow_consumers_total", "Connections closed because their write queue was full.");
  write_queue_bytes = m.gauge("parley_write_queue_bytes", "Bytes waiting in the write queues of all connections.");
  publish_to_write_seconds =
      m.histogram("parley_publish_to_write_seconds",
                  "From accepting a publication to queuing it on the last local socket.", kLatency);
  http_request_seconds =
      m.histogram("parley_http_request_seconds", "From reading an HTTP request to its answer.", kLatency);
  catch_up_overflows =
      m.counter("parley_catch_up_overflows_total", "Recoveries given up because too much was missed at once.");
  catch_up_bytes = m.gauge("parley_catch_up_bytes", "Bytes of missed publications on their way to subscribers.");
  catch_up_waiting = m.gauge("parley_catch_up_waiting", "Pages of missed publications that wait for their turn.");
  call_seconds =
      m.histogram("parley_call_seconds", "From accepting a call of the application to its outcome.", kCallLatency);
  calls_waiting = m.gauge("parley_calls_waiting", "Calls of the application that wait for their turn.");
  calls_in_flight = m.gauge("parley_calls_in_flight", "Calls of the application that wait for their answer.");
  publish_ack_seconds = m.histogram("parley_publish_ack_seconds",
                                    "From accepting a durable publication to its acknowledgement.", kLatency);
  subscriptions = m.gauge("parley_subscriptions", "Subscriptions of sessions on channels.");
  channels = m.gauge("parley_channels", "Channel actors that are awake.");
  presence_members = m.gauge("parley_presence_members", "Members over all presence channels.");
  users_online = m.gauge("parley_users_online", "Users whose status is online.");
  users_away = m.gauge("parley_users_away", "Users whose status is away.");
  user_status_changes =
      m.counter("parley_user_status_changes_total", "Changes of users' status that were stored and told.");
  actor_ticks = m.counter("parley_actor_ticks_total", "Timers of actors that ran out.");
  requests_in_flight = m.gauge("parley_requests_in_flight", "Requests accepted by the gateway and not yet handled.");
  stale_replies = m.counter("parley_stale_replies_total",
                            "Answers and events dropped because they were for a process or a thread that is not here.");
  webhook_delivery_seconds =
      m.histogram("parley_webhook_delivery_seconds",
                  "From when the oldest event of a webhook's request happened to its acknowledgement.", kDelivery);
  memory_trims = m.counter("parley_memory_trims_total", "Times that free memory was given back to the system.");
  missed_publications = m.counter("parley_missed_publications_total", "Publications sent to resuming subscribers.");
  passivations = m.counter("parley_channel_passivations_total", "Channel actors that went to sleep.");
  peer_links = m.gauge("parley_peer_links", "Other nodes that this node has a link to.");
  peer_bytes_received = m.counter("parley_peer_bytes_received_total", "Bytes read from links with other nodes.");
  peer_bytes_sent = m.counter("parley_peer_bytes_sent_total", "Bytes written to links with other nodes.");
  peer_dials_failed = m.counter("parley_peer_dials_failed_total", "Connections to other nodes that failed.");
  shards = m.gauge("parley_shards", "Shards of this node.");
  cluster_suspicions = m.counter("parley_cluster_suspicions_total", "Times that a node was suspected to be dead.");
  cluster_refutations =
      m.counter("parley_cluster_refutations_total", "Times that this node contradicted who suspected it.");
  cluster_deaths = m.counter("parley_cluster_deaths_total", "Nodes that were held for dead.");
  cluster_probes_failed =
      m.counter("parley_cluster_probes_failed_total", "Nodes that answered neither this node nor others it asked.");
  cluster_pauses = m.counter("parley_cluster_pauses_total", "Times that this process stood still, as it found out.");
  cluster_own_health = m.gauge("parley_cluster_own_health",
                               "0: well. Up to 8: this node doubts itself, and is so much slower to suspect.");
  shard_leads_taken = m.counter("parley_shard_leads_taken_total", "Times that this node came to lead a shard.");
  shard_leads_handed_over =
      m.counter("parley_shard_leads_handed_over_total", "Times that this node gave on the lead of a shard in order.");
  replication_lag = m.gauge("parley_replication_lag_entries",
                            "Committed entries that the slowest voter of the shards led here lacks.");
  snapshots_put_off = m.counter("parley_snapshots_put_off_total",
                                "Copies of shards that this node did not begin to take, because it takes others.");
  peer_queue_bytes = m.gauge("parley_peer_queue_bytes", "Bytes that wait for the node for which most wait.");
  peer_requests_waiting =
      m.gauge("parley_peer_requests_waiting", "Requests that are not handled here, of the node that has most of them.");
  cluster_clock_offset_seconds =
      m.gauge("parley_cluster_clock_offset_seconds", "This node's clock beside those of the others; above 0: ahead.");
  shards_led = m.gauge("parley_shards_led", "Shards that this node leads.");
  shards_voters = m.gauge("parley_shards_voters", "Voting replicas of the shards that this node leads.");
  shards_short = m.gauge("parley_shards_short_of_replicas",
                         "Shards that this node leads and that have fewer voters than are wanted and could be had.");
  shards_without_leader = m.gauge("parley_shards_without_leader", "Shards that cannot accept publications now.");
  log_entries = m.counter("parley_log_entries_total", "Entries appended to the shards' logs.");
  commands_applied = m.counter("parley_commands_applied_total", "Commands applied by shard machines.");
  log_bytes = m.gauge("parley_log_bytes", "Bytes of the shards' logs that were not cut off yet.");
  log_cuts = m.counter("parley_log_cuts_total", "Times that the logs reached their bound and were cut.");
  histories_renewed = m.counter("parley_histories_renewed_total",
                                "Times that a lost tail of durability async was possible and epochs were renewed.");
  log_fsync_seconds = m.histogram("parley_log_fsync_seconds", "Time of one synced write of the log.", kLatency);
  log_batch_commands = m.histogram("parley_log_batch_commands", "Commands that shared one synced write.", kSizes);
  apply_seconds = m.histogram("parley_apply_seconds", "Time to apply one batch of committed entries.", kLatency);
  log_queue_commands = m.gauge("parley_log_queue_commands", "Commands waiting for the log writer.");
  storage_errors = m.counter("parley_storage_errors_total", "Writes or reads that the disk refused.");
  storage_available = m.gauge("parley_storage_available", "1 while the log accepts writes, else 0.");
  data_directory_present =
      m.gauge("parley_data_directory_present", "1 while the data directory is the one that was opened, else 0.");
  data_bytes = m.gauge("parley_data_bytes", "Size of the data directory's tables.");
  disk_free_bytes = m.gauge("parley_disk_free_bytes", "Free space on the data directory's file system.");
  retention_trimmed = m.counter("parley_retention_trimmed_total", "Publications removed by retention.");
  kept_sessions = m.gauge("parley_kept_sessions", "Sessions that are kept to be taken up again.");
  kept_sessions_bytes = m.gauge("parley_kept_sessions_bytes", "Bytes of what is kept of them.");
  cursor_bytes = m.gauge("parley_cursor_bytes", "Bytes of confirmed positions of stock clients.");
  cursors_forgotten = m.counter("parley_cursors_forgotten_total",
                                "Confirmed positions forgotten before their time because too many were kept.");
  kept_sessions_evicted = m.counter("parley_kept_sessions_evicted_total",
                                    "Kept sessions dropped before their time because too many were kept.");
  draining = m.gauge("parley_draining", "1 while the node is going away.");
  start_time_seconds = m.gauge("parley_start_time_seconds", "When the process started, in Unix time.");
}
Metrics::~Metrics() = default;

Counter Metrics::connections_closed(std::string_view reason) const {
  return {&impl_->closed.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::share_refusals(std::string_view kind) const {
  return {&impl_->share_refused.Add({{"kind", std::string(kind)}})};
}
Counter Metrics::handshakes_refused(std::string_view reason) const {
  return {&impl_->handshakes.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::authorizations_refused(std::string_view reason) const {
  return {&impl_->unauthorized.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::http_requests(std::string_view route, int status) const {
  return {&impl_->http.Add({{"route", std::string(route)}, {"status", std::to_string(status)}})};
}
Counter Metrics::rate_limited(std::string_view kind) const {
  return {&impl_->limited.Add({{"kind", std::string(kind)}})};
}
Counter Metrics::calls(std::string_view lane_kind, std::string_view outcome) const {
  return {&impl_->call.Add({{"lane_kind", std::string(lane_kind)}, {"outcome", std::string(outcome)}})};
}
Counter Metrics::publishes(std::string_view source, std::string_view durability) const {
  return {&impl_->publish.Add({{"source", std::string(source)}, {"durability", std::string(durability)}})};
}
Counter Metrics::publishes_refused(std::string_view reason) const {
  return {&impl_->refused.Add({{"reason", std::string(reason)}})};
}
Gauge Metrics::mailbox_messages(std::string_view kind) const {
  return {&impl_->mailboxes.Add({{"kind", std::string(kind)}})};
}
Counter Metrics::actor_messages(std::string_view kind) const {
  return {&impl_->actor.Add({{"kind", std::string(kind)}})};
}
Counter Metrics::kept_sessions_refused(std::string_view reason) const {
  return {&impl_->session_refusals.Add({{"reason", std::string(reason)}})};
}
Gauge Metrics::cluster_members(std::string_view state) const {
  return {&impl_->members.Add({{"state", std::string(state)}})};
}
Counter Metrics::cluster_nodes_refused(std::string_view reason) const {
  return {&impl_->nodes_refused.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::peer_messages_dropped(std::string_view reason) const {
  return {&impl_->peer_drops.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::peer_hellos_refused(std::string_view reason) const {
  return {&impl_->hello_refusals.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::peer_links_cut(std::string_view reason) const {
  return {&impl_->link_cuts.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::webhook_events_dropped(std::string_view reason) const {
  return {&impl_->webhook_drops.Add({{"reason", std::string(reason)}})};
}
Counter Metrics::auth_questions(std::string_view outcome) const {
  return {&impl_->auth_question.Add({{"outcome", std::string(outcome)}})};
}
Gauge Metrics::webhook_events_waiting(std::string_view target) const {
  return {&impl_->webhook_waiting.Add({{"target", std::string(target)}})};
}
Gauge Metrics::webhook_events_dead(std::string_view target) const {
  return {&impl_->webhook_dead.Add({{"target", std::string(target)}})};
}
Counter Metrics::webhook_events_delivered(std::string_view target) const {
  return {&impl_->webhook_delivered.Add({{"target", std::string(target)}})};
}
Counter Metrics::webhook_failures(std::string_view target) const {
  return {&impl_->webhook_failure.Add({{"target", std::string(target)}})};
}
Counter Metrics::recoveries(std::string_view outcome) const {
  return {&impl_->recovery.Add({{"outcome", std::string(outcome)}})};
}
Gauge Metrics::redis_connected() const { return {&impl_->redis_up.Add({})}; }
Counter Metrics::redis_messages(std::string_view result) const {
  return {&impl_->redis.Add({{"result", std::string(result)}})};
}
Counter Metrics::resumes(std::string_view outcome) const {
  return {&impl_->resume.Add({{"outcome", std::string(outcome)}})};
}
Counter Metrics::catch_up_pages(std::string_view source) const {
  return {&impl_->catch_up.Add({{"source", std::string(source)}})};
}
Counter Metrics::config_reloads(std::string_view outcome) const {
  return {&impl_->reloads.Add({{"outcome", std::string(outcome)}})};
}

void Metrics::set_build_info(std::string_view version, std::string_view compiler) {
  impl_->build.Add({{"version", std::string(version)}, {"compiler", std::string(compiler)}}).Set(1);
}

void Metrics::on_collect(std::function<void()> collector) {
  const MutexLock lock(impl_->collectors_mutex);
  impl_->collectors.push_back(std::move(collector));
}

std::string Metrics::text() {
  {
    const MutexLock lock(impl_->collectors_mutex);
    for (const auto& collect : impl_->collectors) collect();
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace parley

#pragma once
// Every bound, with its unit last, its default, and what happens when it is reached. An application's and the node's
// can be set under [limits] in parley.toml (some per app); relations are checked by `parley check` and below.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace parley {

// Of one application. Reaching one answers the sender; nobody is disconnected for it.
struct AppLimits {
  std::size_t connections_max = 0;             // 0: only the node's bound. Then: 4100, refused
  std::size_t event_data_bytes_max = 102'400;  // 413 / pusher:error
  std::size_t event_name_chars_max = 200;      // 400 / pusher:error
  std::size_t channel_name_chars_max = 200;    // 400 / subscription_error
  std::size_t channels_per_publish_max = 100;  // 400
  std::size_t events_per_batch_max = 10;       // 400
  std::size_t presence_members_max = 100'000;  // subscription_error; also bounds the roster's memory
  std::size_t member_bytes_max = 2'048;        // subscription_error
  // Of rosters that one connection asked for again: subscription_error, rate_limited; 0: no bound
  std::uint32_t roster_bytes_per_second_max = 1'048'576;
  std::size_t user_id_chars_max = 128;
  std::size_t watchlist_users_max = 100;            // pusher:error 4302
  std::size_t token_bytes_max = 8'192;              // token_invalid, before anything is looked at
  std::size_t channels_per_connection_max = 1'000;  // subscription_error
  std::size_t domains_per_user_max = 100;           // those beyond it are left out
  std::size_t sessions_per_user_max = 1'000;        // the session is closed: over_connection_limit
  std::size_t blocks_per_user_max = 100;            // channels a user is kept off. Then: 400
  std::size_t users_per_call_max = 1'000;           // of one status call. Then: 400
  // Of one connection: pusher:error 4301; 0: no limit. A page that tells its pointer does so once a frame of the
  // screen, up to 240 times a second; what its bytes cost everybody else is bounded apart.
  std::uint32_t client_events_per_second_max = 250;
  std::uint32_t client_event_bytes_per_second_max = 1'048'576;
  std::uint32_t client_requests_per_second_max = 10;  // history, status, activity, tokens; beside the events' bound
  std::uint32_t publishes_per_second_max = 0;         // HTTP 429; 0: no limit
};

// Of the node.
struct NodeLimits {
  std::size_t connections_max = 100'000;  // 4100 after the upgrade
  // One client address's share (IPv6: a /64), here and below. 0: no bound. Then: 4100, 503
  std::size_t connections_per_address_max = 10'000;
  std::size_t http_connections_per_address_max = 10'000;   // not upgraded; at most half of what is taken. 503, closed
  std::size_t sessions_opening_per_address_max = 5'000;    // Socket.IO by polling, before its second request: 503
  std::uint32_t opens_per_second_per_address_max = 2'000;  // of clients, on average over five seconds: 4100, 503
  std::size_t http_bytes_per_address_max = 33'554'432;     // requests being read and answers not taken: 503
  std::size_t http_bytes_max = 268'435'456;                // the same, of the node: 503
  std::size_t http_header_bytes_max = 16'384;              // 431
  std::size_t http_body_bytes_max = 2'097'152;             // 413
  std::size_t frame_bytes_max = 131'072;                   // 1009
  std::size_t json_depth_max = 1'000;                      // bad_frame
  std::size_t write_queue_bytes_max = 4'194'304;           // slow_consumer: 4100, resumes by position
  std::chrono::seconds handshake_timeout{10};              // half-open handshakes are closed
  std::chrono::seconds http_idle_timeout{75};
  std::size_t requests_in_flight_max = 65'536;        // overloaded
  std::size_t mailbox_messages_max = 20'000;          // overloaded, per channel actor
  std::size_t shard_pending_commands_max = 16'384;    // overloaded, per shard
  std::size_t shard_entry_bytes_max = 1'048'576;      // a log entry is cut here, the rest waits
  std::uint64_t log_bytes_max = 2'097'152;            // of all shards' logs: what is in the state by then is cut off
  std::size_t catch_up_publications_max = 0;          // of one resume: more is a gap; 0: no bound
  std::size_t rewind_publications_max = 10'000;       // a larger `rewind` is cut
  std::size_t catch_up_page_bytes_max = 131'072;      // missed publications on their way to one subscriber
  std::size_t catch_up_bytes_max = 33'554'432;        // the same, to all of them: who comes later waits
  std::size_t catch_up_buffer_bytes_max = 1'048'576;  // held until a Socket.IO client is taken up; then it is not
  std::size_t history_page_max = 1'000;
  std::size_t replay_guard_signatures_max = 200'000;  // oldest timestamps are refused first
  std::size_t idempotency_keys_max = 100'000;         // per shard; oldest are forgotten first
  // Stock clients' confirmed positions. Beyond a bound the oldest of the address that has most are forgotten: a gap.
  std::size_t cursors_per_channel_max = 10'000;
  std::size_t cursor_bytes_max = 201'326'592;
  std::size_t cursor_bytes_per_address_max = 50'331'648;
  // Channels awake, of names that a client brought up: over_capacity; too_many_channels for one address's share. What
  // is open to everybody can be invented by anybody: its share is smaller.
  std::size_t channels_max = 1'000'000;
  std::size_t channels_per_address_max = 50'000;
  std::size_t public_channels_per_address_max = 5'000;
  std::uint64_t webhook_waiting_max =
      100'000;  // events stored for one target in one shard; the oldest becomes a dead letter
  std::uint64_t webhook_dead_letters_max = 10'000;  // of one target in one shard; the oldest is dropped
  // Of one channel: client events, cache misses and counts for its backend that wait for the disk; the newest
  // are dropped. Who is here is never dropped: it is told as it stands then.
  std::size_t channel_notices_waiting_max = 10'000;
  std::size_t channel_notices_bytes_max = 16'777'216;  // the same, in bytes of their data
  std::size_t auth_cache_entries_max =
      100'000;                             // the application's decisions on subscriptions; the oldest are forgotten
  std::size_t kept_sessions_max = 20'000;  // per shard; the one that expires last is dropped
  // Of all records, and of one address's. Beyond: those that expire last go, of the address that has most; and an
  // address that wrote its share within a recovery window is told over_capacity: not kept.
  std::size_t kept_sessions_bytes_max = 268'435'456;
  std::size_t kept_sessions_bytes_per_address_max = 16'777'216;
  std::size_t kept_session_bytes_max = 65'536;  // of one record; too_large, it is not kept
  // Of one connection by Socket.IO, those at work and those that are asked for: connect_error, too_many_channels.
  std::size_t socketio_namespaces_max = 64;
  std::uint32_t socketio_connects_per_second_max = 20;  // of one connection: connect_error, rate_limited; 0: no limit
  std::size_t socketio_packets_per_body_max = 1'000;    // of one POST: the session is closed
  // Subscribes of one namespace that want an answer and have none yet: overloaded, and not subscribed.
  std::size_t socketio_subscribes_waiting_max = 1'000;
  std::size_t redis_in_flight_max = 4'096;             // publishes of Redis' messages not answered yet: overloaded
  std::size_t redis_in_flight_bytes_max = 67'108'864;  // the same, in bytes of their data
  std::size_t redis_message_bytes_max = 33'554'432;    // larger: dropped, and the connection made anew
  std::chrono::seconds idempotency_window{600};
  std::chrono::seconds signature_window{600};
  std::chrono::seconds signature_repeat{5};  // a signature may come again for so long after it was first seen
  std::chrono::seconds cursor_lifetime{86'400};
  std::chrono::seconds channel_idle{60};  // a channel actor without listeners passivates
};

// What a node sends to each other node, and takes from it. Not configurable: all nodes have the same.
struct PeerLimits {
  std::size_t message_bytes_max = 8'388'608;  // of one envelope: too_large, and whoever waits for it is told so
  std::size_t queue_bytes_max = 67'108'864;   // that wait for one peer: overloaded, dropped and counted
};

// Of the links between nodes. Not configurable: what two ends of a link expect of each other is among them.
struct LinkLimits {
  std::size_t frame_bytes_max = 262'144;     // with its header; a longer message is cut. From a peer: the link ends
  std::size_t hello_bytes_max = 4'096;       // of a frame before both ends know each other: the connection ends
  std::size_t window_bytes_max = 4'194'304;  // of work sent and not yet confirmed: the rest waits in the peer's queue
  std::size_t ahead_bytes_max = 4'194'304;   // that wait to go ahead of a peer's work: dropped, counted as full
  std::size_t write_bytes_max = 131'072;     // gathered for one write; as much more waits in the kernel
  std::size_t links_max = 256;               // to other nodes: too_many_links
  // Connections that came in and have not introduced themselves: closed at once, counted.
  std::size_t strangers_max = 64;
  std::size_t strangers_per_address_max = 16;
  std::size_t strangers_per_second_max = 200;     // that come in: each may cost a handshake of TLS
  std::size_t places_max = 1'024;                 // that are dialed; the rest of the list is not
  std::chrono::milliseconds hello_within{5'000};  // from the connection to knowing each other: closed
  std::chrono::milliseconds heartbeat{250};       // said when nothing else was for so long
  std::chrono::milliseconds silence_max{3'000};   // nothing came for so long: the link ends
  std::chrono::milliseconds connect_within{3'000};
  std::chrono::milliseconds redial_min{100};  // doubled after each failure, up to the next, less a random part
  std::chrono::milliseconds redial_max{5'000};
  std::chrono::milliseconds higher_waits{10'000};  // for a lower id to dial it, before it dials by itself
};

// Who is in the cluster, as each node knows it and tells it on (cluster/membership). Not configurable either.
struct ClusterLimits {
  std::size_t members_max = 64;           // alive or suspected: who comes beyond is refused, logged and counted
  std::size_t remembered_max = 64;        // dead or left: the one that is longest so is forgotten
  std::size_t name_bytes_max = 64;        // of a name, a zone, a program's version: refused with the message
  std::size_t host_bytes_max = 255;       // the same
  std::size_t gossip_bytes_max = 16'384;  // of one message; what does not fit goes with the next
  std::size_t rumours_per_message_max = 64;
  std::size_t relayed_probes_max = 256;    // on behalf of others: not answered
  std::size_t inbox_messages_max = 4'096;  // received and not looked at yet: dropped and counted
  std::size_t strangers_max = 8;           // nodes of other clusters that are kept to be shown; the oldest goes
  std::size_t removed_max = 32;            // nodes that an operator removed: the one that is longest so is forgotten
  std::size_t drain_orders_max = 8;        // of one node, about others: the oldest is forgotten
};

// A shard's replicas and what they say to each other (cluster/raft_log.h, cluster/raft). Not configurable either.
struct RaftLimits {
  std::size_t inbox_bytes_max = 16'777'216;         // of one peer, that the log thread has not taken: dropped, counted
  std::size_t batch_bytes_max = 204'800;            // of one message between nodes; the rest goes with the next
  std::size_t ahead_bytes_max = 8'192;              // a batch of at most this passes what is in a link's way
  std::size_t places_max = 64;                      // nodes of a shard's replicas: who is beyond is answered nothing
  std::uint64_t message_bytes_max = 262'144;        // of the entries of one append
  std::uint32_t messages_in_flight_max = 64;        // appends to one follower without an answer
  std::uint64_t uncommitted_bytes_max = 8'388'608;  // of one shard, then: overloaded
  std::uint64_t committed_bytes_max = 1'048'576;    // applied at once, at least one entry; the rest comes next
  std::uint64_t window_bytes_max = 65'536;          // of recent entries of a shard in memory; older ones are read
  std::size_t messages_held_max = 4'096;            // of a shard, that wait for a disk which is stuck; then lost
  std::uint64_t log_bytes_held_max = 67'108'864;    // of a shard, for who copies it: cut, and it is copied again
};

// A shard's state on its way to a replica that is too far behind (cluster/snapshots). Not configurable either.
struct SnapshotLimits {
  std::size_t part_bytes_max = 200'000;     // of one part's keys and values, and kSnapshotRowBytes for each: then cut
  std::size_t message_bytes_max = 262'136;  // of one part as it is sent, and of one question: too_large
  std::size_t key_bytes_max = 16'384;       // of a row: too_large, the state cannot be sent
  std::size_t row_bytes_max = 67'108'864;   // of a value, which may come in several parts: too_large, given up
  std::uint64_t bytes_max = 1'099'511'627'776;  // of all rows, at the receiver: too_large, given up
};
// What a row has in a part beside its key and its value, at most.
inline constexpr std::size_t kSnapshotRowBytes = 64;

// Not configurable either.
inline constexpr std::size_t kIdempotencyKeyCharsMax = 200;  // 400 / pusher:error
// Said of a shard to its leader before it has taken the shard up. Then: the hub that said it announces the shard again.
inline constexpr std::size_t kHeldBytesPerShardMax = 8'388'608;
inline constexpr std::size_t kLongRosterBytes = 65'536;       // a longer one is written while it goes out
inline constexpr std::size_t kHttpConnectionsBeside = 1'024;  // beside connections_max clients. Then: closed

static_assert(NodeLimits{}.frame_bytes_max > AppLimits{}.event_data_bytes_max);
static_assert(NodeLimits{}.http_body_bytes_max > AppLimits{}.event_data_bytes_max * AppLimits{}.events_per_batch_max);
static_assert(NodeLimits{}.write_queue_bytes_max > NodeLimits{}.frame_bytes_max);
// A page of missed publications and a request over HTTP fit into one message.
static_assert(PeerLimits{}.message_bytes_max >= 2 * NodeLimits{}.http_body_bytes_max);
static_assert(RaftLimits{}.ahead_bytes_max < RaftLimits{}.batch_bytes_max);
static_assert(RaftLimits{}.batch_bytes_max < LinkLimits{}.frame_bytes_max);
static_assert(kHeldBytesPerShardMax >= PeerLimits{}.message_bytes_max);
static_assert(PeerLimits{}.queue_bytes_max > PeerLimits{}.message_bytes_max);
// A part is one frame's worth: votes wait for no more.
static_assert(SnapshotLimits{}.message_bytes_max + 8 <= LinkLimits{}.frame_bytes_max);
static_assert(SnapshotLimits{}.part_bytes_max + 2 * SnapshotLimits{}.key_bytes_max <
              SnapshotLimits{}.message_bytes_max);
static_assert(LinkLimits{}.window_bytes_max >= 4 * LinkLimits{}.frame_bytes_max);
static_assert(LinkLimits{}.silence_max > 4 * LinkLimits{}.heartbeat);

}  // namespace parley

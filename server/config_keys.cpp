#include "server/config_keys.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace parley::server {
namespace {

constexpr std::int64_t kMany = 1'000'000'000'000;  // "as much as you like", yet no overflow in sums
constexpr std::int64_t kYear = 366 * 86'400;

constexpr auto kNodeKeys = std::to_array<ConfigKey<Config>>({
    {"server.enabled",
     [](Config& c) -> Slot { return &c.server.enabled; },
     "`false`: `parley serve` says so and ends at once with success.",
     {},
     Takes::restart},
    {"server.host",
     [](Config& c) -> Slot { return &c.server.host; },
     "The address to listen on. `::` is every address of both families. `127.0.0.1` with `--dev`.",
     {},
     Takes::restart},
    {"server.port",
     [](Config& c) -> Slot { return &c.server.port; },
     "Clients, HTTP API, health. `0` picks a free port.",
     {0, 65'535},
     Takes::restart},
    {"server.io_threads",
     [](Config& c) -> Slot { return &c.server.io_threads; },
     "Threads that serve connections. `0`: one for each core.",
     {0, 256},
     Takes::restart},
    {"server.path_prefix",
     [](Config& c) -> Slot { return &c.server.path_prefix; },
     "A path in front of everything, as `/ws`. It is cut off before signatures are checked.",
     {},
     Takes::restart},
    {"server.trusted_proxies",
     [](Config& c) -> Slot { return &c.server.trusted_proxies; },
     "Addresses and CIDR blocks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
     {},
     Takes::restart},
    {"server.drain_seconds",
     [](Config& c) -> Slot { return &c.server.drain; },
     "On SIGTERM, clients are closed spread over this long, so that they do not all return at once.",
     {0, 3'600}},
    {"server.tls.certificate",
     [](Config& c) -> Slot { return &c.server.tls.certificate; },
     "PEM file with the certificate chain. With `server.tls.key`: the listener speaks TLS.",
     {},
     Takes::restart},
    {"server.tls.key",
     [](Config& c) -> Slot { return &c.server.tls.key; },
     "PEM file with the private key.",
     {},
     Takes::restart},
    {"metrics.host",
     [](Config& c) -> Slot { return &c.metrics.host; },
     "The address on which `/metrics` is served for Prometheus.",
     {},
     Takes::restart},
    {"metrics.port",
     [](Config& c) -> Slot { return &c.metrics.port; },
     "Its port. `0` picks a free one.",
     {0, 65'535},
     Takes::restart},
    {"data.dir",
     [](Config& c) -> Slot { return &c.data.dir; },
     "The directory of everything durable. Made if it does not exist; one node each.",
     {},
     Takes::restart},
    {"data.auto_migrate",
     [](Config& c) -> Slot { return &c.data.auto_migrate; },
     "Bring an older data directory to this version's form on start.",
     {},
     Takes::restart},
    {"data.shards",
     [](Config& c) -> Slot { return &c.settings.shard_count; },
     "Into how many logs channels are spread. Fixed when the data directory is made.",
     {1, 4'096},
     Takes::restart},
    {"log.level", [](Config& c) -> Slot { return &c.log.level; }, "The least important level that is logged."},
    {"log.format", [](Config& c) -> Slot { return &c.log.format; }, "One line an event, for people or for machines."},

    {"limits.connections_max",
     [](Config& c) -> Slot { return &c.settings.limits.connections_max; },
     "Open connections of the node. Then: 4100, the client comes back later.",
     {1, 10'000'000}},
    {"limits.connections_per_address_max",
     [](Config& c) -> Slot { return &c.settings.limits.connections_per_address_max; },
     "Open connections of one client address. `0`: no bound. Then: 4100.",
     {0, 10'000'000}},
    {"limits.http_header_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.http_header_bytes_max; },
     "Request line and headers. Then: 431.",
     {1'024, 1'048'576}},
    {"limits.http_body_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.http_body_bytes_max; },
     "An HTTP request's body. Then: 413.",
     {1'024, 1'073'741'824}},
    {"limits.frame_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.frame_bytes_max; },
     "A WebSocket message from a client. Then: close 1009.",
     {1'024, 1'073'741'824}},
    {"limits.json_depth_max",
     [](Config& c) -> Slot { return &c.settings.limits.json_depth_max; },
     "Nesting of JSON that is understood. Then: `bad_frame` or 400.",
     {4, 256}},
    {"limits.write_queue_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.write_queue_bytes_max; },
     "Bytes that wait for one slow client. Then: close 4100 `slow_consumer`; it returns and resumes.",
     {4'096, 1'073'741'824}},
    {"limits.handshake_timeout",
     [](Config& c) -> Slot { return &c.settings.limits.handshake_timeout; },
     "A connection that has not sent its whole request by then is closed.",
     {1, 600}},
    {"limits.http_idle_timeout",
     [](Config& c) -> Slot { return &c.settings.limits.http_idle_timeout; },
     "A kept-alive HTTP connection without a request is closed after this.",
     {1, 3'600}},
    {"limits.requests_in_flight_max",
     [](Config& c) -> Slot { return &c.settings.limits.requests_in_flight_max; },
     "Requests of all connections that wait for an answer. Then: `overloaded`.",
     {64, kMany}},
    {"limits.mailbox_messages_max",
     [](Config& c) -> Slot { return &c.settings.limits.mailbox_messages_max; },
     "Messages that wait for one channel. Then: `overloaded`.",
     {64, kMany}},
    {"limits.shard_pending_commands_max",
     [](Config& c) -> Slot { return &c.settings.limits.shard_pending_commands_max; },
     "Durable publishes of one shard that wait for the disk. Then: `overloaded`.",
     {1, kMany}},
    {"limits.shard_entry_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.shard_entry_bytes_max; },
     "A log entry is cut here; the rest waits for the next.",
     {4'096, 67'108'864}},
    {"limits.catch_up_publications_max",
     [](Config& c) -> Slot { return &c.settings.limits.catch_up_publications_max; },
     "Missed publications given to one resuming subscriber. More is announced as a gap.",
     {1, 10'000'000}},
    {"limits.catch_up_buffer_bytes_max",
     [](Config& c) -> Slot { return &c.settings.limits.catch_up_buffer_bytes_max; },
     "New publications held back while a subscriber catches up. Then: `slow_consumer`.",
     {4'096, 1'073'741'824}},
    {"limits.history_page_max",
     [](Config& c) -> Slot { return &c.settings.limits.history_page_max; },
     "Publications in one page of history, whatever was asked.",
     {1, 100'000}},
    {"limits.replay_guard_signatures_max",
     [](Config& c) -> Slot { return &c.settings.limits.replay_guard_signatures_max; },
     "Signatures remembered to refuse replayed requests. Then: requests with the oldest timestamps are refused.",
     {1'000, kMany}},
    {"limits.idempotency_keys_max",
     [](Config& c) -> Slot { return &c.settings.limits.idempotency_keys_max; },
     "Idempotency keys remembered by one shard. Then: the oldest is forgotten.",
     {1, kMany}},
    {"limits.cursors_per_channel_max",
     [](Config& c) -> Slot { return &c.settings.limits.cursors_per_channel_max; },
     "Confirmed positions of stock clients remembered for one channel. Then: the oldest is forgotten.",
     {1, kMany}},
    {"limits.idempotency_window",
     [](Config& c) -> Slot { return &c.settings.limits.idempotency_window; },
     "How long an idempotency key is remembered.",
     {1, kYear}},
    {"limits.signature_window",
     [](Config& c) -> Slot { return &c.settings.limits.signature_window; },
     "How far `auth_timestamp` of a signed request may be from the node's clock.",
     {1, 86'400}},
    {"limits.cursor_lifetime",
     [](Config& c) -> Slot { return &c.settings.limits.cursor_lifetime; },
     "How long a stock client that is away can resume.",
     {1, kYear}},
    {"limits.channel_idle",
     [](Config& c) -> Slot { return &c.settings.limits.channel_idle; },
     "A channel without subscribers leaves memory after this; its history stays.",
     {1, 86'400}},

    {"timing.activity_timeout",
     [](Config& c) -> Slot { return &c.settings.timing.activity_timeout; },
     "Told to clients: they ping after this much silence.",
     {1, 3'600}},
    {"timing.silence_before_ping",
     [](Config& c) -> Slot { return &c.settings.timing.silence_before_ping; },
     "The node pings a client after this much silence.",
     {1, 3'600}},
    {"timing.pong_timeout",
     [](Config& c) -> Slot { return &c.settings.timing.pong_timeout; },
     "… and closes it (4201) if nothing came after this. Browsers slow hidden pages down to a beat a minute.",
     {1, 3'600}},
    {"timing.confirm_delay",
     [](Config& c) -> Slot { return &c.settings.timing.confirm_delay; },
     "Stock clients that can resume are pinged this long after data, to learn what arrived.",
     {10, 60'000}},
    {"timing.subscription_count_interval",
     [](Config& c) -> Slot { return &c.settings.timing.subscription_count_interval; },
     "Pause between two `pusher_internal:subscription_count` of a channel with over 100 subscribers.",
     {1, 3'600}},

    {"conformance.message_bytes_max",
     [](Config& c) -> Slot { return &c.conformance.message_bytes_max; },
     "Largest message of the echo that `--conformance` serves.",
     {1'024, 1'073'741'824},
     Takes::restart},
    {"conformance.fragments_max",
     [](Config& c) -> Slot { return &c.conformance.fragments_max; },
     "Most fragments of one message there.",
     {1, 10'000'000},
     Takes::restart},
});

constexpr auto kAppKeys = std::to_array<ConfigKey<App>>({
    {"id", [](App& a) -> Slot { return &a.id; },
     "In the HTTP API's paths: letters, digits, `_` and `-`. Changing it hides the app's stored history."},
    {"name", [](App& a) -> Slot { return &a.name; }, "For people: logs and the console."},
    {"key", [](App& a) -> Slot { return &a.key; }, "Public; clients connect with it."},
    {"secret",
     [](App& a) -> Slot { return &a.secret; },
     "Signs API requests and authorisations. At least 16 characters; `openssl rand -hex 20` makes one.",
     {},
     Takes::reload,
     true},
    {"secret_previous",
     [](App& a) -> Slot { return &a.secret_previous; },
     "Accepted too, while a rotation lasts: put the old secret here, reload, change the clients, remove it.",
     {},
     Takes::reload,
     true},
    {"enabled", [](App& a) -> Slot { return &a.enabled; }, "`false`: clients get 4003."},
    {"tls_only", [](App& a) -> Slot { return &a.tls_only; }, "Refuse clients without TLS (4000)."},
    {"client_events", [](App& a) -> Slot { return &a.client_events; },
     "Let clients publish `client-…` events on private and presence channels."},
    {"refuse_replays", [](App& a) -> Slot { return &a.refuse_replays; },
     "Refuse a signed publish that was used before. Two equal events signed in the same second look like that: `false` "
     "lets "
     "them pass, and captured requests with them, for ten minutes."},
    {"subscription_count", [](App& a) -> Slot { return &a.subscription_count; },
     "Tell subscribers how many they are (`pusher_internal:subscription_count`)."},
    {"allowed_origins", [](App& a) -> Slot { return &a.allowed_origins; },
     "Web pages that may connect, as `https://example.com` or `https://*.example.com`. Empty or `*`: all."},
    {"authorization_timeout_seconds",
     [](App& a) -> Slot { return &a.authorization_timeout; },
     "A client that has neither signed in nor joined a private channel by then gets 4009. `0`: off.",
     {0, 3'600}},
    {"limits.connections_max",
     [](App& a) -> Slot { return &a.limits.connections_max; },
     "Open connections of the app. `0`: only the node's bound. Then: 4100.",
     {0, 10'000'000}},
    {"limits.event_data_bytes_max",
     [](App& a) -> Slot { return &a.limits.event_data_bytes_max; },
     "An event's `data`. Then: 413 or `pusher:error`.",
     {1, 1'073'741'824}},
    {"limits.event_name_chars_max",
     [](App& a) -> Slot { return &a.limits.event_name_chars_max; },
     "An event's name. Then: 400 or `pusher:error`.",
     {1, 4'096}},
    {"limits.channel_name_chars_max",
     [](App& a) -> Slot { return &a.limits.channel_name_chars_max; },
     "A channel's name. Then: 400 or `pusher:subscription_error`.",
     {1, 4'096}},
    {"limits.channels_per_publish_max",
     [](App& a) -> Slot { return &a.limits.channels_per_publish_max; },
     "Channels of one publish. Then: 400.",
     {1, 10'000}},
    {"limits.events_per_batch_max",
     [](App& a) -> Slot { return &a.limits.events_per_batch_max; },
     "Events of one batch. Then: 400.",
     {1, 10'000}},
    {"limits.presence_members_max",
     [](App& a) -> Slot { return &a.limits.presence_members_max; },
     "Members of one presence channel. Then: `pusher:subscription_error`.",
     {1, 10'000'000}},
    {"limits.member_bytes_max",
     [](App& a) -> Slot { return &a.limits.member_bytes_max; },
     "A member's `user_info`. Then: `pusher:subscription_error`.",
     {1, 1'048'576}},
    {"limits.user_id_chars_max",
     [](App& a) -> Slot { return &a.limits.user_id_chars_max; },
     "A user's id. Then: the sign-in or join is refused.",
     {1, 4'096}},
    {"limits.watchlist_users_max",
     [](App& a) -> Slot { return &a.limits.watchlist_users_max; },
     "Users on one watchlist. Then: `pusher:error` 4302.",
     {0, 100'000}},
    {"limits.channels_per_connection_max",
     [](App& a) -> Slot { return &a.limits.channels_per_connection_max; },
     "Channels that one connection is on. Then: `pusher:subscription_error`.",
     {1, 1'000'000}},
    {"limits.client_events_per_second_max",
     [](App& a) -> Slot { return &a.limits.client_events_per_second_max; },
     "Client events of one connection. `0`: no bound. Then: `pusher:error` 4301.",
     {0, 1'000'000'000}},
    {"limits.publishes_per_second_max",
     [](App& a) -> Slot { return &a.limits.publishes_per_second_max; },
     "HTTP publishes of the app. `0`: no bound. Then: 429.",
     {0, 1'000'000'000}},
});

constexpr auto kRuleKeys = std::to_array<ConfigKey<ChannelRule>>({
    {"match", [](ChannelRule& r) -> Slot { return &r.match; },
     "Pattern for the channel's name without `private-`, `presence-`, … prefix; `*` is any run of characters. A "
     "pattern with a prefix matches whole names."},
    {"durability", [](ChannelRule& r) -> Slot { return &r.durability; },
     "`quorum`: acknowledged when it is on disk; `async`: logged, acknowledged before; `none`: only passed on."},
    {"presence_grace_ms",
     [](ChannelRule& r) -> Slot { return &r.presence_grace; },
     "A member whose connection was lost is held this long, so that a blip is no leave.",
     {0, 3'600'000}},
    {"presence_linger_ms",
     [](ChannelRule& r) -> Slot { return &r.presence_linger; },
     "A member who left on purpose is held this long, so that a quick return is no leave.",
     {0, 3'600'000}},
    {"keep_client_events", [](ChannelRule& r) -> Slot { return &r.keep_client_events; },
     "Client events go into the history too. Needs a durability other than `none`."},
    {"cache_ttl_seconds",
     [](ChannelRule& r) -> Slot { return &r.cache_ttl; },
     "How long a cache channel's last event is given to new subscribers.",
     {1, kYear}},
    {"retention.age_seconds",
     [](ChannelRule& r) -> Slot { return &r.retention.age; },
     "Older publications are removed. `0`: no bound.",
     {0, 100 * kYear}},
    {"retention.count",
     [](ChannelRule& r) -> Slot { return &r.retention.count; },
     "More publications of a channel than this are removed, oldest first. `0`: no bound.",
     {0, kMany}},
    {"retention.bytes",
     [](ChannelRule& r) -> Slot { return &r.retention.bytes; },
     "More bytes of a channel than this are removed, oldest first. `0`: no bound.",
     {0, kMany}},
});

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const ConfigKey<Config>> node_keys() { return kNodeKeys; }
std::span<const ConfigKey<App>> app_keys() { return kAppKeys; }
std::span<const ConfigKey<ChannelRule>> rule_keys() { return kRuleKeys; }

std::string environment_name(std::string_view key) {
  std::string name = "PARLEY_";
  for (const char c : key) {
    if (c == '.') {
      name.push_back('_');
    } else {
      name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    }
  }
  return name;
}

std::string closest(std::string_view wrong, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongestKey = 80;  // a hostile key must not cost a quadratic comparison
  if (wrong.size() > kLongestKey) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto distance = edit_distance(wrong, candidate);
    if (distance < best_distance && distance < std::max(wrong.size(), candidate.size())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return std::string(best);
}

}  // namespace parley::server

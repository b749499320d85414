#include "server/config/earlier_names.h"

#include <algorithm>
#include <array>

namespace parley::server {
namespace {

constexpr std::string_view kOneNode = "one node does the whole job: nothing is needed for it";
constexpr std::string_view kAppsInFile = "applications stand in parley.toml: one [[apps]] each";
constexpr std::string_view kPassphrase =
    "a key with a passphrase cannot be used: `openssl pkey -in key.pem -out plain.pem` makes one without";

// Rows without key and app_key say what to write instead.
constexpr auto kNames = std::to_array<EarlierName>({
    // laravel-echo-server
    {.variable = "LARAVEL_ECHO_SERVER_HOST", .key = "server.host", .turn = Turn::address},
    {.variable = "LARAVEL_ECHO_SERVER_PORT", .key = "server.port"},
    {.variable = "LARAVEL_ECHO_SERVER_DEBUG", .key = "log.level", .turn = Turn::debug},
    {.variable = "LARAVEL_ECHO_SERVER_REDIS_HOST", .key = "redis.host"},
    {.variable = "LARAVEL_ECHO_SERVER_REDIS_PORT", .key = "redis.port"},
    {.variable = "LARAVEL_ECHO_SERVER_REDIS_PASSWORD", .key = "redis.password"},
    {.variable = "LARAVEL_ECHO_SERVER_AUTH_HOST",
     .text = "set auth.url of the application; `parley check --from laravel-echo-server.json` makes it of this"},
    {.variable = "LARAVEL_ECHO_SERVER_PROTO",
     .text = "set server.tls.certificate and server.tls.key, or let a proxy in front terminate TLS"},
    {.variable = "LARAVEL_ECHO_SERVER_SSL_CERT", .text = "set server.tls.certificate"},
    {.variable = "LARAVEL_ECHO_SERVER_SSL_KEY", .text = "set server.tls.key"},
    {.variable = "LARAVEL_ECHO_SERVER_SSL_CHAIN", .text = "put the chain behind the certificate, into one file"},
    {.variable = "LARAVEL_ECHO_SERVER_SSL_PASS", .text = kPassphrase},

    // What many setups call it, whatever the server
    {.variable = "ENABLE_WEBSOCKET", .key = "server.enabled"},
    {.variable = "WEBSOCKET_HOST", .key = "server.host", .turn = Turn::address},
    {.variable = "WEBSOCKET_PORT", .key = "server.port"},
    {.variable = "AUTO_MIGRATE", .key = "data.auto_migrate"},

    // beyondcode/laravel-websockets, and the Pusher variables of Laravel
    {.variable = "LARAVEL_WEBSOCKETS_HOST", .key = "server.host", .turn = Turn::address},
    {.variable = "LARAVEL_WEBSOCKETS_PORT", .key = "server.port"},
    {.variable = "LARAVEL_WEBSOCKETS_SSL_LOCAL_CERT", .key = "server.tls.certificate"},
    {.variable = "LARAVEL_WEBSOCKETS_SSL_LOCAL_PK", .key = "server.tls.key"},
    {.variable = "LARAVEL_WEBSOCKETS_SSL_PASSPHRASE", .text = kPassphrase},
    {.variable = "LARAVEL_WEBSOCKETS_SSL_CA", .text = "put the chain behind the certificate, into one file"},
    {.variable = "LARAVEL_WEBSOCKETS_PATH", .text = "there is no dashboard of that kind: docs/operations.md"},
    {.variable = "LARAVEL_WEBSOCKETS_DOMAIN", .text = "there is no dashboard of that kind: docs/operations.md"},
    {.variable = "PUSHER_APP_PATH", .text = "a path in front of everything is server.path_prefix"},
    {.variable = "PUSHER_APP_CLUSTER", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_HOST", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_PORT", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_SCHEME", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_APP_HOST", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_APP_PORT", .text = "clients only", .for_clients = true},
    {.variable = "PUSHER_APP_SCHEME", .text = "clients only", .for_clients = true},

    // soketi
    {.variable = "SOKETI_HOST", .path = "host", .key = "server.host"},
    {.variable = "SOKETI_PORT", .path = "port", .key = "server.port"},
    {.variable = "SOKETI_PATH_PREFIX", .path = "pathPrefix", .key = "server.path_prefix", .turn = Turn::path_prefix},
    {.variable = "SOKETI_DEBUG", .path = "debug", .key = "log.level", .turn = Turn::debug},
    {.variable = "SOKETI_METRICS_HOST", .path = "metrics.host", .key = "metrics.host"},
    {.variable = "SOKETI_METRICS_SERVER_PORT", .path = "metrics.port", .key = "metrics.port"},
    {.variable = "SOKETI_SSL_CERT", .path = "ssl.certPath", .key = "server.tls.certificate"},
    {.variable = "SOKETI_SSL_KEY", .path = "ssl.keyPath", .key = "server.tls.key"},
    {.variable = "SOKETI_SSL_PASS", .path = "ssl.passphrase", .text = kPassphrase},
    {.variable = "SOKETI_SSL_CA", .path = "ssl.caPath", .text = "put the chain behind the certificate, into one file"},
    {.variable = "SOKETI_SHUTDOWN_GRACE_PERIOD",
     .path = "shutdownGracePeriod",
     .key = "server.drain_seconds",
     .turn = Turn::ms_to_s},
    {.variable = "SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH",
     .path = "channelLimits.maxNameLength",
     .app_key = "limits.channel_name_chars_max"},
    {.variable = "SOKETI_EVENT_MAX_CHANNELS_AT_ONCE",
     .path = "eventLimits.maxChannelsAtOnce",
     .app_key = "limits.channels_per_publish_max"},
    {.variable = "SOKETI_EVENT_MAX_NAME_LENGTH",
     .path = "eventLimits.maxNameLength",
     .app_key = "limits.event_name_chars_max"},
    {.variable = "SOKETI_EVENT_MAX_BATCH_SIZE",
     .path = "eventLimits.maxBatchSize",
     .app_key = "limits.events_per_batch_max"},
    {.variable = "SOKETI_EVENT_MAX_SIZE_IN_KB",
     .path = "eventLimits.maxPayloadInKb",
     .app_key = "limits.event_data_bytes_max",
     .turn = Turn::kilobytes},
    {.variable = "SOKETI_PRESENCE_MAX_MEMBER_SIZE",
     .path = "presence.maxMemberSizeInKb",
     .app_key = "limits.member_bytes_max",
     .turn = Turn::kilobytes},
    {.variable = "SOKETI_PRESENCE_MAX_MEMBERS",
     .path = "presence.maxMembersPerChannel",
     .app_key = "limits.presence_members_max"},
    {.variable = "SOKETI_DEFAULT_APP_ENABLED", .path = "enabled", .app_key = "enabled"},
    {.variable = "SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES",
     .path = "enableClientMessages",
     .app_key = "client_events"},
    {.variable = "SOKETI_DEFAULT_APP_MAX_CONNS",
     .path = "maxConnections",
     .app_key = "limits.connections_max",
     .turn = Turn::unlimited},
    {.variable = "SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC",
     .path = "maxBackendEventsPerSecond",
     .app_key = "limits.publishes_per_second_max",
     .turn = Turn::unlimited},
    {.variable = "SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC",
     .path = "maxClientEventsPerSecond",
     .app_key = "limits.client_events_per_second_max",
     .turn = Turn::unlimited},
    {.variable = "SOKETI_DEFAULT_APP_MAX_READ_REQ_PER_SEC",
     .path = "maxReadRequestsPerSecond",
     .text = "reading over the HTTP API has no bound of its own"},
    {.variable = "SOKETI_DEFAULT_APP_USER_AUTHENTICATION",
     .path = "enableUserAuthentication",
     .text = "signing in is always possible; authorization_timeout_seconds of the application makes it a duty"},
    {.variable = "SOKETI_USER_AUTHENTICATION_TIMEOUT",
     .path = "userAuthenticationTimeout",
     .text = "set authorization_timeout_seconds of the application"},
    {.variable = "SOKETI_DEFAULT_APP_WEBHOOKS*", .path = "webhooks", .text = "write a [[webhooks]] table for each"},
    {.variable = "SOKETI_WEBHOOKS_*",
     .path = "webhooks.*",
     .text = "[[webhooks]]: batch_events_max and batch_bytes_max"},
    {.variable = "SOKETI_CHANNEL_CACHE_TTL",
     .path = "channelLimits.cacheTtl",
     .text = "set cache_ttl_seconds in a [[channels]] rule"},
    {.variable = "SOKETI_CORS_*",
     .path = "cors.*",
     .text = "web pages may not call the HTTP API: its secret would be every visitor's"},
    {.variable = "SOKETI_METRICS_ENABLED",
     .path = "metrics.enabled",
     .text = "metrics are always served, on metrics.host and metrics.port"},
    {.variable = "SOKETI_METRICS_*", .path = "metrics.*", .text = "metrics are Prometheus', and begin with parley_"},
    {.variable = "SOKETI_HTTP_*",
     .path = "httpApi.*",
     .text = "bounds of memory stand under limits; /accept-traffic says whether the node is ready"},
    {.variable = "SOKETI_APP_MANAGER_*", .path = "appManager.*", .text = kAppsInFile},
    {.variable = "SOKETI_ADAPTER_*", .path = "adapter.*", .text = kOneNode},
    {.variable = "SOKETI_CLUSTER_*", .path = "cluster.*", .text = kOneNode},
    {.variable = "SOKETI_CACHE_*", .path = "cache.*", .text = kOneNode},
    {.variable = "SOKETI_QUEUE_*", .path = "queue.*", .text = kOneNode},
    {.variable = "SOKETI_RATE_LIMITER_*", .path = "rateLimiter.*", .text = kOneNode},
    {.variable = "SOKETI_DB_*", .path = "database.*", .text = "no database is needed, and no Redis"},
    {.variable = "SOKETI_MODE", .path = "mode", .text = kOneNode},
    {.variable = "SOKETI_INSTANCE_*", .path = "instance.*", .text = kOneNode},

    // Laravel Reverb
    {.variable = "REVERB_SERVER_HOST", .key = "server.host"},
    {.variable = "REVERB_SERVER_PORT", .key = "server.port"},
    {.variable = "REVERB_SERVER_PATH", .key = "server.path_prefix", .turn = Turn::path_prefix},
    {.variable = "REVERB_APP_PING_INTERVAL", .key = "timing.silence_before_ping"},
    {.variable = "REVERB_APP_ACTIVITY_TIMEOUT", .key = "timing.activity_timeout"},
    {.variable = "REVERB_APP_MAX_CONNECTIONS", .app_key = "limits.connections_max"},
    {.variable = "REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM", .app_key = "client_events", .turn = Turn::none_is_off},
    {.variable = "REVERB_APP_MAX_MESSAGE_SIZE",
     .text = "set limits.frame_bytes_max, which must hold an event's data (limits.event_data_bytes_max of the "
             "application)"},
    {.variable = "REVERB_MAX_REQUEST_SIZE",
     .text = "set limits.http_body_bytes_max, which must hold a batch of events"},
    {.variable = "REVERB_APP_RATE_LIMIT*", .text = "set limits.client_events_per_second_max of the application"},
    {.variable = "REVERB_SCALING_*", .text = kOneNode},
    {.variable = "REVERB_PULSE_*", .text = "metrics are served for Prometheus"},
    {.variable = "REVERB_TELESCOPE_*", .text = "metrics are served for Prometheus"},
    {.variable = "REVERB_HOST", .text = "clients only", .for_clients = true},
    {.variable = "REVERB_PORT", .text = "clients only", .for_clients = true},
    {.variable = "REVERB_SCHEME", .text = "clients only", .for_clients = true},
    {.variable = "REVERB_SERVER", .text = "clients only", .for_clients = true},
});

// Credentials, and what is judged by a rule of its own (config_env.cpp).
constexpr auto kElsewhere = std::to_array<std::string_view>(
    {"REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET", "PUSHER_APP_ID", "PUSHER_APP_KEY", "PUSHER_APP_SECRET",
     "SOKETI_DEFAULT_APP_ID", "SOKETI_DEFAULT_APP_KEY", "SOKETI_DEFAULT_APP_SECRET", "WEBSOCKET_SCHEME"});

// All that begins so was meant for such a server.
constexpr auto kFamilies =
    std::to_array<std::string_view>({"REVERB_", "SOKETI_", "LARAVEL_WEBSOCKETS_", "LARAVEL_ECHO_SERVER_"});

}  // namespace

std::span<const EarlierName> earlier_names() { return kNames; }

const EarlierName* find_earlier_name(std::string_view variable) {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [&](const EarlierName& row) {
    if (!row.variable.ends_with('*')) return row.variable == variable;
    return variable.starts_with(row.variable.substr(0, row.variable.size() - 1));
  });
  return found == kNames.end() ? nullptr : &*found;
}

bool judged_elsewhere(std::string_view variable) {
  return std::find(kElsewhere.begin(), kElsewhere.end(), variable) != kElsewhere.end();
}

bool of_earlier_family(std::string_view variable) {
  if (judged_elsewhere(variable) || find_earlier_name(variable) != nullptr) return true;
  return std::any_of(kFamilies.begin(), kFamilies.end(),
                     [&](std::string_view family) { return variable.starts_with(family); });
}

}  // namespace parley::server

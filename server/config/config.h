#pragma once
// What the operator decided, as one value: where the node listens, what it keeps, its applications.
//
// Made by load_config() (config_load.h) at start and on every reload, then never changed. `settings`
// is the part that the layers to the right see.

#include "core/log.h"
#include "core/settings.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace parley::server {

struct TlsConfig {
  std::string certificate;  // PEM files; both or none
  std::string key;
  [[nodiscard]] bool enabled() const { return !certificate.empty(); }
};

struct ServerConfig {
  bool enabled = true;  // false: `serve` says so and ends (ENABLE_WEBSOCKET of earlier setups)
  std::string host = "0.0.0.0";
  std::uint16_t port = 6001;                 // 0: a free one
  std::uint32_t io_threads = 0;              // 0: one for each core
  std::string path_prefix;                   // empty, or `/ws`: cut off before routing and before signatures
  std::vector<std::string> trusted_proxies;  // addresses and CIDR blocks whose X-Forwarded-* count
  std::chrono::seconds drain{15};            // closes of a drain are spread over this long
  TlsConfig tls;
};

struct MetricsConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9601;  // 0: a free one
};

struct DataConfig {
  std::string dir = "./data";
  bool auto_migrate = true;
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

// Other nodes. Off: the node is alone, and listens for none.
struct ClusterConfig {
  bool enabled = false;           // also by `join`
  std::vector<std::string> join;  // host or host:port of nodes that may be there; itself among them is no harm
  std::string host = "0.0.0.0";
  std::uint16_t port = 6002;  // 0: a free one
  std::string advertise;      // host or host:port under which others reach it; empty: host, or the machine's name
  std::string name;           // for people; empty: the machine's name
  std::string zone;
  std::uint32_t expect_nodes = 1;  // so many must see each other before they are a cluster
  std::uint32_t replicas = 3;      // of each shard
  std::uint32_t moves_max = 8;     // shards that a node copies to others at a time
  std::chrono::seconds replace_after{600};
  std::chrono::seconds settle_after{15};
  std::string tls_certificate;     // PEM files; all three, or none
  std::string tls_key;
  std::string tls_authority;
  [[nodiscard]] bool on() const { return enabled || !join.empty(); }
};

// Where Laravel's redis broadcaster publishes.
struct RedisConfig {
  bool enabled = false;
  std::string url;  // instead of host, port, socket, username, database
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string socket;
  std::string username;
  std::string password;
  std::uint32_t database = 0;
  std::string key_prefix;
  bool detect_prefix = true;
  std::string app;  // id; empty: the first
  std::chrono::milliseconds reconnect_pause{200};
  std::chrono::milliseconds reconnect_pause_max{10'000};
};

// A WebSocket echo for public RFC 6455 suites, and what those of Engine.IO and Socket.IO expect. `enabled` only by the
// flag, never by a file.
struct ConformanceConfig {
  bool enabled = false;
  std::size_t message_bytes_max = 16 * 1024 * 1024;
  std::size_t fragments_max = 65'536;
  std::uint16_t socketio_port = 0;  // 0: a free one
  bool recovery = false;            // of the Socket.IO fixture; by the flag as well
};

struct Config {
  bool dev = false;  // demo app, page and admin key, weak secrets allowed, loopback only unless told otherwise
  ServerConfig server;
  MetricsConfig metrics;
  DataConfig data;
  LogConfig log;
  ClusterConfig cluster;
  RedisConfig redis;
  ConformanceConfig conformance;
  Settings settings;
};

inline constexpr const char* kDevAppId = "4711";
inline constexpr const char* kDevAppKey = "app-key-demo";
inline constexpr const char* kDevAppSecret = "app-secret-demo";
inline constexpr const char* kDevAdminKey = "admin-key-demo";

}  // namespace parley::server

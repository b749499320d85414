#pragma once
// What the operator decided, as one immutable value: applications, channel rules, limits.
//
// A reload makes a new Settings; who holds the old one finishes with it. SettingsSource is
// thread-safe and the only mutable part; server/ owns it, everyone else borrows it.

#include "core/limits.h"
#include "core/notice.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// What happens to a signed request that was used before. Stock SDKs stamp whole seconds, so that two equal events
// within one second carry one signature.
enum class ReplayRefusal : std::uint8_t {
  never,   // it passes until its timestamp is too old, and so does a captured one
  later,   // it passes for limits.signature_repeat after it was first seen
  always,  // it is refused, equal events within a second with it
};

// The server asks the application whether a client may subscribe, when the client brought no proof.
struct AuthSettings {
  std::string url;        // one channel a call, as Laravel's /broadcasting/auth; empty: nobody is asked
  std::string batch_url;  // several channels in one call; empty: one call for each
  milliseconds timeout{3'000};
  std::size_t concurrency_max = 32;                // calls at a time
  std::size_t waiting_max = 10'000;                // questions that wait; then: auth_unavailable
  std::size_t waiting_per_connection_max = 1'000;  // the same, of one client
  std::uint32_t address_share_percent = 75;        // of both bounds above, for all clients of one address together
  std::size_t channels_per_call_max = 100;         // of a batch
  seconds cache{10};                               // how long a yes counts for the same client credentials; 0: never
  seconds cache_refusal{2};                        // how long a no counts
  std::vector<std::string> forward_headers{"cookie", "authorization", "x-csrf-token", "x-xsrf-token"};
};

// Where user.status.changed goes, and what makes a user away.
struct StatusSettings {
  // Channels; {user} and {domain} are filled in. Only those that are private or presence channels.
  std::vector<std::string> channels{"private-user.{user}", "private-domain.{domain}", "presence-domain.{domain}"};
  seconds away_after{0};  // a session that sends nothing but pings for so long is away; 0: only when it says so
};

// A public key that connection tokens may be signed with.
struct TokenPublicKey {
  std::string name;  // its file's name without the ending; a token's `kid` that equals it has it tried first
  std::string pem;
};

// How connection tokens are checked (net/auth/token.h).
struct TokenSettings {
  bool enabled = true;
  std::vector<std::string> hs256_secrets;     // empty: the app's secret and secret_previous
  std::vector<std::string> public_key_files;  // RSA or Ed25519
  std::vector<TokenPublicKey> public_keys;    // what those files held when the configuration was read
  std::string issuer;                         // empty: any
  std::string audience;                       // accepted beside the app's id and key
  std::chrono::seconds leeway{30};            // how far the issuer's clock may be from ours
  std::chrono::seconds lifetime_max{86'400};  // 0: no bound
  std::chrono::seconds warn{60};              // a live client is told this long before the end
};

struct App {
  std::string id;
  std::string name;
  std::string key;
  std::string secret;
  std::string secret_previous;        // accepted too while a rotation lasts; empty: none
  std::vector<std::string> api_keys;  // open laravel-echo-server's HTTP API; empty: it is off
  bool enabled = true;
  bool tls_only = false;
  bool client_events = true;
  ReplayRefusal refuse_replays = ReplayRefusal::later;  // of signed publishes
  bool subscription_count = false;                      // send pusher_internal:subscription_count
  std::vector<std::string> allowed_origins;             // empty or "*": any; `https://*.example.com` allowed
  std::chrono::seconds authorization_timeout{0};  // 0: off. Else 4009 when neither signed in nor authorised by then
  AuthSettings auth;
  StatusSettings status;
  milliseconds webhook_hold{3'000};  // vacated, removed, offline, disconnected are held back this long at least
  AppLimits limits;
  TokenSettings tokens;
};

// Where events of an application are told to its backend.
struct WebhookTarget {
  std::string name;  // unique; notices are stored under it
  std::string app;   // id
  std::string url;
  bool enabled = true;                     // false: notices are kept, nothing is sent
  std::vector<std::string> events{"*"};    // names; `*`: all, `pusher`: Pusher's seven
  std::vector<std::string> channels{"*"};  // patterns as of channel rules; for events of channels
  std::vector<std::string> headers;        // `Name: value`, sent with each request
  milliseconds timeout{5'000};
  std::uint32_t concurrency_max = 4;     // requests at a time
  std::uint32_t batch_events_max = 100;  // of one request
  std::uint32_t batch_bytes_max = 262'144;
  seconds retry_pause_max{60};
  seconds retry_for{24 * 3'600};  // then an event is given up and kept as a dead letter
  std::string ca_file;            // PEM; empty: the system's
  NoticeMask kinds = 0;           // of `events`; filled in by the configuration

  [[nodiscard]] bool wants(NoticeKind kind) const { return (kinds & mask_of(kind)) != 0; }
  [[nodiscard]] bool wants_channel(std::string_view name) const;
};
NoticeMask notice_mask(const std::vector<std::string>& events);

enum class Durability : std::uint8_t {
  none,    // ephemeral: only passed on
  async,   // logged, acknowledged before the disk has it
  quorum,  // acknowledged when a majority has it on disk
};

struct Retention {
  std::chrono::seconds age{30 * 24 * 3600};  // 0: no bound
  std::uint64_t count = 10'000;              // 0: no bound
  std::uint64_t bytes = 64 * 1024 * 1024;    // 0: no bound
};

// The first rule whose pattern matches the channel's base name (no private-/presence-/… prefix)
// decides. `*` matches any run of characters. A pattern with a prefix matches the whole name.
struct ChannelRule {
  std::string match;
  Durability durability = Durability::none;
  Retention retention;
  std::chrono::milliseconds presence_grace{3'000};  // connection lost: hold member_removed this long
  std::chrono::milliseconds presence_linger{250};   // left on purpose: hold it this long (quick re-subscribe)
  bool keep_client_events = false;                  // client events go into the history too
  std::chrono::seconds cache_ttl{1'800};
};

struct Timing {
  std::chrono::seconds activity_timeout{30};  // told to clients; then they ping
  // A hidden Chrome tab fires timers once a minute: ping only after this silence, close after that. Together longer
  // than the two minutes after which clients ping that take no notice of what they are told.
  std::chrono::seconds silence_before_ping{45};
  std::chrono::seconds pong_timeout{90};
  std::chrono::milliseconds confirm_delay{500};         // stock clients that resume: ping this long after data
  std::chrono::seconds subscription_count_interval{5};  // above 100 subscribers
  // After a crash or restart: who was here before is not away until this long after the start.
  std::chrono::milliseconds restart_grace{15'000};
};

// Socket.IO clients (docs/socketio.md).
struct SocketIoSettings {
  bool enabled = true;
  std::string path = "/socket.io";  // no slash at the end
  milliseconds ping_interval{25'000};
  milliseconds ping_timeout{20'000};
  milliseconds connect_timeout{45'000};  // from the session's opening to the first namespace
  milliseconds upgrade_timeout{10'000};
  std::size_t message_bytes_max = 1'000'000;  // of a frame or a polling body; told as maxPayload
  bool eio3 = true;                           // clients of Engine.IO 3: socket.io-client 2
  std::vector<std::string> cors_origins;      // for polling from other pages; `*`: any; empty: none
  bool cors_credentials = false;
  bool recovery = true;                 // connection state recovery
  seconds recovery_window{120};         // after the connection was lost
  std::string app;                      // id, of the namespace `/`; empty: the first application
  std::vector<std::string> namespaces;  // further ones, as `/admin=4711`

  // The application of a namespace; null: there is no such namespace.
  [[nodiscard]] const App* app_of(std::string_view nsp, const std::vector<App>& apps) const;
};

struct AdminSettings {
  std::string key;           // empty: the admin API is off
  std::string key_previous;  // accepted too while a rotation lasts
};

struct Settings {
  std::vector<App> apps;
  std::vector<ChannelRule> rules;
  std::vector<WebhookTarget> webhooks;
  std::vector<std::string> outbound_hosts;  // hosts that may be called; `*.example.com` allowed; empty: any
  AdminSettings admin;
  SocketIoSettings socketio;
  NodeLimits limits;
  Timing timing;
  std::uint16_t shard_count = 64;

  [[nodiscard]] const App* app_by_key(std::string_view key) const;
  [[nodiscard]] const App* app_by_id(std::string_view id) const;
  // Never absent: the built-in last rule is ephemeral.
  [[nodiscard]] const ChannelRule& rule_for(std::string_view channel_name) const;
  [[nodiscard]] const WebhookTarget* webhook(std::string_view name) const;
};
using SettingsPtr = std::shared_ptr<const Settings>;

// `domain.*`, `user.*`, `admin.*`: durable; `server-to-user`: durable; anything else: ephemeral.
std::vector<ChannelRule> default_rules();
bool pattern_matches(std::string_view pattern, std::string_view text);

class SettingsSource {
 public:
  explicit SettingsSource(SettingsPtr first) : current_(std::move(first)) {}
  [[nodiscard]] SettingsPtr current() const { return current_.load(); }
  void replace(SettingsPtr next) { current_.store(std::move(next)); }

 private:
  std::atomic<SettingsPtr> current_;
};

}  // namespace parley

#pragma once
// What the operator decided, as one immutable value: applications, channel rules, limits.
//
// A reload makes a new Settings; who holds the old one finishes with it. SettingsSource is
// thread-safe and the only mutable part; server/ owns it, everyone else borrows it.

#include "core/limits.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

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
  std::string secret_previous;  // accepted too while a rotation lasts; empty: none
  bool enabled = true;
  bool tls_only = false;
  bool client_events = true;
  bool refuse_replays = true;  // of signed publishes; off where equal events within a second must pass
  bool subscription_count = false;  // send pusher_internal:subscription_count
  std::vector<std::string> allowed_origins;  // empty or "*": any; `https://*.example.com` allowed
  std::chrono::seconds authorization_timeout{0};  // 0: off. Else 4009 when neither signed in nor authorised by then
  AppLimits limits;
  TokenSettings tokens;
};

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
  std::chrono::milliseconds presence_grace{3'000};   // connection lost: hold member_removed this long
  std::chrono::milliseconds presence_linger{250};    // left on purpose: hold it this long (quick re-subscribe)
  bool keep_client_events = false;                   // client events go into the history too
  std::chrono::seconds cache_ttl{1'800};
};

struct Timing {
  std::chrono::seconds activity_timeout{30};     // told to clients; then they ping
  // A hidden Chrome tab fires timers once a minute: ping only after this silence, close after that.
  std::chrono::seconds silence_before_ping{45};
  std::chrono::seconds pong_timeout{75};
  std::chrono::milliseconds confirm_delay{500};  // stock clients that resume: ping this long after data
  std::chrono::seconds subscription_count_interval{5};  // above 100 subscribers
};

struct Settings {
  std::vector<App> apps;
  std::vector<ChannelRule> rules;
  NodeLimits limits;
  Timing timing;
  std::uint16_t shard_count = 64;

  [[nodiscard]] const App* app_by_key(std::string_view key) const;
  [[nodiscard]] const App* app_by_id(std::string_view id) const;
  // Never absent: the built-in last rule is ephemeral.
  [[nodiscard]] const ChannelRule& rule_for(std::string_view channel_name) const;
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

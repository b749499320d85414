#pragma once
// The one table of everything that can be configured. The TOML reader, the PARLEY_* environment,
// `--set`, `parley check` and docs/configuration.md all read it; a key that is not here does not exist.

#include "server/config/config.h"
#include "server/config/config_value.h"

#include <span>
#include <string>
#include <string_view>

namespace parley::server {

enum class Takes : std::uint8_t { reload, restart };  // what it needs to become effective

template <class Owner>
struct ConfigKey {
  std::string_view name;  // with its tables: `server.tls.key`; within an app or rule: `limits.connections_max`
  Slot (*slot)(Owner&);
  std::string_view meaning;  // one sentence; what happens when a limit is reached
  Range range{};
  Takes takes = Takes::reload;
  bool secret = false;
};

std::span<const ConfigKey<Config>> node_keys();
std::span<const ConfigKey<App>> app_keys();                // one `[[apps]]` table
std::span<const ConfigKey<ChannelRule>> rule_keys();       // one `[[channels]]` table
std::span<const ConfigKey<WebhookTarget>> webhook_keys();  // one `[[webhooks]]` table

template <class Owner>
const ConfigKey<Owner>* find_key(std::span<const ConfigKey<Owner>> keys, std::string_view name) {
  for (const auto& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string environment_name(std::string_view key);  // `server.port` -> `PARLEY_SERVER_PORT`

// "port" when `wrong` looks like a slip of it, else empty.
std::string closest(std::string_view wrong, std::span<const std::string_view> candidates);

}  // namespace parley::server

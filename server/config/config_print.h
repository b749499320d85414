#pragma once
// The effective configuration as TOML that loads again, and docs/configuration.md. Pure.

#include "server/config/config_load.h"

#include <cstdint>
#include <string>

namespace parley::server {

enum class Secrets : std::uint8_t { masked, shown };

// Each value with its origin behind a `#`. Masked secrets make the text safe to paste into a report.
std::string config_toml(LoadedConfig& loaded, Secrets secrets);

// The same for configurations that mean the same, but for what is each node's own: where it listens, keeps data, logs.
std::uint64_t shared_digest(const Config& config);

// The reference for operators; a test holds docs/configuration.md to it.
std::string config_reference();

}  // namespace parley::server

#pragma once
// One value of the configuration: how it is read from TOML or text, and how it is written as TOML.
// Pure.

#include "core/log.h"
#include "core/result.h"
#include "core/settings.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::server {

// Where a value is kept. The pointer's type says what may be written there.
using Slot = std::variant<std::string*, bool*, std::uint16_t*, std::uint32_t*, std::uint64_t*, std::chrono::seconds*,
                          std::chrono::milliseconds*, std::vector<std::string>*, LogLevel*, LogFormat*, Durability*,
                          ReplayRefusal*>;

// What a TOML file can hold for one key.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct Range {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

// The error's message says what is wrong and what would be right.
Status assign(Slot slot, const ConfigValue& value, Range range);
Status assign_text(Slot slot, std::string_view text, Range range);  // environment and flags

std::string slot_toml(Slot slot);       // the value as TOML
std::string_view slot_type(Slot slot);  // for docs: `text`, `integer`, …
std::string toml_quote(std::string_view text);

// "90", "90s", "1500ms", "5m", "2h", "30d": milliseconds. A bare number counts in `unit`.
Result<std::int64_t> parse_duration_ms(std::string_view text, std::int64_t unit_ms);

}  // namespace parley::server

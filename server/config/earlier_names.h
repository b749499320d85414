#pragma once
// Variables of the servers that people come from: what each of them means here, or what to write instead. Pure.
//
// One table for the environment, a `.env`, and soketi's JSON, whose keys are the same settings by other names.

#include "server/config/config_keys.h"

#include <optional>
#include <span>
#include <string_view>

namespace parley::server {

// How a value becomes one of ours.
enum class Turn : std::uint8_t {
  as_it_is,
  address,      // a host to listen on; a name is for clients and changes nothing
  path_prefix,  // with a slash in front, and none at the end
  ms_to_s,      // milliseconds, rounded up to seconds
  kilobytes,
  unlimited,    // -1 is our 0
  debug,        // true: log.level = debug
  none_is_off,  // "none" switches the flag off, anything else leaves it
};

struct EarlierName {
  std::string_view variable;      // one that ends with `*` stands for all that begin so
  std::string_view path = {};     // in soketi's JSON; empty: not there
  std::string_view key = {};      // of the node; empty: none
  std::string_view app_key = {};  // of the applications; empty: none
  Turn turn = Turn::as_it_is;
  std::string_view text = {};  // without a counterpart: what to write instead, or why nothing is needed
  // For Laravel and pages, not for the server: worth a word to who asks, not at every start.
  bool for_clients = false;
};

// In the order in which later ones win.
std::span<const EarlierName> earlier_names();

// The row of a variable; null: of none of the families, or unknown there.
const EarlierName* find_earlier_name(std::string_view variable);
// Is it one that those servers alone would read (REVERB_…, SOKETI_…)?
bool of_earlier_family(std::string_view variable);
// Credentials and others that have no row, because more than one variable decides (config_env.cpp).
bool judged_elsewhere(std::string_view variable);

}  // namespace parley::server

#pragma once
// A JSON file that people wrote, as rows of path and value: `databaseConfig.redis.host`, `clients.0.appId`. For
// configurations of other programs. Pure.

#include "core/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

struct FlatRow {
  std::string path;
  // Objects and arrays are the rows below them; an empty one is a row.
  enum class Kind { null, boolean, number, text, empty } kind = Kind::null;
  std::string text;  // `true`, `false`, the number, the text
};

// In the order of the file; of a name that stands twice the last counts, as in JavaScript. The file must hold an
// object; the error says at which line it is none.
Result<std::vector<FlatRow>> flatten_json(std::string_view text);

}  // namespace parley::server

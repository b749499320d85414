#pragma once
// A `.env` file as Laravel and soketi read it: names and values. Pure.
//
// `#` begins a comment, `export` may stand in front, values may be quoted (between double quotes `\n`, `\"`, `\\`, and
// line breaks), `${NAME}` is a name from above or from the environment, but not between single quotes.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

struct Dotenv {
  std::map<std::string, std::string> values;  // the last of a name counts
  std::vector<std::size_t> bad_lines;         // from 1: neither a comment nor NAME=value; nothing else suffers
};

Dotenv parse_dotenv(std::string_view text, const std::map<std::string, std::string>& environment);

}  // namespace parley::server

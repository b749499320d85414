#pragma once
// What the commands print: readable lines and tables on stdout, one sentence on stderr when something
// cannot be done. What came from strangers never reaches the terminal as control characters.

#include "core/result.h"
#include "net/client/client.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

// Of what a server says: application data as deep as limits.json_depth_max can be, and what is around it.
inline constexpr std::size_t kAnswerDepthMax = 100'064;

std::string iso_time(std::int64_t ms);
// Control characters, C1 ones in UTF-8 too, as `\x1b`.
std::string printable(std::string_view text);

// "cannot …: reason" on stderr; returns 1.
int complain(std::string_view what, const Error& error);
// The same of an answer: its `message` and remedy, or its body.
int refused(std::string_view what, const net::ClientResponse& response);

// Columns as wide as their longest cell; the last one ends where its text does. Cells are made printable.
class Table {
 public:
  explicit Table(std::vector<std::string> heads);
  void add(std::vector<std::string> cells);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t size() const { return rows_.size() - 1; }

 private:
  std::vector<std::vector<std::string>> rows_;  // the heads first
};
void print_table(const Table& table, std::string_view none);  // `none`: what is said where it has no rows

}  // namespace parley::server

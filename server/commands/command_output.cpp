#include "server/commands/command_output.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/json/fields.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace parley::server {
namespace {

constexpr std::size_t kCellCharsMax = 60;

// Characters, not bytes: continuation bytes take no place.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// One stranger's long text must not push everything else off the screen.
std::string shortened(std::string text) {
  if (width(text) <= kCellCharsMax) return text;
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U && ++seen > kCellCharsMax - 1) break;
  }
  return text.substr(0, at) + "…";
}

std::string reason_in(const net::ClientResponse& response) {
  std::string message;
  if (check_json(response.body, 32).ok()) {
    const auto fields =
        net::read_fields<2>(net::trimmed(response.body), {"message", "remedy"}, Errc::bad_frame, "the answer");
    if (fields && !(*fields)[0].empty() && type_of((*fields)[0]) == JsonType::string) {
      message = json_string((*fields)[0]);
      if (!(*fields)[1].empty()) message += "; " + json_string((*fields)[1]);
    }
  }
  return fmt::format("{} ({})", printable(message.empty() ? response.body : message), response.status);
}

}  // namespace

std::string iso_time(std::int64_t ms) {
  const auto whole = static_cast<std::time_t>(ms / 1'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), ms % 1'000);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (c1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

int complain(std::string_view what, const Error& error) {
  fmt::print(stderr, "cannot {}: {}\n", what, printable(error.message));
  if (error.message.starts_with("cannot connect to ")) {
    fmt::print(stderr, "    is the server running there? `--url` or PARLEY_URL names another\n");
  }
  return 1;
}

int refused(std::string_view what, const net::ClientResponse& response) {
  fmt::print(stderr, "cannot {}: {}\n", what, reason_in(response));
  return 1;
}

Table::Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = shortened(printable(cell));
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

void print_table(const Table& table, std::string_view none) {
  if (table.size() == 0) {
    fmt::print("{}\n", none);
  } else {
    fmt::print("{}", table.text());
  }
}

}  // namespace parley::server

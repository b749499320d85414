#include "server/config/dotenv.h"

#include <algorithm>
#include <optional>

namespace parley::server {
namespace {

bool name_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

class Parser {
 public:
  Parser(std::string_view text, const std::map<std::string, std::string>& environment)
      : rest_(text), environment_(environment) {}

  Dotenv run() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    while (!rest_.empty()) {
      const auto number = line_;
      if (!entry(trimmed(take_line()))) out_.bad_lines.push_back(number);
    }
    return std::move(out_);
  }

 private:
  std::string_view take_line() {
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    return line;
  }

  bool entry(std::string_view line) {
    if (line.empty() || line.front() == '#') return true;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const auto equals = line.find('=');
    const auto name = trimmed(line.substr(0, equals));
    if (equals == line.npos || name.empty() || !std::all_of(name.begin(), name.end(), name_byte)) return false;
    const auto raw = trimmed(line.substr(equals + 1));
    std::optional<std::string> value;
    if (raw.starts_with('"')) {
      value = double_quoted(std::string(raw.substr(1)));
    } else if (raw.starts_with('\'')) {
      const auto end = raw.find('\'', 1);
      if (end != raw.npos) value = std::string(raw.substr(1, end - 1));
    } else {
      value = plain(raw);
    }
    if (value) out_.values[std::string(name)] = std::move(*value);
    return value.has_value();
  }

  // Up to a comment, which stands behind a space.
  std::string plain(std::string_view raw) const {
    for (std::size_t at = raw.find('#'); at != raw.npos; at = raw.find('#', at + 1)) {
      if (at == 0 || raw[at - 1] == ' ' || raw[at - 1] == '\t') return filled(trimmed(raw.substr(0, at)));
    }
    return filled(raw);
  }

  // May go on over further lines. Nothing: it has no end; the line alone is lost then.
  std::optional<std::string> double_quoted(std::string text) {
    const auto rest = rest_;
    const auto line = line_;
    std::string out;
    for (std::size_t at = 0;; ++at) {
      if (at == text.size()) {
        if (rest_.empty()) break;
        text += '\n';
        text += take_line();
      }
      if (text[at] == '"') return out;
      if (text[at] == '\\' && at + 1 < text.size()) {
        const char next = text[++at];
        if (next != 'n' && next != '"' && next != '\\' && next != '$') out.push_back('\\');
        out.push_back(next == 'n' ? '\n' : next);
      } else if (const auto end = text.find('}', at); text.compare(at, 2, "${") == 0 && end != text.npos) {
        out += value_of(text.substr(at + 2, end - at - 2));
        at = end;
      } else {
        out.push_back(text[at]);
      }
    }
    rest_ = rest;
    line_ = line;
    return std::nullopt;
  }

  std::string filled(std::string_view text) const {
    std::string out;
    for (;;) {
      const auto open = text.find("${");
      const auto close = open == text.npos ? text.npos : text.find('}', open);
      out += text.substr(0, close == text.npos ? text.npos : open);
      if (close == text.npos) return out;
      out += value_of(text.substr(open + 2, close - open - 2));
      text.remove_prefix(close + 1);
    }
  }

  std::string value_of(std::string_view name) const {
    const std::string key(name);
    if (const auto found = environment_.find(key); found != environment_.end()) return found->second;
    const auto found = out_.values.find(key);
    return found == out_.values.end() ? std::string() : found->second;
  }

  std::string_view rest_;
  const std::map<std::string, std::string>& environment_;
  std::size_t line_ = 1;
  Dotenv out_;
};

}  // namespace

Dotenv parse_dotenv(std::string_view text, const std::map<std::string, std::string>& environment) {
  return Parser(text, environment).run();
}

}  // namespace parley::server

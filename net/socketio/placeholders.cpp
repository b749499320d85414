#include "net/socketio/placeholders.h"

#include "core/json_string.h"
#include "core/json_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace parley::net::socketio {
namespace {

constexpr std::string_view kMark = "_placeholder";
constexpr std::string_view kNumber = "num";

enum class Key : std::uint8_t { none, mark, number, other };

// An object or array that is open. What its children turned out to be waits here until it closes: only then is it
// known whether the whole of it is a placeholder.
struct Level {
  bool object = false;
  Key key = Key::none;  // of the value that comes next; none: a key comes next
  bool marked = false;
  bool number_fits = false;
  bool found = false;  // a placeholder inside
  bool unfit = false;  // one that names no attachment
};

// One pass over text that check_json() let through, a stack as deep as the text is. On other text the answer is
// unspecified, but the walk stays inside.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t attachments) : text_(text), attachments_(attachments) {
    levels_.emplace_back();  // around the whole text
    for (std::size_t at = 0; at < text_.size();) at = step(at);
  }
  [[nodiscard]] bool found() const { return levels_.front().found; }
  [[nodiscard]] bool unfit() const { return levels_.front().unfit; }

 private:
  std::size_t step(std::size_t at) {
    auto& level = levels_.back();
    switch (text_[at]) {
      case ' ':
      case '\t':
      case '\n':
      case '\r':
      case ':':
        return at + 1;
      case ',':
        level.key = Key::none;
        return at + 1;
      case '{':
      case '[':
        levels_.push_back({.object = text_[at] == '{'});
        return at + 1;
      case '}':
      case ']':
        if (levels_.size() > 1) close();
        return at + 1;
      case '"': {
        const auto end = string_end(at);
        const auto text = text_.substr(at, end - at);
        if (level.object && level.key == Key::none) {
          level.key = key_of(text);
        } else {
          value(text);
        }
        return end;
      }
      default: {
        const auto end = std::min(text_.find_first_of(" \t\n\r,:]}[{\"", at), text_.size());
        value(text_.substr(at, end - at));
        return end;
      }
    }
  }

  [[nodiscard]] std::size_t string_end(std::size_t at) const {
    for (++at; at < text_.size(); ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '"') {
        return at + 1;
      }
    }
    return text_.size();
  }

  static Key key_of(std::string_view quoted) {
    // `_` may be written as an escape, and so may every letter: six bytes instead of one.
    if (quoted.size() > kMark.size() * 6 + 2) return Key::other;
    const auto key = json_string(quoted);
    return key == kMark ? Key::mark : key == kNumber ? Key::number : Key::other;
  }

  void value(std::string_view text) {
    auto& level = levels_.back();
    if (level.key == Key::mark) level.marked = text == "true";
    if (level.key == Key::number) {
      const auto number = is_json_integer(text) ? json_integer(text) : std::nullopt;
      level.number_fits = number && !text.starts_with('-') && static_cast<std::uint64_t>(*number) < attachments_;
    }
  }

  void close() {
    const auto level = levels_.back();
    levels_.pop_back();
    value({});  // an object or array: neither a mark nor a number
    levels_.back().found |= level.marked || level.found;
    levels_.back().unfit |= level.marked ? !level.number_fits : level.unfit;
  }

  std::string_view text_;
  std::size_t attachments_;
  std::vector<Level> levels_;
};

// Most texts hold nothing that could be one: then they need no walk.
bool may_hold_placeholder(std::string_view json) {
  return json.find(kMark) != std::string_view::npos || json.find("\\u") != std::string_view::npos;
}

}  // namespace

bool has_placeholder(std::string_view json) { return may_hold_placeholder(json) && Scanner(json, 0).found(); }

bool placeholders_fit(std::string_view json, std::size_t attachments) {
  return !may_hold_placeholder(json) || !Scanner(json, attachments).unfit();
}

}  // namespace parley::net::socketio

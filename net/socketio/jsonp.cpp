#include "net/socketio/jsonp.h"

#include "core/json_string.h"
#include "net/text/query.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace parley::net::socketio {
namespace {

constexpr std::string_view kLineSeparator = "\xE2\x80\xA8";       // U+2028
constexpr std::string_view kParagraphSeparator = "\xE2\x80\xA9";  // U+2029

// A run of backslashes before an `n`: one alone was a line feed, of more one was added.
std::string line_feeds_back(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const auto start = std::min(text.find('\\', at), text.size());
    out.append(text.substr(at, start - at));
    const auto end = std::min(text.find_first_not_of('\\', start), text.size());
    const auto backslashes = end - start;
    at = end;
    if (backslashes == 0) continue;
    if (end == text.size() || text[end] != 'n') {
      out.append(backslashes, '\\');
    } else if (backslashes == 1) {
      out.push_back('\n');
      at = end + 1;
    } else {
      out.append(backslashes - 1, '\\');
    }
  }
  return out;
}

}  // namespace

std::string wrap_jsonp(std::string_view body, std::uint32_t index) {
  auto out = "___eio[" + std::to_string(index) + "](\"";
  out.reserve(out.size() + body.size() + body.size() / 4 + 3);
  while (true) {
    const auto at = std::min(body.find_first_of("<\xE2"), body.size());
    append_escaped(out, body.substr(0, at));
    body.remove_prefix(at);
    if (body.empty()) break;
    std::size_t taken = 1;
    if (body.front() == '<') {
      out.append("\\u003c");
    } else if (body.starts_with(kLineSeparator)) {
      out.append("\\u2028");
      taken = kLineSeparator.size();
    } else if (body.starts_with(kParagraphSeparator)) {
      out.append("\\u2029");
      taken = kParagraphSeparator.size();
    } else {
      out.push_back(body.front());
    }
    body.remove_prefix(taken);
  }
  out.append("\");");
  return out;
}

Result<std::string> unwrap_jsonp_post(std::string_view form) {
  std::optional<std::string_view> body;
  while (!form.empty()) {
    const auto end = std::min(form.find('&'), form.size());
    const auto field = form.substr(0, end);
    form.remove_prefix(std::min(end + 1, form.size()));
    const auto equals = field.find('=');
    if (equals == std::string_view::npos || percent_decode(field.substr(0, equals), true) != "d") continue;
    if (body) return make_error(Errc::bad_frame, "the form has more than one field d");
    body = field.substr(equals + 1);
  }
  if (!body) return make_error(Errc::bad_frame, "the form has no field d");
  return line_feeds_back(percent_decode(*body, true));
}

}  // namespace parley::net::socketio

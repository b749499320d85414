#include "net/text/query.h"

#include <algorithm>

namespace parley::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lower(std::string text) {
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0xF]);
  }
  return out;
}

Query Query::parse(std::string_view text) {
  Query query;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('&', at), text.size());
    const auto part = text.substr(at, end - at);
    at = end + 1;
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    auto name = lower(percent_decode(part.substr(0, equals), true));
    if (name.ends_with(']')) name.erase(std::min(name.find('['), name.size()));
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    query.fields_.emplace_back(std::move(name), std::move(value));
  }
  // Sorted first, then joined: a query of thousands of names must not cost their square.
  auto& fields = query.fields_;
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (kept > 0 && fields[kept - 1].first == fields[i].first) {
      fields[kept - 1].second.append(",").append(fields[i].second);
    } else {
      if (kept != i) fields[kept] = std::move(fields[i]);
      ++kept;
    }
  }
  fields.resize(kept);
  return query;
}

bool Query::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; });
}

std::string_view Query::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (field == name) return value;
  }
  return {};
}

}  // namespace parley::net

#include "net/redis/prefix.h"

#include <algorithm>
#include <array>

namespace parley::net {
namespace {

constexpr std::array<std::string_view, 2> kKinds{"private-", "presence-"};
constexpr std::array<std::string_view, 2> kDatabase{"_database_", "-database-"};

bool starts_with_kind(std::string_view name) {
  return std::any_of(kKinds.begin(), kKinds.end(), [&](auto kind) { return name.starts_with(kind); });
}

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Where Laravel's own prefix ends, the kind of channel behind it; npos: nowhere.
std::size_t end_of_database_before_kind(std::string_view name) {
  auto first = std::string_view::npos;
  for (const auto word : kDatabase) {
    for (auto at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
      const auto end = at + word.size();
      if (at > 0 && starts_with_kind(name.substr(end))) first = std::min(first, end);
    }
  }
  return first;
}

// A channel's own name does not look like this: somebody's prefix stands before a kind.
bool prefixed(std::string_view channel) {
  if (starts_with_kind(channel)) return false;
  if (end_of_database_before_kind(channel) != std::string_view::npos) return true;
  for (const auto kind : kKinds) {
    for (auto at = channel.find(kind); at != std::string_view::npos; at = channel.find(kind, at + 1)) {
      if (at > 0 && (channel[at - 1] == '_' || channel[at - 1] == ':')) return true;
    }
  }
  return false;
}

}  // namespace

RedisPrefix RedisPrefix::given(std::string prefix) {
  RedisPrefix made;
  made.prefix_ = std::move(prefix);
  made.sure_ = Sure::given;
  return made;
}

RedisPrefix::Guess RedisPrefix::guess(std::string_view name) {
  if (starts_with_kind(name)) return {name.substr(0, 0), Sure::by_kind};
  // An application called `my-private-shop` has `private-` in its prefix: Laravel's form is looked for first.
  if (const auto end = end_of_database_before_kind(name); end != std::string_view::npos) {
    return {name.substr(0, end), Sure::by_kind};
  }
  auto first = std::string_view::npos;
  for (const auto kind : kKinds) {
    for (auto at = name.find(kind); at != std::string_view::npos; at = name.find(kind, at + 1)) {
      if (at > 0 && !letter_or_digit(name[at - 1])) first = std::min(first, at);
    }
  }
  auto database = std::string_view::npos;
  for (const auto word : kDatabase) {
    const auto at = name.find(word);
    if (at != std::string_view::npos && at > 0) database = std::min(database, at + word.size());
  }
  // `shop_database_for-private-use`: what stands behind Laravel's prefix is the channel's own. The other way
  // round it may be either, and a private channel taken for a prefix would make a public one of what follows.
  if (database != std::string_view::npos) {
    if (database == name.size() || database > first) return {};
    return {name.substr(0, database), Sure::by_database};
  }
  if (first != std::string_view::npos) return {name.substr(0, first), Sure::by_kind};
  return {};
}

RedisPrefix::Seen RedisPrefix::look(std::string_view name) {
  Seen seen;
  Guess guessed;
  if (sure_ != Sure::given) {
    guessed = guess(name);
    const bool corrects = sure_ == Sure::by_database && guessed.sure == Sure::by_kind &&
                          guessed.prefix.size() > prefix_.size() && guessed.prefix.starts_with(prefix_);
    if ((sure_ == Sure::no && guessed.sure != Sure::no) || corrects) {
      prefix_ = guessed.prefix;
      sure_ = guessed.sure;
      seen.learned = true;
    }
    if (sure_ == Sure::no) return seen;
  }
  // What carries one more prefix belongs to somebody whose prefix begins like ours. As a public channel, which
  // its name would make of it, everybody could listen.
  if (name.starts_with(prefix_) && !prefixed(name.substr(prefix_.size()))) {
    seen.whose = Whose::ours;
    seen.channel = name.substr(prefix_.size());
    return seen;
  }
  seen.whose = Whose::other;
  if (guessed.sure != Sure::no && guessed.prefix != prefix_) seen.rival = guessed.prefix;
  return seen;
}

std::string RedisPrefix::pattern() const {
  std::string pattern;
  if (sure_ == Sure::given) {
    for (const char c : prefix_) {
      if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern.push_back('\\');
      pattern.push_back(c);
    }
  }
  return pattern + '*';
}

}  // namespace parley::net

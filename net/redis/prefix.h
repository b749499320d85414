#pragma once
// What Laravel puts in front of the channels' names in Redis, given or learned from what comes by. Pure.
//
// Learned from the first name that shows where the prefix ends: in front of `private-` or `presence-`, or
// behind Laravel's own `_database_` (`-database-`). The former is sure where it ends and corrects the latter,
// once. A wrong guess would hand one application's events to another's clients, so nothing is handed out
// before something was learned, and what was learned is not given up for what somebody else publishes.

#include <string>
#include <string_view>

namespace parley::net {

class RedisPrefix {
 public:
  static RedisPrefix given(std::string prefix);  // may be empty: names have none
  static RedisPrefix to_be_learned() { return {}; }

  enum class Whose {
    ours,
    other,    // under another prefix
    unknown,  // nothing was learned yet, and this name teaches nothing
  };
  struct Seen {
    Whose whose = Whose::unknown;
    std::string_view channel;  // ours: without the prefix; points into the name
    bool learned = false;      // prefix() is new with this name
    std::string rival;         // other: its prefix, when it is as good a guess as ours was
  };
  Seen look(std::string_view name);

  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  [[nodiscard]] std::string pattern() const;  // for PSUBSCRIBE

 private:
  enum class Sure { no, by_database, by_kind, given };
  struct Guess {
    std::string_view prefix;
    Sure sure = Sure::no;
  };
  static Guess guess(std::string_view name);

  std::string prefix_;
  Sure sure_ = Sure::no;
};

}  // namespace parley::net

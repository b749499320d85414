#pragma once
// Decisions of applications that are still good. Bounded: beyond it the oldest are forgotten. A plain value;
// its owner keeps threads apart.

#include "core/clock.h"
#include "net/outbound/auth_exchange.h"

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <unordered_map>

namespace parley::net {

class AuthCache {
 public:
  // Grows with each forget(): what was asked before is of an older one.
  using Generation = std::uint64_t;

  void bound(std::size_t entries_max);
  [[nodiscard]] Generation generation(std::string_view app) const;
  // Null: not known, or too old. Good until the next call.
  const AuthDecision* find(std::string_view app, const std::string& key, MonoTime now);
  // Passed over if the app was forgotten since `asked`.
  void keep(std::string_view app, const std::string& key, AuthDecision decision, Generation asked, MonoTime now,
            MonoTime until);
  void forget(std::string_view app);  // all of its decisions
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    AuthDecision decision;
    Generation generation = 0;
    MonoTime until;
    std::list<std::string>::iterator age;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  void erase(Entries::iterator at);

  std::size_t entries_max_ = 0;
  std::map<std::string, Generation, std::less<>> generations_;  // of apps that were forgotten: few
  Entries entries_;
  std::list<std::string> ages_;  // keys, the oldest first
};

}  // namespace parley::net

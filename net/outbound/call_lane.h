#pragma once
// The calls of one lane that wait for a place, and whose turn it is. Addresses take turns, and so do the connections of
// an address: however much one of them asks, another's first call is next but one for each that waits. Calls for nobody
// in particular stand in one line, in their order. A plain value; its owner keeps threads apart.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace parley::net {

class CallLane {
 public:
  using Id = std::uint64_t;
  struct Turn {
    Id id;
    std::string address;  // for release()
  };

  // From now on. `address_places`: of them, for one address; 0: all.
  void bound(std::size_t places, std::size_t address_places);
  void push(Id id, const std::string& address, std::uint64_t connection);
  // The next one, which takes a place. Nothing: none waits, or none that waits may have one.
  std::optional<Turn> take();
  void release(const std::string& address);
  [[nodiscard]] bool idle() const { return addresses_.empty(); }  // nothing waits or has a place

 private:
  struct Group {
    std::unordered_map<std::uint64_t, std::deque<Id>> lines;  // by connection; none is empty
    std::deque<std::uint64_t> turns;                          // each connection with a line, once
    std::size_t places = 0;                                   // taken
  };

  std::size_t places_max_ = 1;
  std::size_t address_places_max_ = 0;
  std::size_t places_ = 0;  // taken
  std::unordered_map<std::string, Group> addresses_;
  std::deque<std::string> turns_;  // each address with calls that wait, once
};

}  // namespace parley::net

#pragma once
// How many questions of each application wait for its answer, and whose they are: a client and an address have their
// share of the places in line, so that nobody fills it for all. A plain value; its owner keeps threads apart.

#include "core/ids.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace parley::net {

class QuestionShares {
 public:
  struct Bounds {
    std::size_t application;
    std::size_t address;
    std::size_t connection;
  };
  struct Asker {
    std::string address;  // address_share(), of net/address/address.h
    SocketId connection;
  };
  enum class Taken : std::uint8_t {
    yes,
    full,        // the application's bound is reached
    over_share,  // the asker's
  };

  // But for a yes nothing is counted.
  Taken take(const std::string& app, const Asker& asker, const Bounds& bounds);
  void release(const std::string& app, const Asker& asker);
  [[nodiscard]] bool empty() const { return applications_.empty() && addresses_.empty() && connections_.empty(); }

 private:
  // Entries go with their last question.
  std::map<std::string, std::size_t> applications_;
  std::map<std::pair<std::string, std::string>, std::size_t> addresses_;
  std::map<std::pair<std::string, SocketId>, std::size_t> connections_;
};

}  // namespace parley::net

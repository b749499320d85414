#pragma once
// What a client missed of one channel and loads page by page out of its history: from where it was up to where it is
// live again. Checks that nothing is left out, or said to be gone that has no reason to be.

#include "tests/sim/checker.h"

#include <boost/json.hpp>

#include <string>
#include <vector>

namespace parley::sim {

class Backlog {
 public:
  Backlog(std::string who, std::string channel, Position since, Position until)
      : who_(std::move(who)), channel_(std::move(channel)), since_(since), until_(until) {}

  [[nodiscard]] const std::string& channel() const { return channel_; }
  [[nodiscard]] boost::json::object question() const;
  // The messages of a page. Not to be called again once it is whole().
  std::vector<std::string> take(const boost::json::object& page, const Plan& plan, Checker& checker);
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  std::string who_;
  std::string channel_;
  Position since_;
  Position until_;
  bool whole_ = false;
};

}  // namespace parley::sim

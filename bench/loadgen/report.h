#pragma once
// The result of a scenario: one JSON line on stdout for programs, one line on stderr for people.

#include <string>
#include <string_view>

#include "bench/loadgen/histogram.h"

namespace loadgen {

class Report {
 public:
  Report(std::string_view scenario, std::string_view label);

  Report& text(std::string_view name, std::string_view value);
  Report& number(std::string_view name, double value);
  // name_p50_ms, name_p99_ms and so on.
  Report& latency(std::string_view name, const Histogram& histogram);
  // A nested value that is JSON already; not part of the line for people.
  Report& raw(std::string_view name, std::string_view json);

  void print() const;

 private:
  std::string json_;
  std::string human_;
};

}  // namespace loadgen

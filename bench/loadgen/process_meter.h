#pragma once
// What a server process costs: CPU time and resident memory of the process, all its threads and all
// its descendants, read from /proc.

#include <sys/types.h>

#include <cstdint>

namespace loadgen {

struct Usage {
  double cpu_seconds = 0;
  std::uint64_t rss_bytes = 0;
};

class ProcessMeter {
 public:
  // pid 0 means "nothing to measure": every reading is zero.
  explicit ProcessMeter(pid_t pid) : pid_(pid) {}

  bool enabled() const { return pid_ != 0; }
  // Throws std::runtime_error when the process is gone, so that a crash is never a good figure.
  Usage read() const;

 private:
  pid_t pid_;
};

}  // namespace loadgen

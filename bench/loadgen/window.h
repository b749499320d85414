#pragma once
// The measured part of a run: server CPU and wall time between two moments, per unit of work.

#include <cstdint>

#include "bench/loadgen/clock.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/process_meter.h"
#include "bench/loadgen/report.h"

namespace loadgen {

class Window {
 public:
  Window(const ProcessMeter& meter, const Loop& loop) : meter_(meter), loop_(loop) { restart(); }

  void restart() {
    usage_ = meter_.read();
    busy_ns_ = loop_.busy_ns();
    from_ns_ = now_ns();
  }

  // Ends the window.
  void stop() {
    seconds_ = seconds_between(from_ns_, now_ns());
    busy_ns_ = loop_.busy_ns() - busy_ns_;
    cpu_s_ = meter_.read().cpu_seconds - usage_.cpu_seconds;
  }

  double seconds() const { return seconds_; }
  double server_cpu_us_per(std::uint64_t units) const {
    return units == 0 ? 0 : cpu_s_ * 1e6 / static_cast<double>(units);
  }
  // How busy both sides were, as a fraction of one core: a generator near 1 was the bottleneck.
  void add_load(Report& report) const {
    report.number("seconds", seconds_);
    if (meter_.enabled()) report.number("server_cores", cpu_s_ / seconds_);
    report.number("loadgen_busy", static_cast<double>(busy_ns_) / 1e9 / seconds_);
  }

 private:
  const ProcessMeter& meter_;
  const Loop& loop_;
  Usage usage_;
  std::int64_t from_ns_ = 0;
  std::int64_t busy_ns_ = 0;
  double seconds_ = 0;
  double cpu_s_ = 0;
};

}  // namespace loadgen

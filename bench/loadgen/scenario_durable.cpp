// durable: publishes that the server acknowledges once they are on disk (a Parley extension).

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "bench/loadgen/durable_ack.h"
#include "bench/loadgen/fleet.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/tracker.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

class DurableLoop final : private Fleet::Sink {
 public:
  DurableLoop(Fleet& fleet, const Options& options) : fleet_(fleet), options_(options) { fleet_.set_sink(this); }
  ~DurableLoop() override { fleet_.set_sink(nullptr); }

  void start(std::size_t in_flight) {
    draining_ = false;
    for (std::size_t i = 0; i < in_flight; ++i) publish(i % fleet_.size());
    flush();
  }

  void run(Loop& loop, double seconds) {
    const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    while (now_ns() < end) turn(loop);
  }

  void drain(Loop& loop) {
    draining_ = true;
    while (!under_way_.empty()) turn(loop);
  }

  void reset_counts() {
    acked_ = 0;
    latency_.clear();
  }
  std::uint64_t acked() const { return acked_; }
  const Histogram& latency() const { return latency_; }

 private:
  struct Publish {
    std::size_t connection;
    std::int64_t sent_ns;
  };

  // A client that has several acknowledgements in one read sends its next publishes in one write.
  void turn(Loop& loop) {
    constexpr double patience_s = 5;
    const auto acked_before = acked_;
    loop.turn(options_.wait_ms());
    flush();
    if (acked_ != acked_before) {
      progress_at_ = now_ns();
    } else if (seconds_between(progress_at_, now_ns()) > patience_s) {
      throw std::runtime_error("stalled: no acknowledgement for 5 s (does the server know acks?)");
    }
  }

  void flush() {
    for (const std::size_t connection : dirty_) fleet_.flush(connection);
    dirty_.clear();
  }

  void publish(std::size_t connection) {
    const auto number = next_++;
    under_way_.emplace(number, Publish{.connection = connection, .sent_ns = now_ns()});
    fleet_.queue_durable_publish(connection, marked_payload(number, options_.payload_bytes), number);
    if (std::find(dirty_.begin(), dirty_.end(), connection) == dirty_.end()) { dirty_.push_back(connection); }
  }

  void on_message(std::size_t, std::string_view text) override {
    const auto number = find_ack(text);
    if (!number) return;
    const auto found = under_way_.find(*number);
    if (found == under_way_.end()) throw std::runtime_error("an acknowledgement came twice");
    const Publish done = found->second;
    under_way_.erase(found);
    ++acked_;
    latency_.record(now_ns() - done.sent_ns);
    if (!draining_) publish(done.connection);
  }

  Fleet& fleet_;
  const Options& options_;
  std::unordered_map<std::uint64_t, Publish> under_way_;
  std::vector<std::size_t> dirty_;
  std::int64_t progress_at_ = now_ns();
  std::uint64_t next_ = 1;
  std::uint64_t acked_ = 0;
  bool draining_ = false;
  Histogram latency_;
};

}  // namespace

void run_durable(const Options& options, const DurableOptions& what) {
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  Fleet fleet(loop, options, *dialect);
  fleet.open(what.connections, [&what](std::size_t index) { return what.channel_prefix + std::to_string(index); });
  DurableLoop traffic(fleet, options);
  Report report("durable", options.label);

  const auto measure = [&](std::size_t in_flight) {
    traffic.start(in_flight);
    traffic.run(loop, options.warmup_s);
    traffic.reset_counts();
    Window window(meter, loop);
    traffic.run(loop, options.measure_s);
    window.stop();
    const double rate = static_cast<double>(traffic.acked()) / window.seconds();
    const std::string prefix = in_flight == 1 ? "one_" : "";
    report.number(prefix + "acked_per_s", rate).latency(prefix + "ack", traffic.latency());
    if (meter.enabled()) { report.number(prefix + "cpu_us_per_publish", window.server_cpu_us_per(traffic.acked())); }
    if (in_flight != 1) window.add_load(report);
    traffic.drain(loop);
    return rate;
  };

  const double many = measure(what.in_flight);
  if (what.compare_with_one) report.number("group_commit_gain", many / measure(1));
  report.print();
}

}  // namespace loadgen

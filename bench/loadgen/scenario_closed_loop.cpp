// fanout and chat: a fixed number of client events under way.

#include <algorithm>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/loadgen/fleet.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/tracker.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

class ClosedLoop final : private Fleet::Sink {
 public:
  ClosedLoop(Fleet& fleet, const Options& options, std::size_t receivers, std::size_t senders)
      : fleet_(fleet), options_(options), receivers_(receivers), senders_(senders) {
    fleet_.set_sink(this);
  }
  ~ClosedLoop() override { fleet_.set_sink(nullptr); }

  void start(std::size_t in_flight) {
    for (std::size_t slot = 0; slot < in_flight; ++slot) publish(static_cast<std::uint32_t>(slot));
    flush();
  }

  void run(Loop& loop, double seconds) {
    constexpr double patience_s = 5;
    const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    std::uint64_t deliveries_before = deliveries_;
    auto progress_at = now_ns();
    for (auto now = progress_at; now < end; now = now_ns()) {
      loop.turn(options_.wait_ms());
      flush();
      if (deliveries_ != deliveries_before) {
        deliveries_before = deliveries_;
        progress_at = now;
      } else if (seconds_between(progress_at, now) > patience_s) {
        throw std::runtime_error("stalled: " + std::to_string(tracker_.incomplete()) +
                                 " publishes are incomplete and nothing arrives");
      }
    }
  }

  // Starts no more publishes and waits for those under way; what is left then is lost.
  std::size_t drain(Loop& loop) {
    constexpr double patience_s = 3;
    draining_ = true;
    const auto from = now_ns();
    while (tracker_.incomplete() != 0 && seconds_between(from, now_ns()) < patience_s) {
      loop.turn(options_.wait_ms());
    }
    return tracker_.incomplete();
  }

  void reset_counts() {
    deliveries_ = completions_ = 0;
    delivery_.clear();
    completion_.clear();
  }

  std::uint64_t deliveries() const { return deliveries_; }
  std::uint64_t completions() const { return completions_; }
  const Histogram& delivery() const { return delivery_; }
  const Histogram& completion() const { return completion_; }

 private:
  // A publish leaves from a random sender, at the end of the turn: two of one sender leave in one write,
  // as from any client that has two messages to send.
  void publish(std::uint32_t slot) {
    const std::size_t sender = random_() % senders_;
    const auto number = tracker_.begin(receivers_, slot, now_ns());
    fleet_.queue_publish(sender, marked_payload(number, options_.payload_bytes));
    unflushed_.push_back(sender);
  }

  void flush() {
    for (const std::size_t sender : unflushed_) fleet_.flush(sender);
    unflushed_.clear();
  }

  void on_message(std::size_t, std::string_view text) override {
    const auto number = find_mark(text);
    if (!number) return;
    const auto arrival = tracker_.arrived(*number, now_ns());
    ++deliveries_;
    delivery_.record(arrival.latency_ns);
    if (!arrival.complete) return;
    ++completions_;
    completion_.record(arrival.latency_ns);
    if (!draining_) publish(arrival.slot);
  }

  Fleet& fleet_;
  const Options& options_;
  std::size_t receivers_;
  std::size_t senders_;
  std::vector<std::size_t> unflushed_;
  Tracker tracker_;
  std::minstd_rand random_{4711};
  bool draining_ = false;
  std::uint64_t deliveries_ = 0;
  std::uint64_t completions_ = 0;
  Histogram delivery_;
  Histogram completion_;
};

}  // namespace

void run_closed_loop(const Options& options, const ClosedLoopOptions& what) {
  if (what.channels == 0 || what.connections < 2 * what.channels) {
    throw std::runtime_error("every channel needs at least two connections");
  }
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  Fleet fleet(loop, options, *dialect);
  const std::size_t per_channel = what.connections / what.channels;
  fleet.open(per_channel * what.channels,
             [&what](std::size_t index) { return what.channel_prefix + std::to_string(index % what.channels); });
  const std::size_t senders = what.senders == 0 ? fleet.size() : std::min(what.senders, fleet.size());
  ClosedLoop traffic(fleet, options, per_channel - 1, senders);
  traffic.start(what.in_flight);
  traffic.run(loop, options.warmup_s);
  traffic.reset_counts();
  Window window(meter, loop);
  traffic.run(loop, options.measure_s);
  window.stop();

  Report report(what.name, options.label);
  report.number("deliveries_per_s", static_cast<double>(traffic.deliveries()) / window.seconds());
  report.number("publishes_per_s", static_cast<double>(traffic.completions()) / window.seconds());
  if (meter.enabled()) {
    report.number("cpu_us_per_delivery", window.server_cpu_us_per(traffic.deliveries()));
    report.number("cpu_us_per_publish", window.server_cpu_us_per(traffic.completions()));
  }
  report.latency("delivery", traffic.delivery());
  report.latency("complete", traffic.completion());
  const std::size_t lost = traffic.drain(loop);
  report.number("lost", static_cast<double>(lost));
  window.add_load(report);
  report.print();
  if (lost != 0) throw std::runtime_error("messages were lost");
}

}  // namespace loadgen

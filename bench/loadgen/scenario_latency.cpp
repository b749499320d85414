// latency: client events at a fixed rate, and how long each takes to its subscribers.

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <stdexcept>

#include "bench/loadgen/fleet.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/tracker.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

// Wakes the loop when the next publish is due.
class Alarm final : public Pollable {
 public:
  explicit Alarm(Loop& loop) : loop_(loop), fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) {
    if (fd_ < 0) throw std::runtime_error("timerfd_create failed");
    loop_.add(fd_, EPOLLIN, *this);
  }
  ~Alarm() override {
    loop_.remove(fd_);
    close(fd_);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(std::int64_t at_ns) {
    itimerspec when{};
    when.it_value.tv_sec = at_ns / 1'000'000'000;
    when.it_value.tv_nsec = at_ns % 1'000'000'000;
    timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  void on_events(std::uint32_t) override {
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto size = read(fd_, &expirations, sizeof expirations);
  }

 private:
  Loop& loop_;
  int fd_;
};

class OpenLoop final : private Fleet::Sink {
 public:
  OpenLoop(Loop& loop, Fleet& fleet, const Options& options, const LatencyOptions& what)
      : loop_(loop), fleet_(fleet), options_(options), what_(what), alarm_(loop) {
    fleet_.set_sink(this);
  }
  ~OpenLoop() override { fleet_.set_sink(nullptr); }

  // Sends on schedule. A publish's latency counts from its send, and how late the generator itself
  // was is kept apart (late): its schedule never waits for the server, so nothing is hidden by that.
  void run(double seconds) {
    const auto period_ns = static_cast<std::int64_t>(1e9 / what_.rate);
    const auto from = now_ns();
    const auto count = static_cast<std::int64_t>(seconds * what_.rate);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto due = from + i * period_ns;
      wait_until(due);
      late_.record(now_ns() - due);
      publish();
    }
    wait_until(from + count * period_ns);
  }

  void drain() {
    constexpr double patience_s = 3;
    const auto from = now_ns();
    while (tracker_.incomplete() != 0 && seconds_between(from, now_ns()) < patience_s) { loop_.turn(20); }
  }

  void reset_counts() {
    latency_.clear();
    late_.clear();
    published_ = 0;
  }

  std::uint64_t published() const { return published_; }
  std::size_t incomplete() const { return tracker_.incomplete(); }
  const Histogram& latency() const { return latency_; }
  const Histogram& late() const { return late_; }

 private:
  void wait_until(std::int64_t due) {
    if (!options_.spin && now_ns() < due) alarm_.set(due);
    while (now_ns() < due) loop_.turn(options_.wait_ms());
  }

  // Connection i sits in channel i % channels, so the first ones are one sender a channel.
  void publish() {
    const std::size_t sender = published_ % what_.channels;
    const auto number = tracker_.begin(what_.subscribers, 0, now_ns());
    fleet_.queue_publish(sender, marked_payload(number, options_.payload_bytes));
    fleet_.flush(sender);
    ++published_;
  }

  void on_message(std::size_t, std::string_view text) override {
    if (const auto number = find_mark(text)) { latency_.record(tracker_.arrived(*number, now_ns()).latency_ns); }
  }

  Loop& loop_;
  Fleet& fleet_;
  const Options& options_;
  const LatencyOptions& what_;
  Alarm alarm_;
  Tracker tracker_;
  std::uint64_t published_ = 0;
  Histogram latency_;
  Histogram late_;
};

}  // namespace

void run_latency(const Options& options, const LatencyOptions& what) {
  if (what.channels == 0 || what.subscribers == 0 || what.rate <= 0) {
    throw std::runtime_error("latency needs a rate, a channel and a subscriber");
  }
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  Fleet fleet(loop, options, *dialect);
  fleet.open(what.channels * (what.subscribers + 1),
             [&what](std::size_t index) { return what.channel_prefix + std::to_string(index % what.channels); });
  OpenLoop traffic(loop, fleet, options, what);
  traffic.run(options.warmup_s);
  traffic.drain();
  traffic.reset_counts();
  Window window(meter, loop);
  traffic.run(options.measure_s);
  window.stop();
  traffic.drain();

  Report report("latency", options.label);
  report.number("publishes_per_s", static_cast<double>(traffic.published()) / window.seconds());
  report.latency("delivery", traffic.latency());
  report.number("late_p99_ms", traffic.late().quantile_ms(0.99));
  if (meter.enabled()) { report.number("cpu_us_per_publish", window.server_cpu_us_per(traffic.published())); }
  report.number("lost", static_cast<double>(traffic.incomplete()));
  window.add_load(report);
  report.print();
  if (traffic.incomplete() != 0) throw std::runtime_error("messages were lost");
}

}  // namespace loadgen

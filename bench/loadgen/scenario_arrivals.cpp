// arrivals: what others notice while very many users come online.

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "bench/loadgen/durable_ack.h"
#include "bench/loadgen/fleet.h"
#include "bench/loadgen/people.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/tracker.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

// Something that is due at a fixed rate whatever the server does.
class Schedule {
 public:
  explicit Schedule(double rate) : period_ns_(rate > 0 ? static_cast<std::int64_t>(1e9 / rate) : 0) {}

  void restart(std::int64_t now) { next_ns_ = now; }
  // How late it is, in ns; negative: not due yet. Each call that is not negative takes one.
  std::int64_t take(std::int64_t now) {
    if (period_ns_ == 0 || now < next_ns_) return -1;
    const auto late = now - next_ns_;
    next_ns_ += period_ns_;
    return late;
  }

 private:
  std::int64_t period_ns_;
  std::int64_t next_ns_ = 0;
};

// Ephemeral client events between pairs, and durable ones that are acknowledged.
class Others final {
 public:
  Others(Loop& loop, const Options& options, const Dialect& dialect, const ArrivalsOptions& what)
      : options_(options),
        what_(what),
        ephemeral_(loop, options, dialect),
        durable_(loop, options, dialect),
        ephemeral_sink_(*this),
        durable_sink_(*this),
        ephemeral_due_(what.ephemeral_rate),
        durable_due_(what.durable_rate) {
    ephemeral_.open(2 * what.channels,
                    [&what](std::size_t index) { return "private-room-" + std::to_string(index % what.channels); });
    durable_.open(durable_connections, [](std::size_t index) { return "private-domain.log-" + std::to_string(index); });
    ephemeral_.set_sink(&ephemeral_sink_);
    durable_.set_sink(&durable_sink_);
  }

  void restart() {
    const auto now = now_ns();
    ephemeral_due_.restart(now);
    durable_due_.restart(now);
    delivery_.clear();
    ack_.clear();
    late_.clear();
  }

  void work() {
    for (auto late = ephemeral_due_.take(now_ns()); late >= 0; late = ephemeral_due_.take(now_ns())) {
      late_.record(late);
      const auto sender = published_++ % what_.channels;
      const auto number = tracker_.begin(1, 0, now_ns());
      ephemeral_.queue_publish(sender, marked_payload(number, options_.payload_bytes));
      ephemeral_.flush(sender);
    }
    while (durable_due_.take(now_ns()) >= 0) {
      const auto number = next_ack_++;
      const auto sender = number % durable_connections;
      waiting_.emplace(number, now_ns());
      durable_.queue_durable_publish(sender, marked_payload(number, options_.payload_bytes), number);
      durable_.flush(sender);
    }
  }

  bool quiet() const { return tracker_.incomplete() == 0 && waiting_.empty(); }
  const Histogram& delivery() const { return delivery_; }
  const Histogram& ack() const { return ack_; }
  const Histogram& late() const { return late_; }

 private:
  static constexpr std::size_t durable_connections = 8;

  struct EphemeralSink final : Fleet::Sink {
    explicit EphemeralSink(Others& owner) : others(owner) {}
    void on_message(std::size_t, std::string_view text) override {
      if (const auto number = find_mark(text)) {
        others.delivery_.record(others.tracker_.arrived(*number, now_ns()).latency_ns);
      }
    }
    Others& others;
  };
  struct DurableSink final : Fleet::Sink {
    explicit DurableSink(Others& owner) : others(owner) {}
    void on_message(std::size_t, std::string_view text) override {
      const auto number = find_ack(text);
      if (!number) return;
      const auto found = others.waiting_.find(*number);
      if (found == others.waiting_.end()) throw std::runtime_error("an acknowledgement came twice");
      others.ack_.record(now_ns() - found->second);
      others.waiting_.erase(found);
    }
    Others& others;
  };

  const Options& options_;
  const ArrivalsOptions& what_;
  Fleet ephemeral_;
  Fleet durable_;
  EphemeralSink ephemeral_sink_;
  DurableSink durable_sink_;
  Schedule ephemeral_due_;
  Schedule durable_due_;
  Tracker tracker_;
  std::unordered_map<std::uint64_t, std::int64_t> waiting_;
  std::uint64_t published_ = 0;
  std::uint64_t next_ack_ = 1;
  Histogram delivery_;
  Histogram ack_;
  Histogram late_;
};

}  // namespace

void run_arrivals(const Options& options, const ArrivalsOptions& what) {
  if (what.over_s <= 0 || what.domains == 0) throw std::runtime_error("arrivals needs a time and a domain");
  require_open_files(what.users + 2 * what.channels + 128);
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  Others others(loop, options, *dialect, what);
  People people(loop, options, *dialect, what.users,
                [&what](std::size_t person) { return "arrivals-" + std::to_string(person % what.domains); });
  const int wait_ms = options.spin ? 0 : 1;
  Report report("arrivals", options.label);

  // One stretch: the others at work all the time, users coming if there are any. Returns server CPU seconds.
  const auto stretch = [&](const std::string& prefix, double seconds, std::size_t users) {
    Schedule arrivals(users == 0 ? 0 : static_cast<double>(users) / seconds);
    others.restart();
    arrivals.restart(now_ns());
    Window window(meter, loop);
    const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    std::size_t came = 0;
    while (now_ns() < end) {
      loop.turn(wait_ms);
      others.work();
      while (came < users && arrivals.take(now_ns()) >= 0) {
        people.arrive(came++);
        others.work();
      }
    }
    while (came < users) people.arrive(came++);
    window.stop();
    constexpr double patience_s = 10;
    const auto from = now_ns();
    while (people.signed_in() < came || !others.quiet()) {
      loop.turn(wait_ms);
      if (seconds_between(from, now_ns()) > patience_s) throw std::runtime_error("not all is done 10 s after its end");
    }
    if (prefix.empty()) return window.server_cpu_us_per(1) / 1e6;
    report.latency(prefix + "delivery", others.delivery()).latency(prefix + "ack", others.ack());
    report.number(prefix + "late_p99_ms", others.late().quantile_ms(0.99));
    if (users != 0) {
      report.number("tail_s", seconds_between(from, now_ns()));
      window.add_load(report);
    }
    return window.server_cpu_us_per(1) / 1e6;
  };

  stretch("", options.warmup_s, 0);
  const double quiet_cpu = stretch("quiet_", what.over_s, 0);
  const double busy_cpu = stretch("busy_", what.over_s, what.users);
  Histogram sign_in;
  for (std::size_t person = 0; person < what.users; ++person) {
    sign_in.record(people.answered_ns(person) - people.asked_ns(person));
  }
  report.number("users", static_cast<double>(what.users)).latency("sign_in", sign_in);
  if (meter.enabled()) {
    report.number("cpu_us_per_arrival", (busy_cpu - quiet_cpu) * 1e6 / static_cast<double>(what.users));
  }
  report.print();
}

}  // namespace loadgen

// status: how soon everybody who watches a domain hears that somebody came, or is gone for good.

#include <stdexcept>
#include <vector>

#include "bench/loadgen/fleet.h"
#include "bench/loadgen/people.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/text.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

class StatusWatch final : private Fleet::Sink {
 public:
  StatusWatch(Loop& loop, Fleet& watchers, People& people, const Options& options, const StatusOptions& what)
      : loop_(loop), watchers_(watchers), people_(people), options_(options), what_(what), stays_(what.changes) {
    watchers_.set_sink(this);
  }
  ~StatusWatch() override { watchers_.set_sink(nullptr); }

  // Somebody comes every 1/rate s, stays a while and breaks off. Ends when all have been told all of it.
  void run() {
    constexpr double patience_s = 10;
    const auto period_ns = static_cast<std::int64_t>(1e9 / what_.rate);
    const auto stay_ns = static_cast<std::int64_t>(what_.stay_ms) * 1'000'000;
    const auto from = now_ns();
    auto progress_at = from;
    std::size_t coming = 0;
    std::size_t going = 0;
    for (std::size_t told = 0; complete_ < 2 * what_.changes;) {
      loop_.turn(options_.wait_ms() == 0 ? 0 : 1);
      const auto now = now_ns();
      if (coming < what_.changes && now >= from + static_cast<std::int64_t>(coming) * period_ns)
        people_.arrive(coming++);
      if (going < coming && people_.is_signed_in(going) && now >= people_.answered_ns(going) + stay_ns) {
        people_.leave(going);
        stays_[going++].gone_ns = now_ns();
      }
      if (told != told_) {
        told = told_;
        progress_at = now;
      } else if (seconds_between(progress_at, now) > patience_s) {
        throw std::runtime_error("nobody was told anything for 10 s");
      }
    }
  }

  const Histogram& online() const { return online_; }
  const Histogram& offline() const { return offline_; }
  const Histogram& last_online() const { return last_online_; }

 private:
  struct Stay {
    std::size_t told_online = 0;
    std::size_t told_offline = 0;
    std::int64_t gone_ns = 0;
  };

  void on_message(std::size_t, std::string_view text) override {
    if (!contains(text, "user.status.changed")) return;
    const auto now = now_ns();
    const auto user = value_after(text, "user_id");
    const auto person = std::stoul(std::string(user.substr(user.rfind('-') + 1)));
    auto& stay = stays_.at(person);
    const auto status = value_after(text, "status\\\"");
    ++told_;
    if (status == "online") {
      const auto after = now - people_.asked_ns(person);
      online_.record(after);
      if (++stay.told_online == watchers_.size()) {
        last_online_.record(after);
        ++complete_;
      }
    } else if (status == "offline") {
      const auto after = now - stay.gone_ns - static_cast<std::int64_t>(what_.grace_ms) * 1'000'000;
      if (stay.gone_ns == 0 || after < 0) throw std::runtime_error("told before the grace period ended");
      offline_.record(after);
      if (++stay.told_offline == watchers_.size()) ++complete_;
    }
    if (stay.told_online > watchers_.size() || stay.told_offline > watchers_.size()) {
      throw std::runtime_error("somebody was told twice");
    }
  }

  Loop& loop_;
  Fleet& watchers_;
  People& people_;
  const Options& options_;
  const StatusOptions& what_;
  std::vector<Stay> stays_;
  std::size_t told_ = 0;
  std::size_t complete_ = 0;  // changes that every watcher has heard of
  Histogram online_;
  Histogram offline_;
  Histogram last_online_;
};

}  // namespace

void run_status(const Options& options, const StatusOptions& what) {
  if (what.rate <= 0) throw std::runtime_error("status needs a rate");
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  Fleet watchers(loop, options, *dialect);
  watchers.open(what.watchers, [](std::size_t) { return std::string("private-domain.watched"); });
  People people(loop, options, *dialect, what.changes, [](std::size_t) { return std::string("watched"); });
  StatusWatch watch(loop, watchers, people, options, what);
  Window window(meter, loop);
  watch.run();
  window.stop();

  Report report("status", options.label);
  report.number("changes", static_cast<double>(2 * what.changes));
  report.latency("online", watch.online()).latency("offline", watch.offline());
  report.number("online_last_watcher_p50_ms", watch.last_online().quantile_ms(0.5));
  if (meter.enabled()) { report.number("cpu_us_per_change", window.server_cpu_us_per(2 * what.changes)); }
  window.add_load(report);
  report.print();
}

}  // namespace loadgen

// idle and connect: what a connection costs while it does nothing, and while it is made.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bench/loadgen/fleet.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

struct Line {
  double slope = 0;
  double r2 = 0;
};

// Least squares through (x, y).
Line fit(const std::vector<std::pair<double, double>>& points) {
  const auto n = static_cast<double>(points.size());
  double x_mean = 0;
  double y_mean = 0;
  for (const auto& [x, y] : points) {
    x_mean += x / n;
    y_mean += y / n;
  }
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const auto& [x, y] : points) {
    xx += (x - x_mean) * (x - x_mean);
    xy += (x - x_mean) * (y - y_mean);
    yy += (y - y_mean) * (y - y_mean);
  }
  if (xx == 0) return {};
  return {.slope = xy / xx, .r2 = yy == 0 ? 1 : xy * xy / (xx * yy)};
}

// The resident size once it has moved by less than 0.2 % for a second, or when patience ends.
std::uint64_t settled_rss(const ProcessMeter& meter, Loop& loop, double patience_s) {
  constexpr double calm_s = 1;
  const auto from = now_ns();
  auto calm_from = from;
  auto reference = meter.read().rss_bytes;
  while (seconds_between(from, now_ns()) < patience_s) {
    for (const auto until = now_ns() + 200'000'000; now_ns() < until;) loop.turn(50);
    const auto rss = meter.read().rss_bytes;
    const auto moved = rss > reference ? rss - reference : reference - rss;
    if (moved * 500 > reference) {
      reference = rss;
      calm_from = now_ns();
    } else if (seconds_between(calm_from, now_ns()) >= calm_s) {
      return rss;
    }
  }
  return meter.read().rss_bytes;
}

}  // namespace

void run_idle(const Options& options, const IdleOptions& what) {
  if (what.steps < 2 || what.last <= what.first || what.per_channel == 0) {
    throw std::runtime_error("idle needs two steps upwards");
  }
  const ProcessMeter meter(options.server_pid);
  if (!meter.enabled()) throw std::runtime_error("idle measures a server's memory: give --pid");
  require_open_files(what.last + 64);
  const auto dialect = make_dialect(options);
  Loop loop;
  Fleet fleet(loop, options, *dialect);
  const auto empty_rss = meter.read().rss_bytes;
  std::vector<std::pair<double, double>> points;
  std::string samples;
  for (std::size_t step = 0; step < what.steps; ++step) {
    const std::size_t target = what.first + (what.last - what.first) * step / (what.steps - 1);
    fleet.open(target - fleet.size(),
               [&what](std::size_t index) { return what.channel_prefix + std::to_string(index / what.per_channel); });
    const auto rss = settled_rss(meter, loop, what.settle_max_s);
    points.emplace_back(static_cast<double>(target), static_cast<double>(rss));
    samples += (samples.empty() ? "[" : ",[") + std::to_string(target) + ',' + std::to_string(rss) + ']';
  }
  const Line line = fit(points);
  Report report("idle", options.label);
  report.number("bytes_per_connection", line.slope).number("r2", line.r2);
  report.number("connections", static_cast<double>(fleet.size()));
  report.number("empty_rss_mb", static_cast<double>(empty_rss) / 1e6);
  report.number("full_rss_mb", points.back().second / 1e6);
  report.raw("samples", '[' + samples + ']');
  report.print();
}

void run_connect(const Options& options, const ConnectOptions& what) {
  if (what.per_channel == 0) throw std::runtime_error("a channel needs a connection");
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  const auto channel_of = [&what](std::size_t index) {
    return what.channel_prefix + std::to_string(index / what.per_channel);
  };
  {
    Fleet warmup(loop, options, *dialect);
    warmup.open(what.warmup_connections, channel_of);
    warmup.close_all();
  }
  // The closes of the warm-up are not part of the figure: give the server time to handle them.
  for (const auto until = now_ns() + 1'000'000'000; now_ns() < until;) loop.turn(50);
  Fleet fleet(loop, options, *dialect);
  Window window(meter, loop);
  fleet.open(what.connections, channel_of);
  window.stop();

  Report report("connect", options.label);
  report.number("connects_per_s", static_cast<double>(what.connections) / window.seconds());
  if (meter.enabled()) { report.number("cpu_us_per_connect", window.server_cpu_us_per(what.connections)); }
  window.add_load(report);
  report.print();
}

}  // namespace loadgen

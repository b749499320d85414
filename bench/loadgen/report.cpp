#include "bench/loadgen/report.h"

#include <cmath>
#include <cstdio>

namespace loadgen {
namespace {

std::string format(double value) {
  char text[32];
  if (std::abs(value) >= 1000) {
    std::snprintf(text, sizeof text, "%.0f", value);
  } else {
    std::snprintf(text, sizeof text, "%.4g", value);
  }
  return text;
}

}  // namespace

Report::Report(std::string_view scenario, std::string_view label) {
  json_.append("{\"scenario\":\"").append(scenario).append("\"");
  human_.append(scenario);
  if (!label.empty()) text("label", label);
}

Report& Report::text(std::string_view name, std::string_view value) {
  json_.append(",\"").append(name).append("\":\"").append(value).append("\"");
  human_.append("  ").append(name).append("=").append(value);
  return *this;
}

Report& Report::number(std::string_view name, double value) {
  json_.append(",\"").append(name).append("\":").append(format(value));
  human_.append("  ").append(name).append("=").append(format(value));
  return *this;
}

Report& Report::latency(std::string_view name, const Histogram& histogram) {
  const std::string prefix{name};
  number(prefix + "_p50_ms", histogram.quantile_ms(0.5));
  number(prefix + "_p90_ms", histogram.quantile_ms(0.9));
  number(prefix + "_p99_ms", histogram.quantile_ms(0.99));
  number(prefix + "_p999_ms", histogram.quantile_ms(0.999));
  return number(prefix + "_max_ms", histogram.max_ms());
}

Report& Report::raw(std::string_view name, std::string_view json) {
  json_.append(",\"").append(name).append("\":").append(json);
  return *this;
}

void Report::print() const {
  std::fprintf(stderr, "%s\n", human_.c_str());
  std::printf("%s}\n", json_.c_str());
  std::fflush(stdout);
}

}  // namespace loadgen

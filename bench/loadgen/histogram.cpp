#include "bench/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace loadgen {

unsigned Histogram::bucket_of(std::uint64_t ns) {
  if (ns < sub_count) return static_cast<unsigned>(ns);
  const auto exponent = static_cast<unsigned>(std::bit_width(ns)) - 1;
  const unsigned shift = exponent - sub_bits;
  const auto sub = static_cast<unsigned>(ns >> shift) - sub_count;
  return std::min((shift + 1) * sub_count + sub, bucket_count - 1);
}

std::uint64_t Histogram::upper_edge(unsigned bucket) {
  if (bucket < sub_count) return bucket;
  const unsigned shift = bucket / sub_count - 1;
  const std::uint64_t sub = bucket % sub_count;
  return ((sub_count + sub + 1) << shift) - 1;
}

void Histogram::record(std::int64_t ns) {
  const std::uint64_t value = ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
  ++buckets_[bucket_of(value)];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void Histogram::clear() { *this = Histogram{}; }

double Histogram::mean_ms() const {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_) / 1e6;
}

double Histogram::quantile_ms(double fraction) const {
  if (count_ == 0) return 0.0;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (unsigned bucket = 0; bucket < bucket_count; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return static_cast<double>(std::min(upper_edge(bucket), max_)) / 1e6;
  }
  return max_ms();
}

}  // namespace loadgen

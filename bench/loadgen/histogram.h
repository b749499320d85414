#pragma once
// Latencies in log-linear buckets: every value is kept to within 1/64, from 1 ns to about 18 minutes,
// in a fixed table, so that recording costs a few instructions however long the run is.

#include <array>
#include <cstdint>

namespace loadgen {

class Histogram {
 public:
  void record(std::int64_t ns);
  void clear();

  std::uint64_t count() const { return count_; }
  double mean_ms() const;
  double max_ms() const { return static_cast<double>(max_) / 1e6; }
  // The upper edge of the bucket that holds the given fraction (0..1) of all values.
  double quantile_ms(double fraction) const;

 private:
  static constexpr unsigned sub_bits = 6;
  static constexpr unsigned sub_count = 1U << sub_bits;
  static constexpr unsigned exponent_max = 40;
  static constexpr unsigned bucket_count = (exponent_max - sub_bits + 1) * sub_count;

  static unsigned bucket_of(std::uint64_t ns);
  static std::uint64_t upper_edge(unsigned bucket);

  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace loadgen

#include "cluster/membership/suspicion.h"

#include <algorithm>
#include <cmath>

namespace parley::cluster {

bool Suspicion::is_by(NodeAddress node) const { return std::find(by_.begin(), by_.end(), node) != by_.end(); }

bool Suspicion::confirm(NodeAddress by, std::size_t wanted) {
  if (by_.size() > wanted || is_by(by)) return false;
  by_.push_back(by);
  return true;
}

milliseconds Suspicion::timeout(bool gone, std::size_t wanted, const SwimTiming& timing) const {
  const auto longest = gone ? timing.gone_max : timing.silent_max;
  const auto shortest = gone ? timing.gone_min : timing.silent_min;
  if (wanted == 0) return longest;
  const auto confirmed = static_cast<double>(by_.size() - 1);
  const auto share = std::min(1.0, std::log(confirmed + 1) / std::log(static_cast<double>(wanted) + 1));
  return longest - milliseconds(static_cast<std::int64_t>(share * static_cast<double>((longest - shortest).count())));
}

}  // namespace parley::cluster

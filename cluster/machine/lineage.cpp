#include "cluster/machine/lineage.h"

namespace parley::cluster {
namespace {

// splitmix64's last steps: different numbers in, different and far apart ones out.
std::uint64_t mixed(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
  return bits ^ (bits >> 31);
}

}  // namespace

Epoch epoch_in(const schemas::ChannelMeta& meta, std::uint64_t lineage) {
  if (!meta.unsynced || meta.epoch.value == 0 || meta.lineage >= lineage) return meta.epoch;
  return Epoch{mixed(meta.epoch.value + lineage * 0x9E3779B97F4A7C15u) | 1};  // never 0
}

Epoch first_epoch(const ChannelKey& channel, WallTime time) {
  return Epoch{mixed(stable_hash(channel.text()) ^ mixed(static_cast<std::uint64_t>(time.ms))) | 1};
}

}  // namespace parley::cluster

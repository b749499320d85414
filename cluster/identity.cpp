#include "cluster/identity.h"

#include "storage/keys.h"

#include <algorithm>

namespace parley::cluster {

Result<NodeAddress> begin_incarnation(storage::Store& store, const Clock& clock, Random& random) {
  using storage::Family;
  namespace keys = storage::keys;
  NodeAddress self;
  const auto stored = store.get(Family::state, keys::identity());
  if (!stored) return stored.error();
  if (stored->has_value()) {
    const std::string_view bytes = **stored;
    const auto half = bytes.size() / 2;
    const auto node = keys::parse_number(bytes.substr(0, half));
    const auto incarnation = keys::parse_number(bytes.substr(half));
    if (!node || *node == 0 || !incarnation)
      return make_error(Errc::corrupt, "the stored identity of the node is unreadable");
    self = {NodeId{*node}, Incarnation{*incarnation}};
  }
  while (!self.node.value) self.node.value = random.next();
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(clock.wall().ms, 0));
  self.incarnation.value = std::max(self.incarnation.value + 1, now);
  storage::WriteBatch batch;
  batch.put(Family::state, keys::identity(), keys::number(self.node.value) + keys::number(self.incarnation.value));
  if (const auto written = store.write(batch, storage::Sync::yes); !written) return written.error();
  return self;
}

}  // namespace parley::cluster

#pragma once
// The outside world, as a parameter of the node: time, randomness, where data is kept, and who runs the work
// beside the I/O threads. main() uses the real one; tests hand in others. Outlives the node.

#include "cluster/transport.h"
#include "core/address.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/worker.h"
#include "server/config/config.h"
#include "storage/store.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace parley::server {

// To other nodes, of this process; what it is given outlives it.
using OpenTransport = std::function<Result<std::unique_ptr<cluster::Transport>>(const NodeAddress& self)>;
using OpenStore = std::function<Result<std::unique_ptr<storage::Store>>(const DataConfig&)>;

// Since its start this machine has not lost what programs wrote and did not sync: the boot's id as the kernel tells
// it. Empty where it cannot be asked.
std::string this_boot();

struct Env {
  std::shared_ptr<Clock> clock = std::make_shared<SystemClock>();
  std::shared_ptr<Random> random = std::make_shared<OsRandom>();  // thread-safe
  OpenStore open_store;                                           // empty: RocksDB in data.dir
  std::string boot = this_boot();
  std::optional<NodeAddress> address;       // of this process; nothing: as the store says
  cluster::Transport* transport = nullptr;  // to other nodes, of whoever made this; else:
  OpenTransport open_transport;             // empty: as the configuration says, which may be that the node is alone
  std::function<void()> end_process;        // there is a later process of the node. Empty: SIGTERM
  Executor* executor = nullptr;             // of log, reads and actors; null: threads
};

}  // namespace parley::server

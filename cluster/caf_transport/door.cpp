#include "cluster/caf_transport/door.h"

#include "core/log.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace parley::cluster {

namespace {
constexpr int kAcceptsPerTurn = 16;
}

Door::Door(caf::io::network::default_multiplexer& loop, OwnedSocket listening, Accepted accepted)
    : event_handler(loop, listening.release()), accepted_(std::move(accepted)) {}

void Door::open() {
  if (std::exchange(open_, true)) return;
  state_.reading = true;
  activate();
}

void Door::close() {
  if (std::exchange(open_, false)) passivate();
}

void Door::handle_event(caf::io::network::operation /*op*/) {
  for (int i = 0; i < kAcceptsPerTurn && open_; ++i) {
    OwnedSocket socket(::accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.exists()) {
      accepted_(std::move(socket));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) {
      // No descriptors, most likely: the socket stays ready, and would be asked without end.
      log_warn("cannot take connections of other nodes", {{"error", system_error(errno)}});
      close();
    }
    return;
  }
}

}  // namespace parley::cluster

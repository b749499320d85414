#pragma once
// The listening socket in CAF's multiplexer. Belongs to the multiplexer's thread, and is kept as a Wire is.

#include "cluster/caf_transport/socket.h"

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/event_handler.hpp>

#include <functional>

namespace parley::cluster {

class Door final : public caf::io::network::event_handler {
 public:
  using Accepted = std::function<void(OwnedSocket)>;
  Door(caf::io::network::default_multiplexer& loop, OwnedSocket listening, Accepted accepted);

  void open();  // again and again: it closes by itself while the process has no descriptors left
  void close();
  [[nodiscard]] bool may_be_freed() const { return !open_ && eventbf() == 0; }

  void handle_event(caf::io::network::operation op) override;
  void removed_from_loop(caf::io::network::operation /*op*/) override {}
  void graceful_shutdown() override { close(); }

 private:
  const Accepted accepted_;
  bool open_ = false;
};

}  // namespace parley::cluster

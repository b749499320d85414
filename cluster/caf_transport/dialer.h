#pragma once
// Connects to other nodes, on threads of its own: nothing that is slow about it (a name server, an address that nobody
// answers at) delays anybody else, or another connection. Names are looked up on one thread, all connections are made
// at the same time on another, each with a time limit.
//
// Thread-safe. `done` is called on the dialer's threads, once for each attempt, and not after stop().

#include "cluster/caf_transport/socket.h"
#include "core/clock.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace parley::cluster {

class Dialer {
 public:
  using Done = std::function<void(std::uint64_t attempt, Result<OwnedSocket> connected)>;
  Dialer(const LinkLimits& limits, const Clock& clock, Done done);
  ~Dialer() { stop(); }
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  void dial(std::uint64_t attempt, const std::string& host, std::uint16_t port);
  // A name server that does not answer is not waited for: its thread ends when it does.
  void stop();

 private:
  struct State;
  struct Connecting;
  static void look_up(const std::shared_ptr<State>& state);
  void connect_all();

  const LinkLimits limits_;
  const Clock& clock_;
  const Done done_;
  std::shared_ptr<State> state_;  // outlives this where a name server does not answer
  std::thread names_;
  std::thread connections_;
};

}  // namespace parley::cluster

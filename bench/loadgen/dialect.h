#pragma once
// How a client of one protocol opens, subscribes and publishes. Values only: no socket, no state that
// outlives a call, so one object serves all connections.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/loadgen/options.h"

namespace loadgen {

// What one connection is for.
struct Seat {
  std::size_t index = 0;
  std::string channel;
};

// What to do with a frame that arrived before the subscription stood.
struct SetupStep {
  std::string send{};  // empty: nothing
  bool subscribed = false;
  std::string error{};  // not empty: the server refused
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  // What this connection speaks, where not all speak the same.
  virtual const Dialect& of(std::size_t index) const {
    (void)index;
    return *this;
  }
  // The request target of the upgrade.
  virtual std::string target() const = 0;
  virtual SetupStep on_setup(std::string_view text, const Seat& seat) const = 0;
  // data is JSON. With an ack number the sender is told once the message is stored (Parley only).
  virtual std::string publish(const std::string& channel, std::string_view data,
                              std::optional<std::uint64_t> ack) const = 0;
  // The answer to a keep-alive question, or empty.
  virtual std::string_view keep_alive_reply(std::string_view text) const = 0;
  virtual bool is_error(std::string_view text) const = 0;
};

std::unique_ptr<Dialect> make_dialect(const Options& options);

}  // namespace loadgen

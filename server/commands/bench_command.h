#pragma once
// `parley bench`: subscribers and publishers against a running node, and the rates they saw. For a
// first impression of an installation; bench/ measures exactly and beside other servers.

#include "server/commands/client_target.h"

#include <cstdint>
#include <string>

namespace parley::server {

struct BenchOptions {
  std::string channel = "bench";  // `domain.bench` would be durable
  std::uint32_t subscribers = 100;
  std::uint32_t publishers = 4;  // HTTP connections, one call in flight on each
  std::uint32_t publishes = 5'000;
  std::uint32_t bytes = 200;
};
int bench(const ClientTarget& target, const BenchOptions& options);

}  // namespace parley::server

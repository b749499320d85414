#pragma once
// `parley publish`, `subscribe` and `history`: what an operator wants to do by hand. Each prints what
// came, or one readable sentence on stderr, and returns the exit code.

#include "server/commands/client_target.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley::server {

struct PublishOptions {
  std::vector<std::string> words;  // channel, event, data
  std::string socket_id;
  std::string idempotency_key;
};
int publish(const ClientTarget& target, const PublishOptions& options);

struct SubscribeOptions {
  std::vector<std::string> channels;
  std::string user_id = "parley-cli";  // on presence channels
  std::string since;                   // epoch:offset
  std::uint32_t rewind = 0;
  std::uint64_t count = 0;  // end after so many events; 0: never
  bool json = false;        // one JSON object a line
};
int subscribe(const ClientTarget& target, const SubscribeOptions& options);

struct HistoryOptions {
  std::string channel;
  std::string since;
  std::string from;
  std::string to;
  std::string direction = "forward";
  std::uint32_t limit = 100;  // in all, over as many pages as it takes
  bool json = false;
};
int history(const ClientTarget& target, const HistoryOptions& options);

}  // namespace parley::server

#pragma once
// What a publishing call asks for, read from its body and checked whole before anything is published.
// Pure.

#include "core/ids.h"
#include "core/result.h"
#include "core/settings.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

struct PublishEvent {
  std::string name;
  std::string data;
  SocketId except;
  std::string idempotency_key;
  std::vector<std::string> info;  // of user_count, subscription_count
};
struct PublishTarget {
  std::string channel;
  std::size_t event;  // index
};
struct PublishPlan {
  std::vector<PublishEvent> events;
  std::vector<PublishTarget> targets;  // one publication each, in order
  [[nodiscard]] bool wants_info() const;
};

// What a `socket_id` that cannot be one of ours means.
enum class ForeignSocket : std::uint8_t { refuse, nobody };

// `{"name":…,"data":…,"channel":…}` or `"channels":[…]`.
Result<PublishPlan> decode_publish(std::string_view body, const App& app, std::size_t depth_max,
                                   ForeignSocket foreign = ForeignSocket::refuse);
// `{"batch":[{"name":…,"data":…,"channel":…},…]}`: one target for each event.
Result<PublishPlan> decode_batch(std::string_view body, const App& app, std::size_t depth_max);

}  // namespace parley::net

#pragma once
// What a channel may do to the world, and the state with which it wakes up. Implemented by the channel
// actor, by the simulator and by tests; called on the thread that runs the channel.

#include "actors/channel/visit_memory.h"
#include "core/command.h"
#include "core/request.h"
#include "core/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace parley::actors {

enum class WaitForDisk : std::uint8_t { no, yes };

class ChannelPort {
 public:
  virtual ~ChannelPort() = default;
  virtual void reply(Reply reply) = 0;
  virtual void tell(const SessionAddress& hub, const ChannelEventPtr& event) = 0;
  // Hubs of another node hear of an event together.
  [[nodiscard]] virtual NodeAddress here() const { return {}; }
  virtual void tell(const NodeAddress& node, std::vector<HubId> hubs, const ChannelEventPtr& event) {
    for (const auto hub : hubs) tell({hub, {}, node}, event);
  }
  virtual void propose(Command command, CommandToken token, WaitForDisk wait) = 0;
  virtual void read_history(GetHistory query, std::uint64_t read) = 0;
  // Room for so many bytes of missed publications under the node's bound. Null: later, reserved() follows.
  virtual Result<std::shared_ptr<const void>> reserve(Origin /*origin*/, std::size_t bytes, std::uint64_t read) {
    (void)read;
    return std::shared_ptr<const void>(std::make_shared<const std::size_t>(bytes));
  }
  virtual void read_cursor(const std::string& client_id, std::uint64_t read) = 0;
  virtual void open() = 0;                                  // asks for the durable state; opened() follows
  virtual std::uint64_t random() = 0;                       // for a new epoch
  virtual std::string notice_id() = 0;                      // new and unique
  virtual Status may_join(const std::string& user_id) = 0;  // banned, or kicked off this channel?
  virtual VisitMemory& visits() = 0;                        // of channels that were never published on
};

// The durable state with which a channel wakes up (cluster::ChannelState without its layer).
struct DurableState {
  Position newest;
  Offset oldest;
  PublicationPtr cached;
  std::vector<SaidId> told;  // members the backend was told of; an empty one: of the channel
};

}  // namespace parley::actors

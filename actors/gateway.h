#pragma once
// The door between net and the actors, and the only header of this folder that net sees. No CAF here.
//
// Requests go in by submit(), from any I/O thread, a vector for each loop turn. What comes back (an
// answer for one session or HTTP request, an event for all subscribers of a channel) is pushed into
// the hub's inbox from CAF workers or the log thread. Order: what one channel pushes to one hub
// arrives in the order in which the channel did it, so a roster and the changes after it agree.

#include "core/publication.h"
#include "core/request.h"

#include <memory>
#include <variant>
#include <vector>

namespace parley::actors {

using HubMessage = std::variant<Reply, ChannelEventPtr>;

// One I/O thread's way in. Implemented by net; push() is thread-safe, never blocks, never calls back.
class HubInbox {
 public:
  virtual ~HubInbox() = default;
  virtual void push(HubMessage message) = 0;
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  // Hubs are attached before the first request and outlive the gateway's actors.
  virtual HubId attach(std::shared_ptr<HubInbox> inbox) = 0;
  // Takes the requests' contents. A request that finds its queue full is answered `overloaded`,
  // except Unsubscribe and SignOut, which are always taken.
  virtual void submit(std::vector<Request>&& requests) = 0;
};

}  // namespace parley::actors

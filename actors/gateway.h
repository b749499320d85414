#pragma once
// The doors between net and the actors, and the only header of this folder that net sees. No CAF here.
//
// Requests go in by submit(), from any I/O thread, a vector for each loop turn. What comes back (an
// answer for one session or HTTP request, an event for all subscribers of a channel) is pushed into
// the hub's inbox from CAF workers or the log thread. Order: what one channel pushes to one hub
// arrives in the order in which the channel did it, so a roster and the changes after it agree.
//
// What the application's backend is to be told goes out through the WebhookSender.

#include "core/notice.h"
#include "core/publication.h"
#include "core/request.h"
#include "core/settings.h"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace parley::actors {

// LedAnew: the shards' leaders are to be told who is here (Announce, AnnounceUser).
using HubMessage = std::variant<Reply, ChannelEventPtr, LedAnew>;

// One I/O thread's way in. Implemented by net; push() is thread-safe, never blocks, never calls back.
class HubInbox {
 public:
  virtual ~HubInbox() = default;
  virtual void push(HubMessage message) = 0;
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  // Hubs are attached before the first request and outlive the gateway's actors. What a hub asks comes from the address
  // that it is given here; answers to another one do not reach it.
  virtual SessionAddress attach(std::shared_ptr<HubInbox> inbox) = 0;
  // Takes the requests' contents. A request that finds its queue full is answered `overloaded`,
  // except those that say who is here or left, which are always taken.
  virtual void submit(std::vector<Request>&& requests) = 0;
};

// One request to a webhook's target.
struct WebhookPost {
  SettingsPtr settings;  // of the moment; `target` and `app` are inside
  const WebhookTarget* target = nullptr;
  const App* app = nullptr;     // its key and secret sign the request
  std::vector<Notice> notices;  // in order; not empty
  std::uint32_t attempt = 1;
};
struct WebhookOutcome {
  bool delivered = false;       // answered with 2xx
  bool rejected = false;        // answered that it will never take this (400, 413, 422)
  std::string failure;          // else: readable, for logs, dead letters and operators
  milliseconds retry_after{0};  // the target asked for it; 0: it did not
};

// Implemented by net. post() is thread-safe and never blocks; `done` runs once, on another thread (or at
// once when the post cannot be taken), and only hands over. After the sender's end nothing runs any more.
class WebhookSender {
 public:
  virtual ~WebhookSender() = default;
  virtual void post(WebhookPost post, std::function<void(WebhookOutcome)> done) = 0;
};

}  // namespace parley::actors

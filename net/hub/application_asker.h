#pragma once
// The hubs' way to ask applications whether a client may join. Implemented by net/outbound/application_auth.

#include "core/request.h"
#include "core/settings.h"
#include "net/protocol.h"

#include <functional>
#include <vector>

namespace parley::net {

class ApplicationAsker {
 public:
  virtual ~ApplicationAsker() = default;
  // Questions of one client. Thread-safe, never blocks. Each is answered once; `done` runs for those that are known
  // together: before this returns, for what needs no call, and on another thread for each call's answer. It only
  // hands over, and may run on two threads at a time.
  virtual void ask(const SettingsPtr& settings, std::vector<AuthQuestion> questions,
                   std::function<void(std::vector<ApplicationAnswer>)> done) = 0;
};

}  // namespace parley::net

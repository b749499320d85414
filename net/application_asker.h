#pragma once
// The hubs' way to ask applications whether a client may join. Implemented by net/application_auth.

#include "core/request.h"
#include "core/settings.h"
#include "net/protocol.h"

#include <functional>
#include <vector>

namespace parley::net {

class ApplicationAsker {
 public:
  virtual ~ApplicationAsker() = default;
  // Questions of one client. Thread-safe, never blocks. `done` runs once, with an answer for each question,
  // maybe on another thread and maybe before this returns; it only hands over.
  virtual void ask(const SettingsPtr& settings, std::vector<AuthQuestion> questions,
                   std::function<void(std::vector<ApplicationAnswer>)> done) = 0;
};

}  // namespace parley::net

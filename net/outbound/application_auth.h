#pragma once
// Asks the application whether a client may subscribe, when the client brought no proof. Remembers the
// answers for a while and asks the same thing once for all who wait for it; a client that sent no
// credentials shares neither with others. Where the application takes several channels in one call, what a
// client asks while a call of its own is under way goes together with the next.
//
// One for a node; server/ owns it. Thread-safe: I/O threads ask, the calls thread answers.

#include "core/call.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/settings.h"
#include "net/address/question_shares.h"
#include "net/hub/application_asker.h"
#include "net/outbound/auth_cache.h"
#include "net/outbound/auth_exchange.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace parley::net {

class ApplicationAuth final : public ApplicationAsker {
 public:
  using Done = std::function<void(std::vector<ApplicationAnswer>)>;

  // `caller` is stopped before this object goes: nothing calls back then.
  ApplicationAuth(Caller& caller, const Clock& clock, const Metrics& metrics);

  void ask(const SettingsPtr& settings, std::vector<AuthQuestion> questions, Done done) override;
  // Somebody's rights changed: everything of the app is asked again.
  void forget(std::string_view app);

 private:
  struct Waiter {
    std::shared_ptr<const Done> done;
    std::string channel;
    QuestionShares::Asker asker;
  };
  // A question on its way.
  struct Flight {
    AuthQuestion question;
    std::string key;  // empty: belongs to its client alone
    AuthCache::Generation generation = 0;
    seconds cache{0};
    seconds cache_refusal{0};
    std::vector<Waiter> waiters;
  };
  using FlightPtr = std::shared_ptr<Flight>;

  // One client's batched calls.
  struct Client {
    std::size_t calls = 0;  // under way
    SettingsPtr settings;   // of the newest question
    std::vector<FlightPtr> waiting;
  };
  using ClientKey = std::pair<std::string, SocketId>;  // application, connection

  FlightPtr begin(const App& app, AuthQuestion question, std::string key, Waiter waiter,
                  std::vector<ApplicationAnswer>& known) PARLEY_REQUIRES(mutex_);
  void send_each(const AuthSettings& auth, std::vector<FlightPtr> flights);
  void send_together(const SettingsPtr& settings, const AuthSettings& auth, std::vector<FlightPtr> flights);
  void call_ended(const ClientKey& client);
  void finish(const std::vector<FlightPtr>& flights, std::vector<AuthDecision> decisions);
  void note(const std::string& app, const AuthDecision& decision) PARLEY_REQUIRES(mutex_);

  Caller& caller_;
  const Clock& clock_;
  Counter allowed_, denied_, unavailable_, over_share_, cached_, coalesced_;

  Mutex mutex_;  // not held while calling or answering
  AuthCache cache_ PARLEY_GUARDED_BY(mutex_);
  std::unordered_map<std::string, FlightPtr> flights_ PARLEY_GUARDED_BY(mutex_);  // those with a key
  std::map<ClientKey, Client> clients_ PARLEY_GUARDED_BY(mutex_);                 // those with a batched call under way
  QuestionShares shares_ PARLEY_GUARDED_BY(mutex_);                               // of questions that are not answered
  std::set<std::string> silent_ PARLEY_GUARDED_BY(mutex_);                        // apps whose newest answer was none
};

}  // namespace parley::net

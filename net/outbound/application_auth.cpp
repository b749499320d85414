#include "net/outbound/application_auth.h"

#include "core/check.h"
#include "core/log.h"
#include "net/address/address.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley::net {
namespace {

using Outcome = AuthDecision::Outcome;

// Members of a size that no channel takes are not worth remembering.
constexpr std::size_t kCachedBytesMax = 4'096;

ApplicationAnswer answer_of(std::string channel, const AuthDecision& decision) {
  ApplicationAnswer answer;
  answer.channel = std::move(channel);
  switch (decision.outcome) {
    case Outcome::allowed:
      answer.allowed = true;
      answer.channel_data = decision.channel_data;
      break;
    case Outcome::denied:
      answer.error = decision.words.empty() ? make_error(Errc::unauthorized, "the application refuses this channel")
                                            : make_error(Errc::unauthorized, decision.words);
      break;
    case Outcome::unavailable:
      answer.error = make_error(Errc::auth_unavailable);  // why is the operator's business
      break;
  }
  return answer;
}

}  // namespace

ApplicationAuth::ApplicationAuth(Caller& caller, const Clock& clock, const Metrics& metrics)
    : caller_(caller),
      clock_(clock),
      allowed_(metrics.auth_questions("allowed")),
      denied_(metrics.auth_questions("denied")),
      unavailable_(metrics.auth_questions("unavailable")),
      over_share_(metrics.auth_questions("over_share")),
      cached_(metrics.auth_questions("cached")),
      coalesced_(metrics.auth_questions("coalesced")) {}

void ApplicationAuth::ask(const SettingsPtr& settings, std::vector<AuthQuestion> questions, Done done) {
  if (questions.empty()) return;
  const auto* app = settings->app_by_id(questions.front().app);
  std::vector<ApplicationAnswer> known;
  std::vector<FlightPtr> fresh;
  const auto shared = std::make_shared<const Done>(std::move(done));
  const auto credentials = credentials_hash(questions.front().headers);
  {
    const MutexLock lock(mutex_);
    cache_.bound(settings->limits.auth_cache_entries_max);
    for (auto& question : questions) {
      Waiter waiter{shared, question.channel, {address_share(question.client_address), question.socket}};
      if (app == nullptr || (app->auth.url.empty() && app->auth.batch_url.empty())) {
        known.push_back(answer_of(std::move(waiter.channel), {Outcome::denied, {}, {}}));
        continue;
      }
      CHECK(question.app == app->id);
      auto key = credentials ? app->id + '/' + *credentials + question.channel : std::string();
      if (auto flight = begin(*app, std::move(question), std::move(key), std::move(waiter), known)) {
        fresh.push_back(std::move(flight));
      }
    }
  }
  if (!known.empty()) (*shared)(std::move(known));
  if (fresh.empty()) return;
  if (app->auth.batch_url.empty()) {
    send_each(app->auth, std::move(fresh));
  } else {
    send_together(settings, app->auth, std::move(fresh));
  }
}

// Null: answered already, or somebody else's question is on its way.
ApplicationAuth::FlightPtr ApplicationAuth::begin(const App& app, AuthQuestion question, std::string key, Waiter waiter,
                                                  std::vector<ApplicationAnswer>& known) {
  if (!key.empty()) {
    if (const auto* decision = cache_.find(app.id, key, clock_.now())) {
      cached_.add();
      known.push_back(answer_of(std::move(waiter.channel), *decision));
      return nullptr;
    }
  }
  const QuestionShares::Bounds bounds{.application = app.auth.waiting_max,
                                      .address = (app.auth.waiting_max * app.auth.address_share_percent + 99) / 100,
                                      .connection = app.auth.waiting_per_connection_max};
  if (const auto taken = shares_.take(app.id, waiter.asker, bounds); taken != QuestionShares::Taken::yes) {
    (taken == QuestionShares::Taken::full ? unavailable_ : over_share_).add();
    known.push_back(answer_of(std::move(waiter.channel), {Outcome::unavailable, {}, {}}));
    return nullptr;
  }
  const auto generation = cache_.generation(app.id);
  if (!key.empty()) {
    if (const auto found = flights_.find(key); found != flights_.end() && found->second->generation == generation) {
      coalesced_.add();
      found->second->waiters.push_back(std::move(waiter));
      return nullptr;
    }
  }
  auto flight = std::make_shared<Flight>();
  flight->question = std::move(question);
  flight->key = std::move(key);
  flight->generation = generation;
  flight->cache = app.auth.cache;
  flight->cache_refusal = app.auth.cache_refusal;
  flight->waiters.push_back(std::move(waiter));
  if (!flight->key.empty()) flights_.insert_or_assign(flight->key, flight);
  return flight;
}

void ApplicationAuth::send_each(const AuthSettings& auth, std::vector<FlightPtr> flights) {
  for (auto& flight : flights) {
    auto call = auth_call(auth, flight->question);
    caller_.call(std::move(call), [this, flight = std::move(flight)](const Answer& answer) {
      finish({flight}, {decode_auth(answer, flight->question.channel)});
    });
  }
}

// A page subscribes its channels one by one, and they arrive in a few reads: the first call goes out at once,
// the others wait for its end and go together. So no timer delays anybody.
void ApplicationAuth::send_together(const SettingsPtr& settings, const AuthSettings& auth,
                                    std::vector<FlightPtr> flights) {
  const ClientKey client{flights.front()->question.app, flights.front()->question.socket};
  const auto together = std::max<std::size_t>(auth.channels_per_call_max, 1);
  const auto calls = (flights.size() + together - 1) / together;
  {
    const MutexLock lock(mutex_);
    auto& known = clients_[client];
    if (known.calls > 0) {
      known.settings = settings;
      std::move(flights.begin(), flights.end(), std::back_inserter(known.waiting));
      return;
    }
    known.calls = calls;
  }
  for (std::size_t first = 0; first < flights.size(); first += together) {
    const auto last = std::min(first + together, flights.size());
    std::vector<FlightPtr> chunk(flights.begin() + static_cast<std::ptrdiff_t>(first),
                                 flights.begin() + static_cast<std::ptrdiff_t>(last));
    std::vector<AuthQuestion> questions;
    for (const auto& flight : chunk) questions.push_back(flight->question);
    caller_.call(auth_batch_call(auth, questions), [this, client, chunk = std::move(chunk)](const Answer& answer) {
      std::vector<std::string_view> channels;
      for (const auto& flight : chunk) channels.push_back(flight->question.channel);
      finish(chunk, decode_auth_batch(answer, channels));
      call_ended(client);
    });
  }
}

void ApplicationAuth::call_ended(const ClientKey& client) {
  Client next;
  {
    const MutexLock lock(mutex_);
    const auto place = clients_.find(client);
    CHECK(place != clients_.end() && place->second.calls > 0);
    if (--place->second.calls > 0) return;
    next = std::move(place->second);
    clients_.erase(place);
  }
  if (next.waiting.empty()) return;
  // The settings that they were asked under still name the application.
  const auto* app = next.settings->app_by_id(client.first);
  CHECK(app != nullptr);
  send_together(next.settings, app->auth, std::move(next.waiting));
}

void ApplicationAuth::finish(const std::vector<FlightPtr>& flights, std::vector<AuthDecision> decisions) {
  CHECK(flights.size() == decisions.size());
  std::map<std::shared_ptr<const Done>, std::vector<ApplicationAnswer>> answers;
  {
    const MutexLock lock(mutex_);
    const auto now = clock_.now();
    for (std::size_t i = 0; i < flights.size(); ++i) {
      auto& flight = *flights[i];
      auto& decision = decisions[i];
      const auto& app = flight.question.app;
      if (const auto found = flights_.find(flight.key); found != flights_.end() && found->second == flights[i]) {
        flights_.erase(found);
      }
      for (auto& waiter : flight.waiters) {
        shares_.release(app, waiter.asker);
        answers[waiter.done].push_back(answer_of(std::move(waiter.channel), decision));
      }
      flight.waiters.clear();
      note(app, decision);
      if (flight.key.empty() || decision.outcome == Outcome::unavailable) continue;
      if (decision.channel_data.size() > kCachedBytesMax) continue;
      const auto lifetime = decision.outcome == Outcome::allowed ? flight.cache : flight.cache_refusal;
      cache_.keep(app, flight.key, std::move(decision), flight.generation, now, now + lifetime);
    }
  }
  for (auto& [done, list] : answers) (*done)(std::move(list));
}

// Counts it, and says once when an application falls silent and once when it speaks again.
void ApplicationAuth::note(const std::string& app, const AuthDecision& decision) {
  if (decision.outcome != Outcome::unavailable) {
    (decision.outcome == Outcome::allowed ? allowed_ : denied_).add();
    if (silent_.erase(app) > 0) log_info("the application answers questions of authorisation again", {{"app", app}});
    return;
  }
  unavailable_.add();
  if (silent_.insert(app).second) {
    log_warn("the application does not answer a question of authorisation",
             {{"app", app}, {"failure", decision.words}});
  }
}

void ApplicationAuth::forget(std::string_view app) {
  const MutexLock lock(mutex_);
  cache_.forget(app);
}

}  // namespace parley::net

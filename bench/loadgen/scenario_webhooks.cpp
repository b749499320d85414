// webhooks: users' events on their way to a target, while it answers and after it was down.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

#include "bench/loadgen/people.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/webhook_receiver.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

// Signed-in users who look away and look again by turns, each change an event; and what came of each. A
// user's changes are far enough apart that the server does not make one of two.
class Changes final : private WebhookReceiver::Sink {
 public:
  Changes(Loop& loop, People& people, const Options& options, const WebhooksOptions& what)
      : loop_(loop),
        people_(people),
        options_(options),
        what_(what),
        receiver_(loop, *this, what.port, static_cast<std::int64_t>(what.answer_after_ms * 1e6)),
        users_(what.users) {}

  // Brings everybody in, and waits for their events: a user who comes and looks away at once is one change.
  void begin() {
    for (std::size_t person = 0; person < users_.size(); ++person) {
      users_[person].made.push_back(now_ns());
      ++made_;
      people_.arrive(person);
      while (person + 1 - people_.signed_in() >= options_.connecting_max) turn();
    }
    constexpr double patience_s = 30;
    drain(patience_s);
  }

  // Makes changes at the rate, on schedule.
  void run(double seconds) {
    const auto from = now_ns();
    const auto end = from + static_cast<std::int64_t>(seconds * 1e9);
    const double period_ns = 1e9 / what_.rate;
    std::uint64_t number = 0;
    for (auto now = from; now < end; now = now_ns()) {
      turn();
      for (; from + static_cast<std::int64_t>(std::lround(static_cast<double>(number) * period_ns)) <= now; ++number) {
        change(next_person_++ % users_.size());
      }
      backlog_max_ = std::max(backlog_max_, backlog());
      if (now >= from + static_cast<std::int64_t>(samples_.size()) * sample_every_ns) samples_.push_back(backlog());
    }
  }

  // Until everything is delivered.
  void drain(double patience_s) {
    const auto from = now_ns();
    while (backlog() != 0) {
      turn();
      if (seconds_between(from, now_ns()) > patience_s) {
        throw std::runtime_error(std::to_string(backlog()) + " events did not come");
      }
    }
  }

  void reset_counts() {
    delivered_ = 0;
    backlog_max_ = 0;
    first_ns_ = last_ns_ = 0;
    samples_.clear();
    delay_.clear();
  }

  WebhookReceiver& receiver() { return receiver_; }
  std::uint64_t backlog() const { return made_ - delivered_in_all_; }
  std::uint64_t backlog_max() const { return backlog_max_; }
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t repeated() const { return repeated_; }
  std::int64_t first_ns() const { return first_ns_; }
  std::int64_t last_ns() const { return last_ns_; }
  const Histogram& delay() const { return delay_; }
  std::string samples() const {
    std::string text = "[";
    for (const auto sample : samples_) text.append(text.size() == 1 ? "" : ",").append(std::to_string(sample));
    return text.append("]");
  }

 private:
  static constexpr std::int64_t sample_every_ns = 100'000'000;

  struct User {
    bool away = false;                // as it said last
    bool heard_away = true;           // by the target: each event must be the other than the one before
    std::deque<std::int64_t> made{};  // when, of events that are not delivered
  };

  void turn() {
    loop_.turn(options_.spin ? 0 : 1);
    receiver_.answer(now_ns());
  }

  void change(std::size_t person) {
    auto& user = users_[person];
    user.away = !user.away;
    user.made.push_back(now_ns());
    ++made_;
    people_.say(person, user.away ? R"({"event":"parley:activity","data":{"state":"away"}})"
                                  : R"({"event":"parley:activity","data":{"state":"online"}})");
  }

  void on_user_event(const UserEvent& event) override {
    if (!ids_.emplace(event.id).second) {
      ++repeated_;
      return;
    }
    const auto digits = event.user_id.substr(event.user_id.rfind('-') + 1);
    std::size_t person = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), person);
    auto& user = users_.at(person);
    const bool away = event.name == "user_away";
    if (!away && event.name != "user_online") throw std::runtime_error("an unexpected " + std::string(event.name));
    if (away == user.heard_away || user.made.empty()) {
      throw std::runtime_error(std::string(event.name) + " of " + std::string(event.user_id) + " is out of order");
    }
    user.heard_away = away;
    last_ns_ = now_ns();
    if (first_ns_ == 0) first_ns_ = last_ns_;
    delay_.record(last_ns_ - user.made.front());
    user.made.pop_front();
    ++delivered_;
    ++delivered_in_all_;
  }

  Loop& loop_;
  People& people_;
  const Options& options_;
  const WebhooksOptions& what_;
  WebhookReceiver receiver_;
  std::vector<User> users_;
  std::unordered_set<std::string> ids_;
  std::size_t next_person_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t delivered_in_all_ = 0;
  std::uint64_t delivered_ = 0;  // since reset_counts()
  std::uint64_t repeated_ = 0;
  std::uint64_t backlog_max_ = 0;
  std::vector<std::uint64_t> samples_;  // of the backlog, in one run()
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  Histogram delay_;
};

}  // namespace

void run_webhooks(const Options& options, const WebhooksOptions& what) {
  if (what.port == 0) throw std::runtime_error("webhooks needs --webhook-port, and a server that sends there");
  if (what.rate <= 0) throw std::runtime_error("webhooks needs a rate");
  constexpr double patience_s = 120;  // a target that was down is not asked again at once
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  People people(loop, options, *dialect, what.users, [](std::size_t) { return std::string("hooked"); });
  Changes changes(loop, people, options, what);
  changes.begin();
  changes.run(options.warmup_s);
  changes.reset_counts();

  Window window(meter, loop);
  changes.run(what.steady_s);
  window.stop();
  Report report("webhooks", options.label);
  report.number("events_per_s", static_cast<double>(changes.delivered()) / window.seconds());
  report.number("backlog_max", static_cast<double>(changes.backlog_max()));
  report.number("backlog_at_end", static_cast<double>(changes.backlog()));
  report.raw("backlog_each_100_ms", changes.samples());
  report.latency("event", changes.delay());
  if (meter.enabled()) report.number("cpu_us_per_event", window.server_cpu_us_per(changes.delivered()));
  window.add_load(report);
  changes.drain(patience_s);

  if (what.down_s > 0) {
    changes.receiver().go_down();
    changes.run(what.down_s);
    const auto requests_before = changes.receiver().requests();
    const auto backlog = changes.backlog();
    changes.reset_counts();
    changes.receiver().go_up();
    const auto up_ns = now_ns();
    changes.drain(patience_s);
    report.number("down_backlog", static_cast<double>(backlog));
    report.number("down_first_after_s", seconds_between(up_ns, changes.first_ns()));
    report.number("drain_events_per_s", static_cast<double>(backlog) /
                                            std::max(1e-9, seconds_between(changes.first_ns(), changes.last_ns())));
    report.number("drain_events_per_request",
                  static_cast<double>(backlog) / static_cast<double>(changes.receiver().requests() - requests_before));
  }
  report.number("repeated", static_cast<double>(changes.repeated()));
  report.print();
}

}  // namespace loadgen

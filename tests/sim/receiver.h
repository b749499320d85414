#pragma once
// The backend that webhooks go to: takes its time, fails, takes without its answer arriving, and judges what it is
// told. Belongs to the world and outlives its nodes. Checks
//
//   told_once       a notice that was acknowledged comes again only if since it happened there was a crash, or the
//                   disk failed
//   told_in_order   of each subject the notices alternate: online and offline, occupied and vacated, added and removed
//   told_the_end    in calm the last thing told of each subject is how it is

#include "actors/gateway.h"
#include "tests/sim/checker.h"

#include <map>
#include <set>
#include <string>

namespace parley::sim {

inline constexpr std::string_view kWebhook = "backend";

class Receiver {
 public:
  Receiver(Scheduler& scheduler, const Plan& plan, Checker& checker)
      : scheduler_(scheduler), plan_(plan), checker_(checker) {}

  // When the answer is on its way back, and what it says.
  struct Answer {
    nanoseconds after;
    actors::WebhookOutcome outcome;
  };
  Answer take(const std::vector<Notice>& notices);

  // `online`: users who are here; `occupied`: channels with subscribers; `members`: of presence channels.
  void check_end(const std::set<std::string>& online, const std::set<std::string>& occupied,
                 const std::set<std::string>& members);
  [[nodiscard]] std::uint64_t told() const { return told_; }

 private:
  void hear(const Notice& notice, bool answered);
  void expect(const std::map<std::string, bool>& last, const std::set<std::string>& truth, std::string_view what);
  void alternate(std::map<std::string, bool>& last, const std::string& subject, bool begins, std::string_view what);

  Scheduler& scheduler_;
  const Plan& plan_;
  Checker& checker_;
  std::uint64_t told_ = 0;
  std::map<std::string, bool> heard_;  // by id; true: and the answer did not get lost
  std::map<std::string, bool> users_;  // by user; true: the last was that it began
  std::map<std::string, bool> channels_;
  std::map<std::string, bool> members_;      // "channel user"
  std::map<std::string, bool> connections_;  // "user socket"
};

}  // namespace parley::sim

#include "tests/sim/receiver.h"

#include <fmt/format.h>

namespace parley::sim {

Receiver::Answer Receiver::take(const std::vector<Notice>& notices) {
  const auto after = scheduler_.chance(plan_.slow_network) ? scheduler_.between(milliseconds(50), milliseconds(1'500))
                                                           : scheduler_.between(milliseconds(1), milliseconds(40));
  const bool fails = scheduler_.chance(plan_.webhook_failures);
  const bool takes = !fails || scheduler_.chance(0.5);  // else the answer gets lost
  if (takes) {
    for (const auto& notice : notices) hear(notice, !fails);
  }
  if (fails) return {after, {.failure = "the connection broke"}};
  return {after, {.delivered = true}};
}

void Receiver::hear(const Notice& notice, bool answered) {
  scheduler_.note(answered ? "webhook" : "webhook, unanswered",
                  fmt::format("{} {} {} {}", notice.id, notice_name(notice.kind), notice.channel, notice.user_id));
  const auto [place, fresh] = heard_.try_emplace(notice.id);
  if (!fresh && place->second && checker_.last_trouble() < notice.time) {
    checker_.violated("told_once",
                      fmt::format("{} of {} {} came again", notice_name(notice.kind), notice.channel, notice.user_id));
  }
  place->second = answered || place->second;
  if (!fresh) return;
  ++told_;

  if (!plan_.people_promised) return;
  const auto member = notice.channel + " " + notice.user_id;
  const auto connection = notice.user_id + " " + notice.socket.text();
  switch (notice.kind) {
    case NoticeKind::user_online:
      return alternate(users_, notice.user_id, true, "user");
    case NoticeKind::user_offline:
      return alternate(users_, notice.user_id, false, "user");
    case NoticeKind::user_connected:
      return alternate(connections_, connection, true, "connection");
    case NoticeKind::user_disconnected:
      return alternate(connections_, connection, false, "connection");
    case NoticeKind::channel_occupied:
      return alternate(channels_, notice.channel, true, "channel");
    case NoticeKind::channel_vacated:
      return alternate(channels_, notice.channel, false, "channel");
    case NoticeKind::member_added:
      return alternate(members_, member, true, "member");
    case NoticeKind::member_removed:
      return alternate(members_, member, false, "member");
    case NoticeKind::user_away:
    case NoticeKind::client_event:
    case NoticeKind::cache_miss:
    case NoticeKind::subscription_count:
      return;
  }
}

void Receiver::alternate(std::map<std::string, bool>& last, const std::string& subject, bool begins,
                         std::string_view what) {
  auto& before = last[subject];
  if (before == begins) {
    checker_.violated("told_in_order", fmt::format("{} {}: {} twice", what, subject, begins ? "began" : "ended"));
  }
  before = begins;
}

void Receiver::check_end(const std::set<std::string>& online, const std::set<std::string>& occupied,
                         const std::set<std::string>& members) {
  expect(users_, online, "user");
  expect(channels_, occupied, "channel");
  expect(members_, members, "member");
}

void Receiver::expect(const std::map<std::string, bool>& last, const std::set<std::string>& truth,
                      std::string_view what) {
  for (const auto& [subject, is] : last) {
    if (is != truth.contains(subject)) {
      checker_.violated("told_the_end",
                        fmt::format("{} {}: the backend believes it is {}", what, subject, is ? "here" : "gone"));
    }
  }
  for (const auto& subject : truth) {
    if (!last.contains(subject))
      checker_.violated("told_the_end", fmt::format("{} {}: the backend was never told", what, subject));
  }
}

}  // namespace parley::sim

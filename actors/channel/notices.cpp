#include "actors/channel/notices.h"

#include "core/channel_name.h"
#include "core/json_string.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley::actors {
namespace {

constexpr auto kRetryAfter = seconds(1);         // when the disk refused
constexpr std::size_t kMembersPerCommand = 500;  // a log entry must stay small; the rest goes with the next
constexpr std::size_t kGatheredPerCommand = 1'000;
constexpr std::size_t kGatheredBytesPerCommand = 262'144;

constexpr NoticeMask kChannelKinds = mask_of(NoticeKind::channel_occupied) | mask_of(NoticeKind::channel_vacated);
constexpr NoticeMask kMemberKinds = mask_of(NoticeKind::member_added) | mask_of(NoticeKind::member_removed);

// What can happen on such a channel at all.
NoticeMask kinds_of(const ChannelTraits& traits) {
  auto kinds = kPusherNotices & ~kMemberKinds & ~mask_of(NoticeKind::cache_miss);
  if (traits.presence) kinds = (kinds | kMemberKinds) & ~mask_of(NoticeKind::subscription_count);
  if (traits.cache) kinds |= mask_of(NoticeKind::cache_miss);
  return kinds;
}

constexpr milliseconds kMissInterval{1'000};

std::size_t weight(const Notice& notice) { return notice.data.size() + notice.event.size(); }

}  // namespace

ChannelNotices::ChannelNotices(const ChannelKey& key, Counter dropped, ChannelPort& port)
    : key_(key), dropped_(dropped), port_(port) {}

bool ChannelNotices::watches_channel() const { return (wanted_ & kChannelKinds) != 0; }
bool ChannelNotices::watches_members() const { return (wanted_ & kMemberKinds) != 0; }

void ChannelNotices::configure(SettingsPtr settings) {
  settings_ = std::move(settings);
  targets_.clear();
  wanted_ = 0;
  const auto* app = settings_->app_by_id(key_.app());
  if (app != nullptr) {
    hold_ = app->webhook_hold;
    const auto possible = kinds_of(channel_traits(key_.name()));
    for (const auto& target : settings_->webhooks) {
      const auto kinds = target.kinds & possible;
      if (target.app != key_.app() || kinds == 0 || !target.wants_channel(key_.name())) continue;
      targets_.push_back({target.name, kinds});
      wanted_ |= kinds;
    }
  }
  // Who is not watched any more is forgotten, so that a later target starts with a clean sheet.
  if (!watches_channel()) {
    release({}, channel_);
    channel_.present = false;
  }
  if (watches_members()) return;
  std::vector<std::string> present;
  for (const auto& [user_id, member] : members_) {
    if (member.present) present.push_back(user_id);
  }
  for (const auto& user_id : present) {
    auto& member = members_.at(user_id);
    release(user_id, member);
    set_present(user_id, member, false, {});
    forget_if_settled(user_id);
  }
}

void ChannelNotices::opened(const std::vector<SaidId>& told, MonoTime until, WallTime wall) {
  if (std::exchange(opened_, true)) return;
  for (const auto& [user_id, form] : told) {
    auto& subject = user_id.empty() ? channel_ : members_[user_id];
    subject.told = true;
    subject.id_form = form;
    if (!user_id.empty()) ++members_known_;
    if (user_id.empty() ? watches_channel() : watches_members()) {
      set_present(user_id, subject, true, wall);
      hold(user_id, subject, until);
    } else {
      list(user_id, subject);
    }
  }
}

// ---- who is here ----

void ChannelNotices::came(const SaidId& user, WallTime wall) {
  const auto& user_id = user.text;
  if (!opened_ || !(user_id.empty() ? watches_channel() : watches_members())) return;
  auto& subject = user_id.empty() ? channel_ : members_[user_id];
  subject.id_form = user.form;
  release(user_id, subject);
  set_present(user_id, subject, true, wall);
}

void ChannelNotices::gone(const std::string& user_id, MonoTime left) {
  auto* subject = find(user_id);
  if (subject == nullptr || !subject->present) return;
  release(user_id, *subject);
  hold(user_id, *subject, left + hold_);
}

ChannelNotices::Subject* ChannelNotices::find(const std::string& user_id) {
  if (user_id.empty()) return &channel_;
  const auto place = members_.find(user_id);
  return place == members_.end() ? nullptr : &place->second;
}

void ChannelNotices::set_present(const std::string& user_id, Subject& subject, bool present, WallTime wall) {
  if (subject.present == present) return;
  subject.present = present;
  subject.since = wall;
  if (user_id.empty()) return;  // looked at each time
  if (present) {
    ++members_present_;
  } else {
    --members_present_;
  }
  list(user_id, subject);
}

void ChannelNotices::list(const std::string& user_id, Subject& subject) {
  if (user_id.empty() || subject.listed || subject.present == subject.known()) return;
  subject.listed = true;
  changed_.push_back(user_id);
}

void ChannelNotices::hold(const std::string& user_id, Subject& subject, MonoTime until) {
  subject.until = until;
  holds_.emplace(until, user_id);
}

void ChannelNotices::release(const std::string& user_id, Subject& subject) {
  if (!subject.until) return;
  for (auto [place, end] = holds_.equal_range(*subject.until); place != end; ++place) {
    if (place->second != user_id) continue;
    holds_.erase(place);
    break;
  }
  subject.until.reset();
}

void ChannelNotices::expire(MonoTime now, WallTime wall) {
  while (!holds_.empty() && holds_.begin()->first <= now) {
    const auto user_id = std::move(holds_.begin()->second);
    holds_.erase(holds_.begin());
    auto& subject = *find(user_id);
    subject.until.reset();
    set_present(user_id, subject, false, wall);
    forget_if_settled(user_id);
  }
}

void ChannelNotices::forget_if_settled(const std::string& user_id) {
  const auto place = members_.find(user_id);
  if (place == members_.end()) return;
  const auto& member = place->second;
  if (!member.present && !member.told && !member.out && !member.listed) members_.erase(place);
}

// ---- what happened ----

void ChannelNotices::client_event(const Publication& publication, SocketId sender) {
  if (!wants(NoticeKind::client_event)) return;
  Notice notice{.kind = NoticeKind::client_event, .time = publication.time};
  notice.user_id = publication.user_id;
  notice.id_form = publication.id_form;
  notice.event = publication.event;
  if (publication.kind == DataKind::json) {
    notice.data = publication.data;
  } else {
    append_json_string(notice.data, publication.data);
  }
  notice.socket = sender;
  gather(notice);
}

// The backend needs to hear once that something is missing; a client that comes and goes must not fill its queue.
void ChannelNotices::cache_miss(WallTime wall) {
  if (missed_at_.ms != 0 && wall < missed_at_ + kMissInterval && missed_at_ <= wall) return;
  missed_at_ = wall;
  gather({.kind = NoticeKind::cache_miss, .time = wall});
}

void ChannelNotices::counted(std::uint64_t subscriptions, WallTime wall) {
  Notice notice{.kind = NoticeKind::subscription_count, .time = wall};
  notice.count = subscriptions;
  gather(notice);
}

void ChannelNotices::gather(const Notice& notice) {
  const auto& limits = settings_->limits;
  for (const auto& target : targets_) {
    if ((target.kinds & mask_of(notice.kind)) == 0) continue;
    if (gathered_.size() >= limits.channel_notices_waiting_max ||
        gathered_bytes_ + weight(notice) > limits.channel_notices_bytes_max) {
      dropped_.add();
      continue;
    }
    gathered_bytes_ += weight(notice);
    gathered_.push_back(addressed(notice, target));
  }
}

Notice ChannelNotices::addressed(Notice notice, const Target& target) {
  notice.id = port_.notice_id();
  notice.app = key_.app();
  notice.target = target.name;
  notice.channel = key_.name();
  return notice;
}

// ---- told when stored ----

bool ChannelNotices::to_do() const {
  if (!changed_.empty() || !gathered_.empty()) return true;
  if (occupied()) return !channel_.known();
  return channel_.known() && members_known_ == 0;
}

std::optional<Command> ChannelNotices::next(CommandToken token, MonoTime now, WallTime wall) {
  expire(now, wall);
  if (saving_) {
    if (saving_->out || now < retry_at_) return std::nullopt;
    saving_->out = true;
    saving_->token = token;
    return saving_->command;
  }
  if (!to_do()) return std::nullopt;

  SaveNotices save{.notices = {}, .told = {}, .bounds = notice_bounds(*settings_)};
  const auto end = changed_.begin() + static_cast<std::ptrdiff_t>(std::min(changed_.size(), kMembersPerCommand));
  const std::vector<std::string> members(std::make_move_iterator(changed_.begin()), std::make_move_iterator(end));
  changed_.erase(changed_.begin(), end);
  for (const auto& user_id : members) members_.at(user_id).listed = false;
  const auto tell_changed = [&](bool present, NoticeKind kind) {
    for (const auto& user_id : members) {
      auto& member = members_.at(user_id);
      if (member.present == present && member.known() != present) tell_state(save, kind, user_id, member, wall);
    }
  };
  // In an order that a backend can follow: occupied, added, what they did, removed, vacated.
  if (occupied() && !channel_.known()) tell_state(save, NoticeKind::channel_occupied, {}, channel_, wall);
  tell_changed(true, NoticeKind::member_added);
  if (changed_.empty()) take_gathered(save.notices);
  tell_changed(false, NoticeKind::member_removed);
  if (!occupied() && channel_.known() && members_known_ == 0) {
    tell_state(save, NoticeKind::channel_vacated, {}, channel_, wall);
  }
  for (const auto& user_id : members) forget_if_settled(user_id);
  if (save.notices.empty() && save.told.empty()) return std::nullopt;
  saving_.emplace(Saving{token, Command{.channel = key_, .time = wall, .what = std::move(save)}, true});
  return saving_->command;
}

void ChannelNotices::tell_state(SaveNotices& save, NoticeKind kind, const std::string& user_id, Subject& subject,
                                WallTime wall) {
  Notice notice{.kind = kind, .time = subject.since.ms != 0 ? subject.since : wall};
  notice.user_id = user_id;
  notice.id_form = subject.id_form;
  for (const auto& target : targets_) {
    if ((target.kinds & mask_of(kind)) != 0) save.notices.push_back(addressed(notice, target));
  }
  const bool present = !subject.known();
  save.told.push_back({user_id, present, subject.id_form});
  subject.out = present;
  if (user_id.empty()) return;
  if (present) {
    ++members_known_;
  } else {
    --members_known_;
  }
}

void ChannelNotices::take_gathered(std::vector<Notice>& into) {
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < gathered_.size() && count < kGatheredPerCommand; ++count) {
    bytes += weight(gathered_[count]);
    if (count > 0 && bytes > kGatheredBytesPerCommand) break;
    gathered_bytes_ -= weight(gathered_[count]);
  }
  const auto end = gathered_.begin() + static_cast<std::ptrdiff_t>(count);
  into.insert(into.end(), std::make_move_iterator(gathered_.begin()), std::make_move_iterator(end));
  gathered_.erase(gathered_.begin(), end);
}

bool ChannelNotices::applied(CommandToken token) {
  if (!saving_ || !saving_->out || saving_->token != token) return false;
  const auto done = std::move(*saving_);
  saving_.reset();
  for (const auto& told : std::get<SaveNotices>(done.command.what).told) {
    auto& subject = *find(told.user_id);
    subject.told = told.present;
    subject.out.reset();
    forget_if_settled(told.user_id);
  }
  return true;
}

bool ChannelNotices::refused(CommandToken token, MonoTime now) {
  if (!saving_ || !saving_->out || saving_->token != token) return false;
  saving_->out = false;
  retry_at_ = now + kRetryAfter;
  return true;
}

std::optional<MonoTime> ChannelNotices::deadline() const {
  if (saving_) return saving_->out ? std::nullopt : std::optional(retry_at_);
  if (to_do()) return MonoTime{};  // at once
  return holds_.empty() ? std::nullopt : std::optional(holds_.begin()->first);
}

bool ChannelNotices::settled() const { return !saving_ && holds_.empty() && !to_do(); }

}  // namespace parley::actors

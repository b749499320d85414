#include "cluster/machine/notice_table.h"

#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

bool take(std::deque<std::uint64_t>& numbers, std::uint64_t number) {
  const auto place = std::lower_bound(numbers.begin(), numbers.end(), number);
  if (place == numbers.end() || *place != number) return false;
  numbers.erase(place);
  return true;
}

}  // namespace

Status NoticeTable::load(const storage::Store& store) {
  targets_.clear();
  newest_ = 0;
  const auto stored = store.get(Family::state, keys::newest_notice(shard_));
  if (!stored) return stored.error();
  if (stored->has_value()) newest_ = keys::parse_number(**stored).value_or(0);
  Status outcome;
  const auto read = [&](const storage::KeyRange& range, bool dead) {
    return store.scan(
        Family::state, range.from, range.to, storage::ScanOrder::forward,
        [&](std::string_view key, std::string_view value) {
          const auto number = keys::notice_number(key);
          const auto target = dead ? schemas::decode_dead_notice_target(value) : schemas::decode_notice_target(value);
          if (!number || !target || *number > newest_) {
            outcome = make_error(Errc::corrupt, fmt::format("notices of shard {} are damaged", shard_.value));
            return storage::Visit::stop;
          }
          auto& rows = targets_[*target];
          (dead ? rows.dead : rows.waiting).push_back(*number);
          return storage::Visit::go_on;
        });
  };
  if (auto scanned = read(keys::notices(shard_), false); !scanned || !outcome) return scanned ? outcome : scanned;
  if (auto scanned = read(keys::dead_notices(shard_), true); !scanned) return scanned;
  return outcome;
}

NoticeTable::Count NoticeTable::count(const std::string& target) const {
  const auto found = targets_.find(target);
  if (found == targets_.end()) return {};
  return {found->second.waiting.size(), found->second.dead.size()};
}

void NoticeTable::wait(Notice&& notice, storage::PendingWrites& writes, Effect::Noted& out) {
  const auto number = ++newest_;
  writes.put(Family::state, keys::notice(shard_, number), schemas::encode_notice(notice));
  targets_[notice.target].waiting.push_back(number);
  out.rows.push_back({number, std::move(notice.target)});
}

Result<Effect::Noted> NoticeTable::add(std::vector<Notice>&& notices, NoticeBounds bounds, WallTime now,
                                       storage::PendingWrites& writes) {
  Effect::Noted out;
  for (auto& notice : notices) {
    const auto target = notice.target;
    wait(std::move(notice), writes, out);
    while (bounds.waiting_max > 0 && targets_[target].waiting.size() > bounds.waiting_max) {
      const auto oldest = targets_[target].waiting.front();
      if (auto died = die(oldest, "too many events were waiting for the target", bounds, now, writes); !died) {
        return died.error();
      }
      out.died.push_back(oldest);
    }
  }
  if (!out.rows.empty()) writes.put(Family::state, keys::newest_notice(shard_), keys::number(newest_));
  return out;
}

Result<Effect::Noted> NoticeTable::settle(const SettleNotices& command, WallTime now, storage::PendingWrites& writes) {
  Effect::Noted out;
  for (const auto number : command.delivered) {
    for (auto& [name, target] : targets_) {
      if (!take(target.waiting, number)) continue;
      writes.remove(Family::state, keys::notice(shard_, number));
      break;
    }
  }
  for (const auto& dead : command.dead) {
    if (auto died = die(dead.number, dead.why, command.bounds, now, writes); !died) return died.error();
  }
  for (const auto number : command.dropped) {
    for (auto& [name, target] : targets_) {
      if (!take(target.dead, number)) continue;
      writes.remove(Family::state, keys::dead_notice(shard_, number));
      break;
    }
  }
  for (const auto number : command.replayed) {
    if (auto replayed = replay(number, writes, out); !replayed) return replayed.error();
  }
  if (!out.rows.empty()) writes.put(Family::state, keys::newest_notice(shard_), keys::number(newest_));
  return out;
}

Status NoticeTable::die(std::uint64_t number, std::string why, NoticeBounds bounds, WallTime now,
                        storage::PendingWrites& writes) {
  for (auto& [name, target] : targets_) {
    if (!take(target.waiting, number)) continue;
    const auto stored = writes.get(Family::state, keys::notice(shard_, number));
    if (!stored) return stored.error();
    if (!stored->has_value()) return make_error(Errc::corrupt, fmt::format("notice {} is missing", number));
    auto notice = schemas::decode_notice(**stored);
    if (!notice) return notice.error();
    writes.remove(Family::state, keys::notice(shard_, number));
    writes.put(Family::state, keys::dead_notice(shard_, number),
               schemas::encode_dead_notice({std::move(*notice), now, std::move(why)}));
    target.dead.insert(std::lower_bound(target.dead.begin(), target.dead.end(), number), number);
    while (bounds.dead_max > 0 && target.dead.size() > bounds.dead_max) {
      writes.remove(Family::state, keys::dead_notice(shard_, target.dead.front()));
      target.dead.pop_front();
    }
    return {};
  }
  return {};
}

Result<bool> NoticeTable::replay(std::uint64_t number, storage::PendingWrites& writes, Effect::Noted& out) {
  for (auto& [name, target] : targets_) {
    if (!take(target.dead, number)) continue;
    const auto stored = writes.get(Family::state, keys::dead_notice(shard_, number));
    if (!stored) return stored.error();
    if (!stored->has_value()) return make_error(Errc::corrupt, fmt::format("dead letter {} is missing", number));
    auto dead = schemas::decode_dead_notice(**stored);
    if (!dead) return dead.error();
    writes.remove(Family::state, keys::dead_notice(shard_, number));
    wait(std::move(dead->notice), writes, out);
    return true;
  }
  return false;
}

}  // namespace parley::cluster

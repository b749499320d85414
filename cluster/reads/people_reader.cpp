#include "cluster/reads/people_reader.h"

#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::cluster {
namespace {

using storage::Family;
using storage::ScanOrder;
using storage::Visit;
namespace keys = storage::keys;

// A filtered listing gives up its page after this many records: one call must not hold up other reads.
constexpr std::size_t kRecordsPerPageMax = 10'000;

// `shard:id` of the last one that was seen; in the first page empty.
std::pair<std::uint16_t, std::string> parse_cursor(std::string_view text) {
  std::uint16_t shard = 0;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {0, {}};
  std::from_chars(text.data(), text.data() + colon, shard);
  return {shard, std::string(text.substr(colon + 1))};
}

}  // namespace

Result<UserAbout> PeopleReader::read_user(const UserKey& user) const {
  const auto place = user_place(user);
  const auto stored = store_.get(Family::state, keys::user(shard_of(place, shard_count_), place));
  if (!stored) return stored.error();
  UserAbout about{.user = user};
  if (!stored->has_value()) return about;
  auto record = schemas::decode_user(**stored);
  if (!record) return record.error();
  about.known = true;
  about.record = std::move(*record);
  return about;
}

Result<std::vector<UserAbout>> PeopleReader::read_users(const std::vector<UserKey>& users) const {
  std::vector<UserAbout> found;
  found.reserve(users.size());
  for (const auto& user : users) {
    auto about = read_user(user);
    if (!about) return about.error();
    found.push_back(std::move(*about));
  }
  return found;
}

Result<UserPage> PeopleReader::list_users(const ListUsers& query) const {
  UserPage page;
  Status outcome;
  std::size_t seen = 0;
  auto [first, after] = parse_cursor(query.after);
  for (auto number = first; number < shard_count_; ++number) {
    const ShardId shard{number};
    auto range = keys::users(shard, query.app);
    if (number == first && !after.empty()) {
      range.from = keys::user(shard, user_place({query.app, after})).append(1, '\0');
    }
    const auto scanned = store_.scan(
        Family::state, range.from, range.to, ScanOrder::forward, [&](std::string_view key, std::string_view value) {
          auto user = keys::user_key(key);
          auto record = schemas::decode_user(value);
          if (!user || !record) {
            outcome = record ? make_error(Errc::corrupt, "a user's record lies under a wrong key") : record.error();
            return Visit::stop;
          }
          ++seen;
          const bool wanted = !query.status || record->status == *query.status;
          const bool full = page.users.size() + (wanted ? 1 : 0) >= query.limit || seen >= kRecordsPerPageMax;
          if (full) page.next = fmt::format("{}:{}", number, user->id);
          if (wanted) page.users.push_back({std::move(*user), true, std::move(*record)});
          return full ? Visit::stop : Visit::go_on;
        });
    if (!scanned) return scanned.error();
    if (!outcome) return outcome.error();
    if (!page.next.empty()) break;
  }
  return page;
}

Result<UserPage> PeopleReader::list_domain(const ListDomain& query) const {
  const auto place = domain_place(query.app, query.domain);
  const auto shard = shard_of(place, shard_count_);
  auto range = keys::members(shard, place);
  if (!query.after.empty()) range.from = keys::member(shard, place, query.after).append(1, '\0');
  const auto limit = std::clamp<std::size_t>(query.limit, 1, kRecordsPerPageMax);
  std::vector<UserKey> members;
  UserPage page;
  const auto scanned =
      store_.scan(Family::state, range.from, range.to, ScanOrder::forward, [&](std::string_view key, std::string_view) {
        if (members.size() >= limit) {
          page.next = members.back().id;
          return Visit::stop;
        }
        members.push_back({query.app, std::string(keys::after_zero(key))});
        return Visit::go_on;
      });
  if (!scanned) return scanned.error();
  auto users = read_users(members);
  if (!users) return users.error();
  // A member whose record no longer names the domain is left over from a crash between the two writes.
  std::erase_if(*users, [&](const UserAbout& about) {
    const auto& domains = about.record.domains;
    return !std::binary_search(domains.begin(), domains.end(), query.domain);
  });
  page.users = std::move(*users);
  return page;
}

Result<std::vector<SaidId>> PeopleReader::told(const ChannelKey& channel) const {
  std::vector<SaidId> found;
  const auto range = keys::told(shard_of(channel, shard_count_), channel);
  const auto scanned = store_.scan(
      Family::state, range.from, range.to, ScanOrder::forward, [&](std::string_view key, std::string_view value) {
        found.push_back({std::string(keys::after_zero(key)), value == "n" ? IdForm::number : IdForm::text});
        return Visit::go_on;
      });
  if (!scanned) return scanned.error();
  return found;
}

Result<std::vector<std::pair<NoticeRef, Notice>>> PeopleReader::read_notices(const std::vector<NoticeRef>& refs) const {
  std::vector<std::pair<NoticeRef, Notice>> found;
  found.reserve(refs.size());
  for (const auto& ref : refs) {
    const auto stored = store_.get(Family::state, keys::notice(ref.shard, ref.number));
    if (!stored) return stored.error();
    if (!stored->has_value()) continue;  // settled meanwhile
    auto notice = schemas::decode_notice(**stored);
    if (!notice) return notice.error();
    found.emplace_back(ref, std::move(*notice));
  }
  return found;
}

Result<std::vector<StoredDead>> PeopleReader::read_dead(const std::string& target, NoticeRef after,
                                                        std::size_t limit) const {
  std::vector<StoredDead> found;
  Status outcome;
  for (auto number = after.shard.value; number < shard_count_ && found.size() < limit; ++number) {
    const ShardId shard{number};
    auto range = keys::dead_notices(shard);
    if (number == after.shard.value && after.number > 0) range.from = keys::dead_notice(shard, after.number + 1);
    const auto scanned = store_.scan(
        Family::state, range.from, range.to, ScanOrder::forward, [&](std::string_view key, std::string_view value) {
          const auto row = keys::notice_number(key);
          auto dead = schemas::decode_dead_notice(value);
          if (!row || !dead) {
            outcome = dead ? make_error(Errc::corrupt, "a dead letter lies under a wrong key") : dead.error();
            return Visit::stop;
          }
          if (dead->notice.target == target) found.push_back({{shard, *row}, std::move(*dead)});
          return found.size() < limit ? Visit::go_on : Visit::stop;
        });
    if (!scanned) return scanned.error();
    if (!outcome) return outcome.error();
  }
  return found;
}

Result<Unfinished> PeopleReader::unfinished(ShardId shard) const {
  Unfinished out;
  if (auto read = read_unfinished(shard, out); !read) return read.error();
  return out;
}

Status PeopleReader::read_unfinished(ShardId shard, Unfinished& out) const {
  const auto scan = [&](const storage::KeyRange& range, const storage::Visitor& visit) {
    return store_.scan(Family::state, range.from, range.to, ScanOrder::forward, visit);
  };
  std::vector<UserKey> users;
  Status outcome = scan(keys::open_users(shard), [&](std::string_view key, std::string_view) {
    if (auto user = keys::user_key(key)) users.push_back(std::move(*user));
    return Visit::go_on;
  });
  if (!outcome) return outcome;
  for (auto& user : users) {
    auto about = read_user(user);
    if (!about) return about.error();
    if (about->known) out.users.emplace_back(std::move(user), std::move(about->record));
  }
  outcome = scan(keys::told(shard), [&](std::string_view key, std::string_view) {
    auto channel = keys::told_channel(key);
    if (channel && (out.channels.empty() || out.channels.back() != *channel))
      out.channels.push_back(std::move(*channel));
    return Visit::go_on;
  });
  if (!outcome) return outcome;
  Status damage;
  outcome = scan(keys::notices(shard), [&](std::string_view key, std::string_view value) {
    const auto number = keys::notice_number(key);
    auto target = schemas::decode_notice_target(value);
    if (!number || !target) {
      damage = make_error(Errc::corrupt, fmt::format("a notice of shard {} is damaged", shard.value));
      return Visit::stop;
    }
    out.notices.push_back({shard, {*number, std::move(*target)}});
    return Visit::go_on;
  });
  if (!outcome || !damage) return outcome ? damage : outcome;
  outcome = scan(keys::dead_notices(shard), [&](std::string_view, std::string_view value) {
    if (auto target = schemas::decode_dead_notice_target(value)) ++out.dead[*target];
    return Visit::go_on;
  });
  return outcome;
}

}  // namespace parley::cluster

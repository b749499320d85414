#include "cluster/snapshots/snapshot_source.h"

#include "schemas/snapshot.h"
#include "storage/rocks_store.h"

#include <algorithm>

namespace parley::cluster::snapshots {

namespace keys = storage::keys;
using storage::Family;
using storage::Visit;

Result<std::string> SnapshotSource::offer(ShardId shard, ReplicaId self, ReplicaId to, LogIndex applied, MonoTime now) {
  const To place{shard, to};
  const auto known = exports_.find(place);
  if (known != exports_.end() && known->second.applied == applied && known->second.self == self) {
    known->second.touched = now;
    return known->second.offer;
  }
  if (known == exports_.end() && exports_.size() >= config_.exports_max) {
    return make_error(Errc::overloaded, "as many shards as may are being copied from this node");
  }
  auto view = store_.view();
  if (!view) return view.error();
  const auto written = (*view)->get(Family::state, keys::applied(shard));
  if (!written) return written.error();
  const auto index = written->has_value() ? keys::parse_number(**written) : std::nullopt;
  if (index != applied.value) { return make_error(Errc::overloaded, "the shard's results are not all written yet"); }
  const auto restoring = (*view)->get(Family::state, keys::restoring(shard));
  if (!restoring) return restoring.error();
  if (restoring->has_value()) return make_error(Errc::overloaded, "the shard's state is not all here yet");

  const auto range = keys::of_shard(shard);
  SnapshotOffer said;
  while (said.id == 0) said.id = random_.next();
  said.format = storage::kSchemaVersion;
  said.bytes = store_.approximate_bytes(Family::history, range.from, range.to) +
               store_.approximate_bytes(Family::state, range.from, range.to);
  Export made;
  made.id = said.id;
  made.self = self;
  made.applied = applied;
  made.offer = schemas::encode_snapshot_offer(said);
  made.view = std::move(*view);
  made.begun = made.touched = now;
  std::erase(line_, place);  // who waited there, waited for another view
  return (exports_[place] = std::move(made)).offer;
}

void SnapshotSource::ask(const SnapshotAsk& ask, MonoTime now) {
  const auto found = exports_.find({ask.shard, ask.from});
  if (found == exports_.end() || found->second.id != ask.id || found->second.self != ask.to) {
    if (ask.kind == SnapshotAsk::Kind::part) refuse(ask);
    return;
  }
  auto& one = found->second;
  if (ask.kind != SnapshotAsk::Kind::part) return end(found, ask.kind == SnapshotAsk::Kind::arrived, now);
  if (expired(one, now)) {
    refuse(ask);
    return end(found, false, now);
  }
  if (ask.cursor > one.given) return;  // nobody was given what is before that
  one.touched = now;
  one.wanted = ask.cursor;
  if (!std::exchange(one.waiting, true)) line_.push_back(found->first);
}

void SnapshotSource::refuse(const SnapshotAsk& ask) {
  if (refusals_.size() >= config_.refusals_max) return;
  SnapshotPart part{.shard = ask.shard, .id = ask.id, .from = ask.to, .to = ask.from, .gone = true};
  part.cursor = ask.cursor;
  part.checksum = checksum_of(part);
  refusals_.push_back(std::move(part));
}

std::vector<SnapshotPart> SnapshotSource::take(MonoTime now) {
  auto parts = std::exchange(refusals_, {});
  for (auto at = exports_.begin(); at != exports_.end();) {
    const auto one = at++;
    if (expired(one->second, now)) end(one, false, now);
  }
  std::erase_if(arrived_, [&](const auto& one) { return one.second.until <= now; });
  refill(now);
  while (!line_.empty() && budget_ > 0) {
    const auto place = line_.front();
    line_.pop_front();
    const auto found = exports_.find(place);
    if (found == exports_.end()) continue;
    auto& one = found->second;
    one.waiting = false;
    auto part = read(place, one, one.wanted);
    if (!part && part.error().code == Errc::bad_request) continue;  // who meant another one asks again
    if (!part) {
      // The view ended with the store below it, or holds what cannot travel.
      refuse({.shard = place.first, .id = one.id, .from = place.second, .to = one.self, .cursor = one.wanted});
      end(found, false, now);
      continue;
    }
    for (const auto& row : part->rows) {
      budget_ -= static_cast<std::int64_t>(row.key.size() + row.value.size() + kSnapshotRowBytes);
    }
    if (part->cursor == one.given) {
      for (std::size_t i = 0; i < part->rows.size(); ++i) {
        one.sum.add(part->rows[i], i == 0 ? part->cursor.offset : 0);
      }
      one.given = after(*part);
    }
    if (part->last) {
      part->whole = one.sum.value();
      if (!std::exchange(one.reported, true)) reports_.push_back({place.first, place.second, true});
    }
    part->checksum = checksum_of(*part);
    parts.push_back(std::move(*part));
  }
  // Of those whose view ended just now.
  for (auto& refusal : refusals_) parts.push_back(std::move(refusal));
  refusals_.clear();
  return parts;
}

Result<SnapshotPart> SnapshotSource::read(const To& to, const Export& from, const SnapshotCursor& cursor) const {
  SnapshotPart part{.shard = to.first, .id = from.id, .from = from.self, .to = to.second, .cursor = cursor};
  const auto range = keys::of_shard(to.first);
  std::size_t bytes = 0;
  bool full = false;
  std::optional<Error> unfit;
  for (auto family = cursor.family; !full; family = kLastFamily) {
    const auto& begin = family == cursor.family ? std::max(range.from, cursor.key) : range.from;
    const auto scanned = from.view->scan(
        family_of(family), begin, range.to, storage::ScanOrder::forward,
        [&](std::string_view key, std::string_view value) {
          if (!is_of(to.first, family, key)) return Visit::go_on;
          if (key.size() > SnapshotLimits{}.key_bytes_max || value.size() > SnapshotLimits{}.row_bytes_max) {
            unfit = make_error(Errc::too_large, "a row is too large to be copied to another node");
            return Visit::stop;
          }
          const auto offset = part.rows.empty() ? cursor.offset : 0;
          if (offset > 0 && (key != cursor.key || offset >= value.size())) {
            unfit = make_error(Errc::bad_request, "a part was asked for that begins nowhere");
            return Visit::stop;
          }
          const auto rest = value.substr(offset);
          const auto taken = key.size() + kSnapshotRowBytes;
          if (bytes + taken + rest.size() <= config_.part_bytes_max) {
            bytes += taken + rest.size();
            part.rows.push_back({family, std::string(key), std::string(rest), false});
            return Visit::go_on;
          }
          full = true;
          // One that no part holds begins a part of its own, so that where parts begin hangs on the rows alone.
          if (part.rows.empty()) {
            const auto fits = config_.part_bytes_max > taken ? config_.part_bytes_max - taken : 1;
            part.rows.push_back({family, std::string(key), std::string(rest.substr(0, fits)), fits < rest.size()});
          }
          return Visit::stop;
        });
    if (!scanned) return scanned.error();
    if (unfit) return *unfit;
    if (family == kLastFamily) break;
  }
  part.last = !full;
  return part;
}

bool SnapshotSource::expired(const Export& one, MonoTime now) const {
  return now - one.touched > config_.idle_max || now - one.begun > config_.lifetime_max;
}

void SnapshotSource::refill(MonoTime now) {
  const auto rate = static_cast<std::int64_t>(config_.bytes_per_second);
  const auto most = std::max(rate / 10, std::int64_t{1});
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - refilled_);
  if (passed.count() <= 0) return;
  // After a second it is full in any case, and nothing overflows.
  const auto more = passed >= seconds(1) ? rate : rate * passed.count() / 1'000'000;
  if (more == 0) return;  // what is left of a tick counts with the next
  refilled_ = now;
  budget_ = std::min(budget_ + more, most);
}

MonoTime SnapshotSource::next() const {
  if (!refusals_.empty()) return refilled_;
  auto due = kNever;
  for (const auto& [place, one] : exports_) {
    due = std::min(due, std::min(one.touched + config_.idle_max, one.begun + config_.lifetime_max) + milliseconds(1));
  }
  if (line_.empty()) return due;
  if (budget_ > 0) return refilled_;
  const auto missing = static_cast<std::uint64_t>(1 - budget_);
  const auto wait =
      std::chrono::microseconds(missing * 1'000'000 / std::max<std::uint64_t>(config_.bytes_per_second, 1) + 1);
  return std::min(due, refilled_ + wait);
}

std::optional<LogIndex> SnapshotSource::log_needed(ShardId shard, MonoTime now) const {
  std::optional<LogIndex> needed;
  const auto need = [&](const To& to, LogIndex applied) {
    if (to.first == shard) needed = std::min(needed.value_or(applied), applied);
  };
  for (const auto& [to, one] : exports_) need(to, one.applied);
  for (const auto& [to, one] : arrived_) {
    if (one.until > now) need(to, one.applied);
  }
  return needed;
}

void SnapshotSource::end(std::map<To, Export>::iterator at, bool arrived, MonoTime now) {
  if (arrived) arrived_[at->first] = {at->second.applied, now + config_.catch_up};
  if (!at->second.reported) reports_.push_back({at->first.first, at->first.second, arrived});
  std::erase(line_, at->first);
  exports_.erase(at);
}

void SnapshotSource::drop(ShardId shard) {
  std::erase_if(line_, [&](const To& to) { return to.first == shard; });
  std::erase_if(exports_, [&](const auto& one) { return one.first.first == shard; });
  std::erase_if(arrived_, [&](const auto& one) { return one.first.first == shard; });
}

void SnapshotSource::drop(ShardId shard, ReplicaId to) {
  const To one{shard, to};
  std::erase(line_, one);
  exports_.erase(one);
  arrived_.erase(one);
}

}  // namespace parley::cluster::snapshots

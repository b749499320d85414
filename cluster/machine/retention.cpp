#include "cluster/machine/retention.h"

#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

constexpr std::uint64_t kRunRecords = 64;      // so many below `oldest` make a run
constexpr std::uint64_t kRunBytes = 8 * 1024;  // or so many bytes of them, by their average
constexpr std::uint64_t kRunRecordsMax = 512;  // one publication pays for no more

bool has_age(const Retention& retention) { return retention.age.count() > 0; }

// How long past its age the oldest record may stay when publications come in all the time.
milliseconds age_slack(const Retention& retention) {
  return std::max(milliseconds(1'000), std::chrono::duration_cast<milliseconds>(retention.age) / 64);
}

bool expired(WallTime time, const Retention& retention, WallTime now) {
  return has_age(retention) && time + retention.age <= now;
}

void apply_count(const Retention& retention, schemas::ChannelMeta& meta) {
  if (retention.count == 0 || meta.newest.value < retention.count) return;
  meta.oldest = std::max(meta.oldest, Offset{meta.newest.value - retention.count + 1});
}

Error damaged(const RetentionRun& run, Offset expected) {
  return make_error(Errc::corrupt,
                    fmt::format("{}: publication {} is missing in the history", run.channel.text(), expected.value));
}

// Deletes from stored_from on: what lies below `oldest`, what is too old, and what stands above
// `bytes_target`. The newest publication falls to age only.
Status delete_run(const RetentionRun& run, schemas::ChannelMeta& meta, storage::PendingWrites& writes,
                  std::uint64_t bytes_target, std::uint64_t records_max) {
  const auto& channel = run.channel;
  if (meta.stored_from > meta.newest) return {};
  Status outcome;
  std::vector<Offset> dead;
  auto next = meta.stored_from;
  bool kept = false;
  const auto range = storage::keys::publications(run.shard, channel, meta.stored_from, meta.newest);
  const auto scanned =
      writes.scan(storage::Family::history, range.from, range.to, [&](std::string_view key, std::string_view value) {
        if (storage::keys::publication_offset(key) != next) {
          outcome = damaged(run, next);
          return storage::Visit::stop;
        }
        const auto time = schemas::decode_publication_time(value);
        if (!time) {
          outcome = time.error();
          return storage::Visit::stop;
        }
        const bool dies = next < meta.oldest || expired(*time, run.retention, run.now) ||
                          (meta.bytes > bytes_target && next < meta.newest);
        if (!dies || dead.size() >= records_max) {
          meta.oldest_time = *time;
          kept = true;
          return storage::Visit::stop;
        }
        dead.push_back(next);
        meta.bytes -= std::min<std::uint64_t>(meta.bytes, value.size());
        ++next.value;
        return storage::Visit::go_on;
      });
  if (!scanned) return scanned;
  if (!outcome) return outcome;
  if (!kept && next <= meta.newest) return damaged(run, next);
  for (const auto offset : dead) {
    writes.remove(storage::Family::history, storage::keys::publication(run.shard, channel, offset));
  }
  meta.stored_from = next;
  meta.oldest = std::max(meta.oldest, next);
  return {};
}

std::uint64_t lost(const schemas::ChannelMeta& meta, Offset oldest_before) {
  return meta.oldest.value - oldest_before.value;
}

}  // namespace

Result<std::uint64_t> retain_after_append(const RetentionRun& run, schemas::ChannelMeta& meta,
                                          storage::PendingWrites& writes) {
  const auto& retention = run.retention;
  const auto before = meta.oldest;
  apply_count(retention, meta);
  const auto dead = meta.oldest.value - meta.stored_from.value;
  const auto dead_bytes = meta.bytes / (meta.newest.value + 1 - meta.stored_from.value) * dead;
  const bool run_waits = dead >= kRunRecords || dead_bytes >= kRunBytes;
  const bool too_large = retention.bytes > 0 && meta.bytes > retention.bytes;
  const bool too_old = expired(meta.oldest_time, retention, run.now - age_slack(retention));
  if (run_waits || too_large || too_old) {
    const auto target = too_large ? retention.bytes - retention.bytes / 16 : UINT64_MAX;
    const auto deleted = delete_run(run, meta, writes, target, kRunRecordsMax);
    if (!deleted) return deleted.error();
  }
  return lost(meta, before);
}

Result<std::uint64_t> retain_now(const RetentionRun& run, schemas::ChannelMeta& meta, storage::PendingWrites& writes,
                                 std::uint64_t records_max) {
  const auto before = meta.oldest;
  apply_count(run.retention, meta);
  const auto target = run.retention.bytes > 0 ? run.retention.bytes : UINT64_MAX;
  const auto deleted = delete_run(run, meta, writes, target, records_max);
  if (!deleted) return deleted.error();
  return lost(meta, before);
}

bool retention_due(const schemas::ChannelMeta& meta, WallTime now) {
  if (meta.stored_from > meta.newest) return false;
  return meta.stored_from < meta.oldest || expired(meta.oldest_time, meta.retention, now);
}

}  // namespace parley::cluster

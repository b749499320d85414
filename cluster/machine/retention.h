#pragma once
// Which of a channel's publications are still kept. Pure decisions plus deletes into the machine's
// pending writes.
//
// By count the bound is exact at once: `oldest` moves with every publication, and the records below
// it are deleted in runs. By bytes and age, records go in runs as soon as the bound is passed by a
// little, so that most publications cost no scan. Never a range tombstone: they slow every reader.

#include "schemas/codec.h"
#include "storage/pending_writes.h"

namespace parley::cluster {

struct RetentionRun {
  ShardId shard;
  const ChannelKey& channel;
  const Retention& retention;
  WallTime now;
};

// After a publication: trims when it pays. Returns how many publications readers lost.
Result<std::uint64_t> retain_after_append(const RetentionRun& run, schemas::ChannelMeta& meta,
                                          storage::PendingWrites& writes);
// On demand: exactly, but at most `records_max` records.
Result<std::uint64_t> retain_now(const RetentionRun& run, schemas::ChannelMeta& meta, storage::PendingWrites& writes,
                                 std::uint64_t records_max);
// Whether retain_now() would delete something because of age or what a changed rule left over.
bool retention_due(const schemas::ChannelMeta& meta, WallTime now);

}  // namespace parley::cluster

#pragma once
// The envelope of a stored log entry: who it is, and a checksum over that and over the payload.
//
// An entry that was torn, or that lies under another entry's key, is refused when it is read back
// instead of being applied. Layout (numbers little-endian): crc32 u32 over all that follows | format
// u8 | zero u8 | shard u16 | term u64 | index u64 | payload. Pure.

#include "core/ids.h"
#include "core/result.h"

#include <string>
#include <string_view>

namespace parley::schemas {

struct LogPlace {
  ShardId shard;
  Term term;
  LogIndex index;
};

std::string frame_log_entry(const LogPlace& place, std::string_view payload);

// The payload (a view into `bytes`) and the term it was written in. Any other shard or index than
// the expected one is `corrupt`.
struct FramedEntry {
  Term term;
  std::string_view payload;
};
Result<FramedEntry> unframe_log_entry(ShardId shard, LogIndex index, std::string_view bytes);

}  // namespace parley::schemas

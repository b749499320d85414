#pragma once
// Core values to stored bytes and back. The only door to Cap'n Proto; no generated type leaves here.
//
// Decoding takes bytes of any alignment from disk or network and gives an Error (`corrupt`, or
// `newer_schema` for a log entry of a later release) for whatever does not make sense. Pure.

#include "core/command.h"
#include "core/notice.h"
#include "core/publication.h"
#include "core/result.h"
#include "core/settings.h"
#include "core/user.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::schemas {

// Position and channel are in the record's key, not in its bytes.
std::string encode_publication(const Publication& publication);
Result<Publication> decode_publication(std::string_view bytes);
Result<WallTime> decode_publication_time(std::string_view bytes);  // copies none of the texts

// A channel's durable state besides its publications.
struct ChannelMeta {
  Epoch epoch;
  Offset newest;
  Offset oldest{1};         // first offset that readers may see
  Offset stored_from{1};    // first offset that is still stored: retention deletes in runs
  std::uint64_t bytes = 0;  // of the records from stored_from on
  WallTime oldest_time;     // of the record at stored_from
  Offset cached;            // the event of a cache channel; 0: none
  Retention retention;      // of the last publication's rule
  std::uint32_t cursors = 0;
  WallTime cursors_unsure_until;  // until then a client without a cursor may have had one
  WallTime cursors_oldest;
  bool unsynced = false;      // the newest publication was told before the disk had it: see cluster/machine/lineage.h
  std::uint64_t lineage = 0;  // of the shard when it was appended

  [[nodiscard]] std::uint64_t count() const { return newest.value + 1 - oldest.value; }
};
std::string encode_channel_meta(const ChannelMeta& meta);
Result<ChannelMeta> decode_channel_meta(std::string_view bytes);

struct Remembered {
  std::string channel;  // ChannelKey's text
  std::string key;
  std::string once;
  Position position;
  WallTime time;
  std::string scope;  // of the key; empty: the record is older than scopes
};
std::string encode_remembered(const Remembered& remembered);
Result<Remembered> decode_remembered(std::string_view bytes);

struct Cursor {
  Offset offset;
  WallTime time;
  Origin origin{};
  Epoch epoch{};  // 0: of the life that the channel has, or had first
  bool owes_gap = false;
};
std::string encode_cursor(const Cursor& cursor);
Result<Cursor> decode_cursor(std::string_view bytes);

struct KeptSession {
  std::string record;
  WallTime expires;
};
std::string encode_kept_session(const KeptSession& session);
Result<KeptSession> decode_kept_session(std::string_view bytes);

std::string encode_user(const UserRecord& record);
Result<UserRecord> decode_user(std::string_view bytes);

std::string encode_notice(const Notice& notice);
Result<Notice> decode_notice(std::string_view bytes);
Result<std::string> decode_notice_target(std::string_view bytes);  // copies nothing else
std::string encode_dead_notice(const DeadNotice& dead);
Result<DeadNotice> decode_dead_notice(std::string_view bytes);
Result<std::string> decode_dead_notice_target(std::string_view bytes);

// One log entry's payload.
inline constexpr std::uint16_t kEntryVersion = 1;
struct Entry {
  WallTime time;
  std::vector<Command> commands;
  MachineBounds bounds;
};
std::string encode_entry(WallTime time, const std::vector<Command>& commands, const MachineBounds& bounds = {});
Result<Entry> decode_entry(std::string_view bytes);

struct LogHead {
  Term term;
  LogIndex cut_index;
  Term cut_term;
};
std::string encode_log_head(const LogHead& head);
Result<LogHead> decode_log_head(std::string_view bytes);

}  // namespace parley::schemas

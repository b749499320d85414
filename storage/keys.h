#pragma once
// Where everything lies in the store. Each key begins with its shard (u16, big-endian), so a shard
// can be read, copied or dropped as one range of each family. docs/formats.md shows the layout. Pure.
//
//   log      shard 'e' index:u64           one framed log entry
//            shard 'h'                     LogHead
//   history  shard channel 00 offset:u64   one Publication
//   state    shard 'a'                     applied index:u64
//            shard 'c' channel 00 client   Cursor
//            shard 'i' number:u64          Remembered, in the order in which they came
//            shard 'm' channel             ChannelMeta
//            ff ff …                       of the whole store: schema version, count of shards
//
// `channel` is ChannelKey's text; neither it nor a client id contains a zero byte.

#include "core/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::storage {

// The shard number that no shard has: its keys are the store's own.
inline constexpr std::uint16_t kShardCountMax = 0xFFFF;

struct KeyRange {
  std::string from;  // inclusive
  std::string to;    // exclusive
};

namespace keys {

std::string log_entry(ShardId shard, LogIndex index);
KeyRange log_entries(ShardId shard);
std::string log_head(ShardId shard);
std::optional<LogIndex> log_index(std::string_view key);  // none: not a log entry's key

std::string publication(ShardId shard, const ChannelKey& channel, Offset offset);
// Offsets in [from, to].
KeyRange publications(ShardId shard, const ChannelKey& channel, Offset from, Offset to);
std::optional<Offset> publication_offset(std::string_view key);

std::string applied(ShardId shard);
std::string meta(ShardId shard, const ChannelKey& channel);
KeyRange metas(ShardId shard);
std::optional<ChannelKey> meta_channel(std::string_view key);
std::string remembered(ShardId shard, std::uint64_t number);
KeyRange remembered(ShardId shard);
std::optional<std::uint64_t> remembered_number(std::string_view key);
std::string cursor(ShardId shard, const ChannelKey& channel, std::string_view client_id);
KeyRange cursors(ShardId shard, const ChannelKey& channel);

KeyRange of_shard(ShardId shard);  // in any family

std::string schema_version();
std::string shard_count();

std::string number(std::uint64_t value);  // u64, big-endian: sorts as the number does
std::optional<std::uint64_t> parse_number(std::string_view bytes);

}  // namespace keys
}  // namespace parley::storage

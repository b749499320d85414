#pragma once
// Where everything lies in the store. Each key begins with its shard (u16, big-endian), so a shard
// can be read, copied or dropped as one range of each family. docs/formats.md shows the layout. Pure.
//
//   log      shard 'e' index:u64           one framed log entry
//            shard 'h'                     LogHead
//            shard 'p'                     ReplicaHead, of a shard with several replicas
//            shard 'r' index:u64           one framed entry of such a shard's log
//   history  shard channel 00 offset:u64   one Publication
//   state    shard 'a'                     applied index:u64
//            shard 'c' channel 00 client   Cursor
//            shard 'g'                     StoredMembership: who the shard's replicas are, as of the applied index
//            shard 'b'                     (replica:u64 node:u64)*: on which nodes the shard's replicas are
//            shard 'i' number:u64          Remembered, in the order in which they came
//            shard 'd' domain 00 user      (empty) the user belongs to the domain
//            shard 'l'                     lineage:u64, how often newest publications may have been lost
//            shard 'm' channel             ChannelMeta
//            shard 'n'                     number:u64 of the newest notice
//            shard 'o' user                (empty) the user's record needs care when the node starts
//            shard 'q'                     StoredRestore, while the shard's state comes from another replica
//            shard 's' session             KeptSession
//            shard 't' channel 00 user     (empty, or n: the id is a number) the backend was told of
//                                          the member, or of the channel
//            shard 'u' user                User
//            shard 'w' number:u64          Notice that waits for its target
//            shard 'x' number:u64          DeadNotice
//            shard 'y' expires:u64 session origin:u64 bytes:u64; the kept session ends then
//            ff ff …                       of the whole store: schema version, count of shards, last alive, running
//
// `channel` is ChannelKey's text, as is a user's (`app/user.{id}`), a domain's (`app/domain.{id}`) and a kept
// session's (`app/session.{key}`). None of them, no user id and no client id contains a zero byte.

#include "core/client_origin.h"
#include "core/clock.h"
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

// Of a shard whose log is kept by several replicas (cluster/raft).
std::string replica_entry(ShardId shard, LogIndex index);
KeyRange replica_entries(ShardId shard);
std::string replica_head(ShardId shard);
std::optional<LogIndex> replica_entry_index(std::string_view key);
std::string membership(ShardId shard);
std::string replica_places(ShardId shard);
std::string restoring(ShardId shard);

std::string publication(ShardId shard, const ChannelKey& channel, Offset offset);
// Offsets in [from, to].
KeyRange publications(ShardId shard, const ChannelKey& channel, Offset from, Offset to);
std::optional<Offset> publication_offset(std::string_view key);

std::string applied(ShardId shard);
std::string lineage(ShardId shard);
std::string meta(ShardId shard, const ChannelKey& channel);
KeyRange metas(ShardId shard);
std::optional<ChannelKey> meta_channel(std::string_view key);
std::string remembered(ShardId shard, std::uint64_t number);
KeyRange remembered(ShardId shard);
std::optional<std::uint64_t> remembered_number(std::string_view key);
std::string cursor(ShardId shard, const ChannelKey& channel, std::string_view client_id);
KeyRange cursors(ShardId shard, const ChannelKey& channel);
KeyRange cursors(ShardId shard);  // of all its channels
std::optional<ChannelKey> cursor_channel(std::string_view key);

std::string user(ShardId shard, const ChannelKey& place);
KeyRange users(ShardId shard, std::string_view app);  // the application's
std::string open_user(ShardId shard, const ChannelKey& place);
KeyRange open_users(ShardId shard);
// Of user() and open_user().
std::optional<UserKey> user_key(std::string_view key);
std::string member(ShardId shard, const ChannelKey& domain, std::string_view user_id);
KeyRange members(ShardId shard, const ChannelKey& domain);
std::string told(ShardId shard, const ChannelKey& channel, std::string_view user_id);
KeyRange told(ShardId shard, const ChannelKey& channel);
KeyRange told(ShardId shard);
std::optional<ChannelKey> told_channel(std::string_view key);
// What stands behind the zero byte of member() and told().
std::string_view after_zero(std::string_view key);

std::string kept_session(ShardId shard, const ChannelKey& place);
std::string session_end(ShardId shard, WallTime expires, const ChannelKey& place);  // `expires` is not before 1970
// Its value: whose share the session counts to, and how large it is. Nothing: kept before that was known.
struct SessionShare {
  Origin origin;
  std::uint64_t bytes = 0;
};
std::string session_share(const SessionShare& share);
std::optional<SessionShare> parse_session_share(std::string_view value);
KeyRange session_ends(ShardId shard);  // those that end first come first
struct SessionEnd {
  WallTime expires;
  ChannelKey place;
};
std::optional<SessionEnd> parse_session_end(std::string_view key);

std::string notice(ShardId shard, std::uint64_t number);
KeyRange notices(ShardId shard);
std::string dead_notice(ShardId shard, std::uint64_t number);
KeyRange dead_notices(ShardId shard);
std::optional<std::uint64_t> notice_number(std::string_view key);  // of both
std::string newest_notice(ShardId shard);

KeyRange of_shard(ShardId shard);  // in any family

std::string schema_version();
std::string shard_count();
std::string identity();   // the node's id and its newest incarnation, a number each
std::string charter();    // which cluster the node is of (cluster/charter.h)
std::string founded();    // it has, or had, replicas of its cluster: it founds none any more
std::string giving_up();  // its replicas are another cluster's, and are to go before anything else
std::string removed();    // nodes that an operator took out of the cluster (cluster/charter.h)
std::string alive();      // wall time: the node was running then
std::string running();    // there while a process has the store: the boot of its machine, which may be empty

std::string number(std::uint64_t value);  // u64, big-endian: sorts as the number does
std::optional<std::uint64_t> parse_number(std::string_view bytes);

}  // namespace keys
}  // namespace parley::storage

#pragma once
// Names and numbers that must not be mixed up. Values; free of threads.

#include "core/result.h"

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace parley {

// A number with a meaning: two of different tags do not compare or convert.
template <class Tag, class Rep = std::uint64_t>
struct Id {
  Rep value = 0;
  constexpr auto operator<=>(const Id&) const = default;
};

using ShardId = Id<struct ShardTag, std::uint16_t>;
using Term = Id<struct TermTag>;
using LogIndex = Id<struct LogIndexTag>;         // 1 is the first entry; 0 is "before the first"
using Offset = Id<struct OffsetTag>;             // 1 is a channel's first publication; 0 is "before the first"
using Epoch = Id<struct EpochTag>;               // which life of a channel's history; 0 is "none"
using HubId = Id<struct HubTag, std::uint16_t>;  // one I/O thread of this node
using SubscriptionId = Id<struct SubscriptionTag, std::uint32_t>;  // one subscribe of one session

// A place in a channel's history. Text form: `epoch:offset`, epoch in 16 hex digits. All zero: before the
// first publication, whatever its epoch will be.
struct Position {
  Epoch epoch;
  Offset offset;
  auto operator<=>(const Position&) const = default;
  [[nodiscard]] bool exists() const { return epoch.value != 0; }
};
std::string epoch_text(Epoch epoch);
std::string position_text(Position position);
Result<Epoch> parse_epoch(std::string_view text);
Result<Position> parse_position(std::string_view text);

inline constexpr std::size_t kSocketNamespaceBytesMax = 128;

// A session's public id, in Pusher's form `\d+\.\d+`: 64 random bits, unique in the cluster.
struct SocketId {
  std::uint64_t value = 0;  // 0: none
  auto operator<=>(const SocketId&) const = default;
  [[nodiscard]] bool exists() const { return value != 0; }
  [[nodiscard]] std::string text() const;
  // Of `123.456`; also of `/admin#123.456`, as clients of Socket.IO's protocol 4 call themselves on namespaces.
  static Result<SocketId> parse(std::string_view text);
  // The session on a namespace other than `/` of a client that has this id there: the same id on each call.
  [[nodiscard]] SocketId on_namespace(std::string_view nsp) const;
};

// An application's channel: `app/name`. Application ids contain no slash, channel names neither.
class ChannelKey {
 public:
  ChannelKey() = default;
  ChannelKey(std::string_view app, std::string_view name);
  static ChannelKey from_text(std::string text);  // what text() gave; CHECKs the slash
  [[nodiscard]] std::string_view app() const { return std::string_view(text_).substr(0, slash_); }
  [[nodiscard]] std::string_view name() const { return std::string_view(text_).substr(slash_ + 1); }
  [[nodiscard]] const std::string& text() const { return text_; }
  friend bool operator==(const ChannelKey& a, const ChannelKey& b) { return a.text_ == b.text_; }
  friend auto operator<=>(const ChannelKey& a, const ChannelKey& b) { return a.text_ <=> b.text_; }

 private:
  std::string text_;
  std::uint32_t slash_ = 0;
};

// A user of an application: `app/id`.
struct UserKey {
  std::string app;
  std::string id;
  auto operator<=>(const UserKey&) const = default;
};

// FNV-1a: stable for ever and everywhere, because shards are chosen by it.
std::uint64_t stable_hash(std::string_view text);
ShardId shard_of(const ChannelKey& channel, std::uint16_t shard_count);

}  // namespace parley

template <class Tag, class Rep>
struct std::hash<parley::Id<Tag, Rep>> {
  std::size_t operator()(const parley::Id<Tag, Rep>& id) const noexcept { return std::hash<Rep>{}(id.value); }
};
template <>
struct std::hash<parley::SocketId> {
  std::size_t operator()(const parley::SocketId& id) const noexcept { return id.value; }  // random already
};
template <>
struct std::hash<parley::ChannelKey> {
  std::size_t operator()(const parley::ChannelKey& key) const noexcept { return std::hash<std::string>{}(key.text()); }
};
template <>
struct std::hash<parley::UserKey> {
  std::size_t operator()(const parley::UserKey& key) const noexcept {
    return std::hash<std::string>{}(key.id) * 31 + std::hash<std::string>{}(key.app);
  }
};

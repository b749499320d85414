#include "storage/keys.h"

namespace parley::storage::keys {
namespace {

constexpr std::size_t kShardBytes = 2;
constexpr std::size_t kNumberBytes = 8;

void append_number(std::string& to, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) to.push_back(static_cast<char>((value >> shift) & 0xFF));
}

std::string of(std::uint16_t shard, std::size_t more) {
  std::string key;
  key.reserve(kShardBytes + more);
  key.push_back(static_cast<char>(shard >> 8));
  key.push_back(static_cast<char>(shard & 0xFF));
  return key;
}

std::string tagged(ShardId shard, char tag, std::string_view rest = {}, std::size_t more = 0) {
  auto key = of(shard.value, 1 + rest.size() + more);
  key.push_back(tag);
  key.append(rest);
  return key;
}

KeyRange all_tagged(ShardId shard, char tag) { return {tagged(shard, tag), tagged(shard, static_cast<char>(tag + 1))}; }

// `channel 00 part`, and the range of all parts.
std::string with_part(ShardId shard, char tag, const ChannelKey& channel, std::string_view part) {
  auto key = tagged(shard, tag, channel.text(), 1 + part.size());
  key.push_back('\0');
  return key.append(part);
}
KeyRange parts(ShardId shard, char tag, const ChannelKey& channel) {
  auto from = tagged(shard, tag, channel.text(), 1);
  auto to = from;
  from.push_back('\0');
  to.push_back('\1');
  return {std::move(from), std::move(to)};
}

std::string with_number(ShardId shard, char tag, std::uint64_t number) {
  auto key = tagged(shard, tag, {}, kNumberBytes);
  append_number(key, number);
  return key;
}

// Of a key that with_part() made.
std::optional<ChannelKey> channel_before_zero(std::string_view key, char tag) {
  if (key.size() < kShardBytes + 1 || key[kShardBytes] != tag) return std::nullopt;
  const auto text = key.substr(kShardBytes + 1, key.find('\0', kShardBytes + 1) - kShardBytes - 1);
  if (text.find('/') == std::string_view::npos) return std::nullopt;
  return ChannelKey::from_text(std::string(text));
}

constexpr std::string_view kUserPrefix = "/user.";

std::optional<std::uint64_t> tagged_number(std::string_view key, char tag) {
  if (key.size() != kShardBytes + 1 + kNumberBytes || key[kShardBytes] != tag) return std::nullopt;
  return parse_number(key.substr(kShardBytes + 1));
}

}  // namespace

std::string log_entry(ShardId shard, LogIndex index) { return with_number(shard, 'e', index.value); }
KeyRange log_entries(ShardId shard) { return all_tagged(shard, 'e'); }
std::string log_head(ShardId shard) { return tagged(shard, 'h'); }
std::optional<LogIndex> log_index(std::string_view key) {
  const auto index = tagged_number(key, 'e');
  if (!index) return std::nullopt;
  return LogIndex{*index};
}

std::string replica_entry(ShardId shard, LogIndex index) { return with_number(shard, 'r', index.value); }
KeyRange replica_entries(ShardId shard) { return all_tagged(shard, 'r'); }
std::string replica_head(ShardId shard) { return tagged(shard, 'p'); }
std::optional<LogIndex> replica_entry_index(std::string_view key) {
  const auto index = tagged_number(key, 'r');
  if (!index) return std::nullopt;
  return LogIndex{*index};
}
std::string restoring(ShardId shard) { return tagged(shard, 'q'); }
std::string membership(ShardId shard) { return tagged(shard, 'g'); }

std::string replica_places(ShardId shard) { return tagged(shard, 'b'); }

std::string publication(ShardId shard, const ChannelKey& channel, Offset offset) {
  auto key = of(shard.value, channel.text().size() + 1 + kNumberBytes);
  key.append(channel.text());
  key.push_back('\0');
  append_number(key, offset.value);
  return key;
}
KeyRange publications(ShardId shard, const ChannelKey& channel, Offset from, Offset to) {
  // One more byte is the smallest key above `to`, also when `to` is the highest number there is.
  return {publication(shard, channel, from), publication(shard, channel, to).append(1, '\0')};
}
std::optional<Offset> publication_offset(std::string_view key) {
  if (key.size() < kShardBytes + 1 + kNumberBytes) return std::nullopt;
  const auto number_at = key.size() - kNumberBytes;
  if (key[number_at - 1] != '\0') return std::nullopt;
  return Offset{*parse_number(key.substr(number_at))};
}

std::string applied(ShardId shard) { return tagged(shard, 'a'); }
std::string lineage(ShardId shard) { return tagged(shard, 'l'); }
std::string meta(ShardId shard, const ChannelKey& channel) { return tagged(shard, 'm', channel.text()); }
KeyRange metas(ShardId shard) { return all_tagged(shard, 'm'); }
std::optional<ChannelKey> meta_channel(std::string_view key) {
  if (key.size() < kShardBytes + 1 || key[kShardBytes] != 'm') return std::nullopt;
  const auto text = key.substr(kShardBytes + 1);
  if (text.find('/') == std::string_view::npos) return std::nullopt;
  return ChannelKey::from_text(std::string(text));
}
std::string remembered(ShardId shard, std::uint64_t number) { return with_number(shard, 'i', number); }
KeyRange remembered(ShardId shard) { return all_tagged(shard, 'i'); }
std::optional<std::uint64_t> remembered_number(std::string_view key) { return tagged_number(key, 'i'); }

std::string cursor(ShardId shard, const ChannelKey& channel, std::string_view client_id) {
  return with_part(shard, 'c', channel, client_id);
}
KeyRange cursors(ShardId shard, const ChannelKey& channel) { return parts(shard, 'c', channel); }
KeyRange cursors(ShardId shard) { return all_tagged(shard, 'c'); }
std::optional<ChannelKey> cursor_channel(std::string_view key) { return channel_before_zero(key, 'c'); }

std::string user(ShardId shard, const ChannelKey& place) { return tagged(shard, 'u', place.text()); }
KeyRange users(ShardId shard, std::string_view app) {
  auto from = tagged(shard, 'u', app, kUserPrefix.size());
  from.append(kUserPrefix);
  auto to = from;
  ++to.back();
  return {std::move(from), std::move(to)};
}
std::string open_user(ShardId shard, const ChannelKey& place) { return tagged(shard, 'o', place.text()); }
KeyRange open_users(ShardId shard) { return all_tagged(shard, 'o'); }
std::optional<UserKey> user_key(std::string_view key) {
  if (key.size() < kShardBytes + 1 || (key[kShardBytes] != 'u' && key[kShardBytes] != 'o')) return std::nullopt;
  const auto text = key.substr(kShardBytes + 1);
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !text.substr(slash).starts_with(kUserPrefix)) return std::nullopt;
  return UserKey{std::string(text.substr(0, slash)), std::string(text.substr(slash + kUserPrefix.size()))};
}
std::string member(ShardId shard, const ChannelKey& domain, std::string_view user_id) {
  return with_part(shard, 'd', domain, user_id);
}
KeyRange members(ShardId shard, const ChannelKey& domain) { return parts(shard, 'd', domain); }
std::string told(ShardId shard, const ChannelKey& channel, std::string_view user_id) {
  return with_part(shard, 't', channel, user_id);
}
KeyRange told(ShardId shard, const ChannelKey& channel) { return parts(shard, 't', channel); }
KeyRange told(ShardId shard) { return all_tagged(shard, 't'); }
std::optional<ChannelKey> told_channel(std::string_view key) { return channel_before_zero(key, 't'); }
std::string_view after_zero(std::string_view key) {
  const auto zero = key.find('\0', kShardBytes + 1);
  return zero == std::string_view::npos ? std::string_view() : key.substr(zero + 1);
}

std::string kept_session(ShardId shard, const ChannelKey& place) { return tagged(shard, 's', place.text()); }
std::string session_end(ShardId shard, WallTime expires, const ChannelKey& place) {
  CHECK(expires.ms >= 0);
  auto key = with_number(shard, 'y', static_cast<std::uint64_t>(expires.ms));
  return key.append(place.text());
}
std::string session_share(const SessionShare& share) {
  auto value = number(share.origin.value);
  append_number(value, share.bytes);
  return value;
}
std::optional<SessionShare> parse_session_share(std::string_view value) {
  if (value.empty()) return SessionShare{};
  if (value.size() != 2 * kNumberBytes) return std::nullopt;
  return SessionShare{Origin{*parse_number(value.substr(0, kNumberBytes))}, *parse_number(value.substr(kNumberBytes))};
}
KeyRange session_ends(ShardId shard) { return all_tagged(shard, 'y'); }
std::optional<SessionEnd> parse_session_end(std::string_view key) {
  constexpr auto text_at = kShardBytes + 1 + kNumberBytes;
  if (key.size() <= text_at || key[kShardBytes] != 'y') return std::nullopt;
  const auto expires = *parse_number(key.substr(kShardBytes + 1, kNumberBytes));
  auto text = std::string(key.substr(text_at));
  if (expires > INT64_MAX || text.find('/') == std::string::npos) return std::nullopt;
  return SessionEnd{WallTime{static_cast<std::int64_t>(expires)}, ChannelKey::from_text(std::move(text))};
}

std::string notice(ShardId shard, std::uint64_t number) { return with_number(shard, 'w', number); }
KeyRange notices(ShardId shard) { return all_tagged(shard, 'w'); }
std::string dead_notice(ShardId shard, std::uint64_t number) { return with_number(shard, 'x', number); }
KeyRange dead_notices(ShardId shard) { return all_tagged(shard, 'x'); }
std::optional<std::uint64_t> notice_number(std::string_view key) {
  const auto waiting = tagged_number(key, 'w');
  return waiting ? waiting : tagged_number(key, 'x');
}
std::string newest_notice(ShardId shard) { return tagged(shard, 'n'); }

KeyRange of_shard(ShardId shard) {
  CHECK(shard.value < kShardCountMax);
  return {of(shard.value, 0), of(static_cast<std::uint16_t>(shard.value + 1), 0)};
}

std::string schema_version() { return of(kShardCountMax, 8).append("schema"); }
std::string identity() { return of(kShardCountMax, 8).append("node"); }
std::string charter() { return of(kShardCountMax, 8).append("cluster"); }
std::string founded() { return of(kShardCountMax, 8).append("founded"); }
std::string giving_up() { return of(kShardCountMax, 9).append("giving-up"); }
std::string removed() { return of(kShardCountMax, 8).append("removed"); }
std::string alive() { return of(kShardCountMax, 8).append("alive"); }
std::string running() { return of(kShardCountMax, 8).append("running"); }
std::string shard_count() { return of(kShardCountMax, 8).append("shards"); }

std::string number(std::uint64_t value) {
  std::string bytes;
  append_number(bytes, value);
  return bytes;
}
std::optional<std::uint64_t> parse_number(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return std::nullopt;
  std::uint64_t value = 0;
  for (const unsigned char byte : bytes) value = (value << 8) | byte;
  return value;
}

}  // namespace parley::storage::keys

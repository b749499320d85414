#include "core/ids.h"

#include <fmt/format.h>

#include <charconv>

namespace parley {
namespace {

template <class Number>
bool parse_whole(std::string_view text, Number& out, int base) {
  if (text.empty() || text.front() == '-' || text.front() == '+') return false;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return failure == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string epoch_text(Epoch epoch) { return fmt::format("{:016x}", epoch.value); }

std::string position_text(Position position) {
  return fmt::format("{:016x}:{}", position.epoch.value, position.offset.value);
}

Result<Epoch> parse_epoch(std::string_view text) {
  Epoch epoch;
  if (text.size() != 16 || !parse_whole(text, epoch.value, 16) || epoch.value == 0) {
    return make_error(Errc::bad_position, "an epoch is 16 hex digits");
  }
  return epoch;
}

Result<Position> parse_position(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return make_error(Errc::bad_position);
  if (text == "0000000000000000:0") return Position{};  // of a channel to which nothing was published yet
  const auto epoch = parse_epoch(text.substr(0, colon));
  if (!epoch) return epoch.error();
  Offset offset;
  if (!parse_whole(text.substr(colon + 1), offset.value, 10)) return make_error(Errc::bad_position);
  return Position{*epoch, offset};
}

std::string SocketId::text() const { return fmt::format("{}.{}", value >> 32, value & 0xFFFF'FFFFU); }

SocketId SocketId::on_namespace(std::string_view nsp) const {
  auto mixed = (value ^ stable_hash(nsp)) * 0x9E3779B97F4A7C15ULL;
  mixed ^= mixed >> 32;
  return SocketId{mixed == 0 ? 1 : mixed};
}

Result<SocketId> SocketId::parse(std::string_view text) {
  std::string_view nsp;
  if (text.starts_with('/')) {
    const auto hash = text.find('#');
    if (hash == std::string_view::npos || hash > kSocketNamespaceBytesMax) {
      return make_error(Errc::bad_request, "socket_id has the form 123.456, on a namespace /name#123.456");
    }
    nsp = text.substr(0, hash);
    text.remove_prefix(hash + 1);
  }
  const auto dot = text.find('.');
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (dot == std::string_view::npos || !parse_whole(text.substr(0, dot), high, 10) ||
      !parse_whole(text.substr(dot + 1), low, 10)) {
    return make_error(Errc::bad_request, "socket_id has the form 123.456");
  }
  const SocketId id{(std::uint64_t{high} << 32) | low};
  return nsp.size() > 1 ? id.on_namespace(nsp) : id;
}

ChannelKey::ChannelKey(std::string_view app, std::string_view name) : slash_(static_cast<std::uint32_t>(app.size())) {
  text_.reserve(app.size() + 1 + name.size());
  text_.append(app).push_back('/');
  text_.append(name);
}

ChannelKey ChannelKey::from_text(std::string text) {
  const auto slash = text.find('/');
  CHECK(slash != std::string::npos);
  ChannelKey key;
  key.text_ = std::move(text);
  key.slash_ = static_cast<std::uint32_t>(slash);
  return key;
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

ShardId shard_of(const ChannelKey& channel, std::uint16_t shard_count) {
  CHECK(shard_count > 0);
  // FNV-1a's low bits are weak for short names: fold the high half in before taking the remainder.
  const auto hash = stable_hash(channel.text());
  return ShardId{static_cast<std::uint16_t>((hash ^ (hash >> 32)) % shard_count)};
}

}  // namespace parley

#include "schemas/log_frame.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>

namespace parley::schemas {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kHeaderBytes = 24;

template <class Number>
void put(std::string& to, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    to.push_back(static_cast<char>((std::uint64_t{number} >> (8 * i)) & 0xFF));
}
template <class Number>
Number take(std::string_view from, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(from[at + i])} << (8 * i);
  }
  return static_cast<Number>(number);
}
std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
Error refused(ShardId shard, LogIndex index, std::string_view why) {
  return make_error(Errc::corrupt, fmt::format("log entry {} of shard {}: {}", index.value, shard.value, why));
}

}  // namespace

std::string frame_log_entry(const LogPlace& place, std::string_view payload) {
  std::string framed;
  framed.reserve(kHeaderBytes + payload.size());
  put(framed, std::uint32_t{0});
  put(framed, kFormat);
  put(framed, std::uint8_t{0});
  put(framed, place.shard.value);
  put(framed, place.term.value);
  put(framed, place.index.value);
  framed.append(payload);
  const auto sum = checksum(std::string_view(framed).substr(kChecksumBytes));
  for (std::size_t i = 0; i < kChecksumBytes; ++i) framed[i] = static_cast<char>((sum >> (8 * i)) & 0xFF);
  return framed;
}

Result<FramedEntry> unframe_log_entry(ShardId shard, LogIndex index, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return refused(shard, index, "it is cut off");
  if (take<std::uint32_t>(bytes, 0) != checksum(bytes.substr(kChecksumBytes))) {
    return refused(shard, index, "its checksum does not match its bytes");
  }
  const auto format = take<std::uint8_t>(bytes, 4);
  if (format > kFormat) {
    return make_error(Errc::newer_schema,
                      fmt::format("log entry {} of shard {}: written by a later release (format {})", index.value,
                                  shard.value, format));
  }
  const ShardId framed_shard{take<std::uint16_t>(bytes, 6)};
  const LogIndex framed_index{take<std::uint64_t>(bytes, 16)};
  if (format != kFormat || framed_shard != shard || framed_index != index) {
    return refused(shard, index,
                   fmt::format("entry {} of shard {} lies in its place", framed_index.value, framed_shard.value));
  }
  return FramedEntry{Term{take<std::uint64_t>(bytes, 8)}, bytes.substr(kHeaderBytes)};
}

}  // namespace parley::schemas

#include "cluster/caf_transport/framing.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace parley::cluster {
namespace {

template <class Number>
void append_number(std::string& to, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) to.push_back(static_cast<char>(number >> (8 * i)));
}
template <class Number>
Number read_number(const char* from) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number |= static_cast<Number>(static_cast<unsigned char>(from[i])) << (8 * i);
  }
  return number;
}

}  // namespace

void append_frame(std::string& to, FrameKind kind, std::string_view payload, std::uint8_t flags) {
  append_number(to, static_cast<std::uint32_t>(payload.size()));
  to.push_back(static_cast<char>(kind));
  to.push_back(static_cast<char>(flags));
  to.append(2, '\0');
  to.append(payload);
}

void append_received(std::string& to, std::uint64_t bytes) {
  std::string payload;
  append_number(payload, bytes);
  append_frame(to, FrameKind::received, payload);
}

Result<std::uint64_t> read_received(std::string_view payload) {
  if (payload.size() != sizeof(std::uint64_t)) return make_error(Errc::corrupt, "a receipt of the wrong size");
  return read_number<std::uint64_t>(payload.data());
}

std::size_t Framing::held_bytes() const {
  return short_.capacity() + assembly_[0].capacity() + assembly_[1].capacity();
}

Status Framing::begin_frame() {
  const auto length = read_number<std::uint32_t>(header_.data());
  const auto kind = static_cast<std::uint8_t>(header_[4]);
  flags_ = static_cast<std::uint8_t>(header_[5]);
  if (header_[6] != 0 || header_[7] != 0) return make_error(Errc::corrupt, "bytes that are no frame");
  if (kind < static_cast<std::uint8_t>(FrameKind::hello) || kind > static_cast<std::uint8_t>(FrameKind::ahead)) {
    return make_error(Errc::corrupt, "a frame of an unknown kind");
  }
  kind_ = static_cast<FrameKind>(kind);
  const bool of_introduction = kind_ == FrameKind::hello || kind_ == FrameKind::accept;
  if (kind_ != FrameKind::refusal && of_introduction == introduced_) {
    return make_error(Errc::corrupt,
                      introduced_ ? "an introduction that came again" : "a frame before the introduction");
  }
  if (!is_part()) {
    if (flags_ != 0) return make_error(Errc::corrupt, "a frame with unknown flags");
    if (length > limits_.hello_bytes_max) return make_error(Errc::corrupt, "a frame that is too long");
  } else {
    if ((flags_ & ~kLastOfMessage) != 0) return make_error(Errc::corrupt, "a frame with unknown flags");
    if (length + kFrameHeaderBytes > limits_.frame_bytes_max)
      return make_error(Errc::corrupt, "a frame that is too long");
    // Such could come without end and make nothing but work.
    if (length == 0 && flags_ == 0) return make_error(Errc::corrupt, "a part of a message without bytes");
    if (assembly().size() + length > message_bytes_max_) return make_error(Errc::corrupt, "a message that is too long");
    if (kind_ == FrameKind::work) work_bytes_ += length + kFrameHeaderBytes;
  }
  missing_ = length;
  return {};
}

bool Framing::end_frame(FrameSink& sink) {
  header_bytes_ = 0;
  if (!is_part()) {
    const bool more = sink.on_frame(kind_, short_);
    short_.clear();
    return more;
  }
  if ((flags_ & kLastOfMessage) == 0) return true;
  return sink.on_message(kind_ == FrameKind::ahead ? Lane::ahead : Lane::work, std::exchange(assembly(), {}));
}

Status Framing::feed(std::string_view bytes, FrameSink& sink) {
  while (!over_ && !bytes.empty()) {
    if (header_bytes_ < kFrameHeaderBytes) {
      const auto count = std::min(kFrameHeaderBytes - header_bytes_, bytes.size());
      std::memcpy(header_.data() + header_bytes_, bytes.data(), count);
      header_bytes_ += count;
      bytes.remove_prefix(count);
      if (header_bytes_ < kFrameHeaderBytes) return {};
      if (auto begun = begin_frame(); !begun) {
        over_ = true;
        return begun;
      }
    }
    const auto count = std::min(missing_, bytes.size());
    (is_part() ? assembly() : short_).append(bytes.substr(0, count));
    missing_ -= count;
    bytes.remove_prefix(count);
    if (missing_ == 0) over_ = !end_frame(sink);
  }
  return {};
}

}  // namespace parley::cluster

#pragma once
// A link's bytes as frames, and back. A message is cut into frames, so that what goes ahead need not wait for the end
// of a long one. Pure: no socket, no CAF, no clock. docs/formats.md has the same for people.
//
// A frame: length of what follows the header (u32, little-endian), kind, flags, two zero bytes; 8 bytes in all.
// Nobody vouches for what comes in: it is taken apart as it comes, whatever the pieces, and what is kept of it is at
// most one message a lane and one short frame. Whoever sends anything else than frames loses its link, nothing more.

#include "cluster/transport.h"
#include "core/limits.h"
#include "core/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace parley::cluster {

enum class FrameKind : std::uint8_t {
  hello = 1,      // schemas/peer/hello.h; the first of each end
  accept = 2,     // by the lower id: this connection is the link between the two
  refusal = 3,    // schemas/peer/hello.h; the last of its end
  heartbeat = 4,  // empty
  received = 5,   // u64, little-endian: bytes of work frames, headers included, taken since the last such frame
  work = 6,       // the next part of a message
  ahead = 7,
};

inline constexpr std::size_t kFrameHeaderBytes = 8;
inline constexpr std::uint8_t kLastOfMessage = 1;  // flag

void append_frame(std::string& to, FrameKind kind, std::string_view payload, std::uint8_t flags = 0);
void append_received(std::string& to, std::uint64_t bytes);
Result<std::uint64_t> read_received(std::string_view payload);

// Who gets what a link brings. False: nothing more of it is wanted.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual bool on_frame(FrameKind kind, std::string_view payload) = 0;  // all kinds but parts of messages
  virtual bool on_message(Lane lane, std::string message) = 0;
};

class Framing {
 public:
  explicit Framing(const LinkLimits& limits, std::size_t message_bytes_max = PeerLimits{}.message_bytes_max)
      : limits_(limits), message_bytes_max_(message_bytes_max) {}

  // Both ends know each other: messages may come. Before it there are only hello, accept and refusal, after it not
  // these but refusal.
  void introduced() { introduced_ = true; }
  // An Error says what came that is no frame: the link is to end. After it, or after a sink's `false`, everything is
  // passed over.
  Status feed(std::string_view bytes, FrameSink& sink);
  // Of work frames, headers included, since the last call: what the sender is to be told.
  std::uint64_t take_work_bytes() { return std::exchange(work_bytes_, 0); }
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  Status begin_frame();
  [[nodiscard]] bool is_part() const { return kind_ == FrameKind::work || kind_ == FrameKind::ahead; }
  std::string& assembly() { return assembly_[kind_ == FrameKind::ahead ? 1 : 0]; }
  bool end_frame(FrameSink& sink);

  const LinkLimits limits_;
  const std::size_t message_bytes_max_;
  bool introduced_ = false;
  bool over_ = false;
  std::array<char, kFrameHeaderBytes> header_{};
  std::size_t header_bytes_ = 0;  // of it that are there
  FrameKind kind_{};
  std::uint8_t flags_ = 0;
  std::size_t missing_ = 0;              // of the frame's payload
  std::string short_;                    // payload of a frame that is no part of a message
  std::array<std::string, 2> assembly_;  // of work, of ahead
  std::uint64_t work_bytes_ = 0;
};

}  // namespace parley::cluster

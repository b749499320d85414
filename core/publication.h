#pragma once
// Something published, and everything else that a channel tells its subscribers. Immutable values,
// shared by pointer between the channel actor, the hubs and the encoders.

#include "core/bytes.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/said_id.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace parley {

// How `data` came in and must go out, byte for byte.
enum class DataKind : std::uint8_t {
  text,  // a string: Pusher's HTTP API. On Pusher's wire it is JSON-escaped once.
  json,  // JSON text of any type: client events. It is spliced in as it is.
};

struct Publication {
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  std::string user_id;  // of the sender of a client event on a presence channel; else empty
  Position position;    // does not exist for ephemeral publications
  WallTime time;
  bool deleted = false;           // a hole left by a deletion: keeps its offset, is shown to nobody
  SocketId except;                // the session that was not to get it: nor when it comes back and has the same id
  IdForm id_form = IdForm::text;  // of user_id
};
using PublicationPtr = std::shared_ptr<const Publication>;

// A number that is found out once and then known, whoever asks, on any thread. 0: not yet.
template <class Number>
class Remembered {
 public:
  Remembered() = default;
  Remembered(const Remembered& other) : number_(other.get()) {}
  Remembered& operator=(const Remembered& other) {
    set(other.get());
    return *this;
  }
  [[nodiscard]] Number get() const { return number_.load(std::memory_order_relaxed); }
  void set(Number number) { number_.store(number, std::memory_order_relaxed); }

 private:
  std::atomic<Number> number_{0};
};

struct Member {
  std::string user_id;
  std::string user_info;  // JSON text; empty: null
  IdForm id_form = IdForm::text;
  // How long it is in a roster on Pusher's wire, once that was asked: rosters are written piece by piece, and their
  // length is told before.
  mutable Remembered<std::uint32_t> wire_bytes{};
};
using MemberPtr = std::shared_ptr<const Member>;

// All members of a presence channel at one moment, in the order in which they came.
struct Roster {
  std::vector<MemberPtr> members;
};
using RosterPtr = std::shared_ptr<const Roster>;

// What a channel tells all who are subscribed. Sent once to each hub with listeners.
struct ChannelEvent {
  struct Published {
    PublicationPtr publication;
  };
  struct MemberAdded {
    MemberPtr member;
  };
  struct MemberRemoved {
    std::string user_id;
    std::string user_info;  // JSON text; may be empty
    IdForm id_form = IdForm::text;
  };
  struct SubscriptionCount {
    std::uint64_t count;
  };
  struct Gap {  // publications between these two are in the history or gone, but nobody was told of them
    Epoch epoch;
    Offset after;
    Offset before;
  };

  ChannelKey channel;
  std::variant<Published, MemberAdded, MemberRemoved, SubscriptionCount, Gap> what;
  SocketId except;    // this session does not get it
  MonoTime accepted;  // when the node got the request: for the publish-to-write histogram
};
using ChannelEventPtr = std::shared_ptr<const ChannelEvent>;

}  // namespace parley

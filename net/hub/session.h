#pragma once
// One client as the hub sees it: who it is, where it listens, how to reach it. A WebSocket connection
// is one. Belongs to a hub, on its I/O thread; the hub borrows it between add_session() and
// remove_session().

#include "core/bytes.h"
#include "core/ids.h"
#include "core/publication.h"
#include "core/request.h"
#include "net/protocol.h"

#include <cstdint>
#include <vector>

namespace parley::net {

struct HubChannel;

class Session {
 public:
  explicit Session(Wire wire) : wire_(wire) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  // A finished WebSocket frame for the socket's queue.
  virtual void deliver(const Bytes& frame) = 0;
  virtual void on_event(const ChannelEvent& event, const Bytes& frame) = 0;  // ListenMode::through
  virtual void on_skipped(const ChannelEvent& event) { (void)event; }        // through only: it is the sender
  virtual void on_reply(Reply& reply) = 0;
  virtual void announce(Announcer& to) const { (void)to; }  // the channels that it is on

  [[nodiscard]] SocketId id() const { return id_; }
  [[nodiscard]] Wire wire() const { return wire_; }
  // Of the sessions that had this id one after another on this hub: answers to another one's questions are not for it.
  [[nodiscard]] std::uint32_t life() const { return life_; }
  [[nodiscard]] Origin origin() const { return origin_; }  // where its client is

 protected:
  void comes_from(Origin origin) { origin_ = origin; }

 private:
  friend class Hub;
  struct Listening {
    HubChannel* channel;
    std::uint32_t index;  // its place among the channel's subscribers
  };
  SocketId id_;
  Wire wire_;
  std::uint32_t life_ = 0;
  Origin origin_;
  std::vector<Listening> listening_;
};

}  // namespace parley::net

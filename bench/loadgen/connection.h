#pragma once
// One WebSocket to the server: connect, upgrade, frames in, frames out.
//
// Reading goes through one buffer that all connections share; a connection keeps bytes of its own only
// while a frame is incomplete, so 15,000 idle connections cost the generator almost nothing.

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/loadgen/loop.h"
#include "bench/loadgen/socket.h"
#include "bench/loadgen/websocket.h"

namespace loadgen {

class Connection final : public Pollable {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void on_text(Connection& connection, std::string_view text) = 0;
    virtual void on_closed(Connection& connection, std::string_view why) = 0;
  };

  Connection(Loop& loop, Observer& observer, std::size_t index) : loop_(loop), observer_(observer), index_(index) {}
  ~Connection() override { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::size_t index() const { return index_; }
  bool is_open() const { return state_ == State::open; }

  void open(const Endpoint& server, unsigned source, std::string upgrade);
  // Queues a text message; flush() writes what is queued, as far as the socket takes it.
  void queue_text(std::string_view text) { append_frame(out_, Opcode::text, text); }
  void flush();
  // Closes without telling the observer.
  void close();

  void on_events(std::uint32_t events) override;

 private:
  enum class State { idle, connecting, upgrading, open, closed };

  void read_some();
  std::string_view take_upgrade_reply(std::string_view in);
  // Handles whole frames and returns what is left.
  std::string_view take_frames(std::string_view in);
  void handle(const Frame& frame);
  void fail(std::string_view why);

  Loop& loop_;
  Observer& observer_;
  std::size_t index_;
  int fd_ = -1;
  State state_ = State::idle;
  bool wants_write_ = false;
  std::string in_;   // an incomplete frame
  std::string out_;  // not written yet
};

}  // namespace loadgen

#pragma once
// A socket in CAF's multiplexer: bytes in, bytes out, with or without TLS. It knows neither frames nor nodes.
//
// Belongs to the multiplexer's thread, which has a plain pointer to it until the end of the turn in which it was
// closed: whoever owns it keeps it until may_be_freed().

#include "cluster/caf_transport/socket.h"
#include "cluster/caf_transport/tls.h"

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/event_handler.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace parley::cluster {

// From the multiplexer; not after close().
class WireOwner {
 public:
  virtual ~WireOwner() = default;
  virtual void on_open() = 0;  // the ends have shaken hands
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_room() = 0;  // all that was to be written is: there may be more
  virtual void on_written(std::size_t bytes) = 0;
  // It is over: close() it. `by_peer`: the other end closed it, or its kernel did, and no part of the network is to
  // blame.
  virtual void on_end(const std::string& why, bool by_peer) = 0;
};

class Wire final : public caf::io::network::event_handler {
 public:
  // `unsent_max`: of bytes in the kernel, beyond which nothing more is written; as tune() has it.
  Wire(caf::io::network::default_multiplexer& loop, OwnedSocket socket, std::unique_ptr<TlsStream> tls,
       std::size_t unsent_max, WireOwner& owner);

  void begin();
  // Bytes to be written, appended by the owner.
  std::string& out() { return out_; }
  // Writes what the kernel takes, the rest when it takes more. Calls nobody but on_written().
  void flush();
  // There is more to be written than out() has: on_room() is called soon.
  void go_on();
  // Reads what is there already, as if the multiplexer had said so.
  void read_now() { read(); }
  // No more is written; what the other end still says is read.
  void end_writing();
  void close();
  // Closed, and the multiplexer has forgotten it. Not from within its own calls.
  [[nodiscard]] bool may_be_freed() const { return owner_ == nullptr && eventbf() == 0; }
  [[nodiscard]] std::size_t unwritten() const { return out_.size() - written_; }

  void handle_event(caf::io::network::operation op) override;
  void removed_from_loop(caf::io::network::operation /*op*/) override {}
  void graceful_shutdown() override { close(); }

 private:
  void shake_hands();
  void read();
  void write();
  bool write_some();  // false: the connection is broken
  void watch_writing(bool on);
  void end(std::string why);
  void note_system_error();  // of the last call; from then on failure_ says it

  WireOwner* owner_;  // null: closed
  const std::size_t unsent_max_;
  std::unique_ptr<TlsStream> tls_;
  bool shaking_;
  bool writing_ = false;  // the multiplexer says when there is room
  bool broken_ = false;
  std::string out_;
  std::size_t written_ = 0;  // of out_
  std::string failure_;
  bool by_peer_ = false;
};

}  // namespace parley::cluster

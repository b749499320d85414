#pragma once
// One socket in a hub: its outbox, its waits, its end. What flows over it is the business of the
// connection classes (http_connection, websocket_connection, echo_connection), which derive from it.
//
// The hub owns links; a wait that is under way keeps its link alive too. Writing appends to the outbox
// and marks the link; the hub flushes it at the end of the turn. On the hub's I/O thread only.

#include "net/hub/hub.h"
#include "net/hub/outbox.h"
#include "net/hub/timer_wheel.h"
#include "net/socket/transport.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace parley::net {

class Link : public std::enable_shared_from_this<Link>, public TimerNode {
 public:
  Link(Hub& hub, Transport transport);
  ~Link() override;

  static constexpr std::size_t kRoomBytes = 32 * 1024;  // less in the outbox is room for more

  // ---- by the hub ----
  void flush();
  virtual void on_overflow() {}
  [[nodiscard]] virtual bool drains_at_once() const { return true; }
  virtual void drain() = 0;
  // Ends the connection now, whatever is on its way.
  void abort();

 protected:
  [[nodiscard]] Hub& hub() { return hub_; }
  [[nodiscard]] const Hub& hub() const { return hub_; }
  [[nodiscard]] const Outbox& outbox() const { return outbox_; }
  [[nodiscard]] Outbox& outbox() { return outbox_; }
  [[nodiscard]] bool tls() const { return transport_.tls(); }
  [[nodiscard]] bool gone() const { return state_ == State::gone; }
  [[nodiscard]] bool finishing() const { return state_ != State::open; }
  [[nodiscard]] bool reading() const { return waiting_read_; }
  [[nodiscard]] Executor executor() { return transport_.executor(); }

  void write(std::string_view bytes);
  void write(const Bytes& bytes);
  // After bytes were put into the outbox's tail or taken out of it by hand.
  void outbox_changed(std::size_t size_before);

  void ask_room();       // on_room() comes at the end of this turn, or when the socket has taken enough
  void wait_readable();  // then on_readable(), unless the link ended
  IoResult read(char* to, std::size_t size);
  IoResult handshake() { return transport_.handshake(); }
  void wait_again(WaitFor what);  // a blocked read or handshake: on_readable() when it can go on

  // Sends what waits, then ends the connection. Lingering reads and drops what still comes.
  enum class Ending : std::uint8_t {
    linger,   // the peer may still be sending: a reset could take our last words with it
    at_once,  // the peer has said that it is done
  };
  void finish(Ending ending = Ending::linger);
  // For an upgrade: the socket goes on in another link, this one is over.
  Transport release_transport();

  void schedule(MonoTime when) { hub_.timers().schedule(*this, when); }

  virtual void on_readable() = 0;
  virtual void on_written() {}                     // the outbox is empty
  virtual void on_room() {}                        // after ask_room(), once: little is left in the outbox
  virtual void on_lost() = 0;                      // the connection ended other than by finish(); called once
  virtual MonoTime on_deadline(MonoTime now) = 0;  // while not finishing

 private:
  friend class Hub;
  enum class State : std::uint8_t { open, flushing, lingering, gone };

  MonoTime on_timer(MonoTime now) final;
  void readable();
  void linger();
  void drop_incoming();
  void leave();
  void lost();
  void mark_dirty();
  void give_room();

  Hub& hub_;
  Transport transport_;
  Outbox outbox_;
  std::size_t place_ = 0;  // in the hub's list
  MonoTime finish_by_ = MonoTime::max();
  State state_ = State::open;
  Ending ending_ = Ending::linger;
  bool dirty_ = false;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool room_asked_ = false;
};

}  // namespace parley::net

#pragma once
// A WebSocket that speaks a Protocol. Beast does the handshake, reads, and answers pings and closes;
// everything that we send is a finished frame appended to the link's outbox.
//
// The Beast stream lives behind a pointer, so that only connection.cpp instantiates it.

#include "net/address/address_shares.h"
#include "net/hub/mux_link.h"
#include "net/hub/session.h"
#include "net/protocol.h"
#include "net/socket/websocket_frame.h"
#include "net/websocket/session_factory.h"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <string>

namespace parley::net {

using UpgradeHead = boost::beast::http::request<boost::beast::http::string_body>;

class WebSocketConnection final : public MuxLink, public Session, private Actions {
 public:
  WebSocketConnection(Hub& hub, Transport transport, std::string read_already, Accepted accepted, SocketId socket,
                      AddressShares::Place counted, AddressShares::Bytes bytes);
  ~WebSocketConnection() override;

  // Answers the upgrade; then the protocol's first words.
  void start(const UpgradeHead& head);

  // Session
  void deliver(const Bytes& frame) override;
  void on_event(const ChannelEvent& event, const Bytes& frame) override;
  void on_reply(Reply& reply) override;
  void announce(Announcer& to) const override;

  // Link
  void on_overflow() override;
  [[nodiscard]] bool drains_at_once() const override { return false; }
  void drain() override;

 private:
  enum class Phase : std::uint8_t {
    upgrading,
    open,
    closing,  // our close frame is out or on its way; waiting for the peer's
    over,
  };
  struct Stream;

  // Actions
  [[nodiscard]] WallTime wall() const override;
  void ask_application(AuthQuestion question) override;
  void send_text(std::string_view payload) override;
  void send_binary(std::string_view payload) override;
  void send_frame(const Bytes& frame) override;
  void send_long(std::unique_ptr<TextSource> text) override;
  void ask_room() override { Link::ask_room(); }
  void request(Request request) override;
  void listen(const ChannelKey& channel, ListenMode mode) override;
  void unlisten(const ChannelKey& channel) override;
  void close(std::uint16_t code, std::string_view reason, Errc why) override;

  void on_lost() override;
  void on_room() override;
  MonoTime on_deadline(MonoTime now) override;

  void upgraded(boost::system::error_code error);
  void read_loop();
  bool on_read(boost::system::error_code error, std::size_t bytes);  // false: no more reads
  bool keep(std::string_view piece);  // of a message that is not whole; false: no more reads
  void heard();
  void read_failed(boost::system::error_code error);
  void on_message(std::string_view payload, bool text);
  void end(EndReason reason, std::string_view metric);
  void send_message(Opcode opcode, std::string_view payload);
  void check_queue();

  template <class Call>
  void with_protocol(Call&& call);
  void after_call();
  [[nodiscard]] const Gauge& open_connections();

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Protocol> protocol_;
  AddressShares::Place counted_;
  std::string partial_;         // a message that comes in pieces …
  AddressShares::Bytes bytes_;  // … and what is held of it
  SocketId socket_;
  std::size_t message_bytes_max_;
  Wire wire_;
  bool in_hub_;
  bool calling_ = false;  // the protocol
  MonoTime closing_until_ = MonoTime::max();
  Errc close_why_ = Errc::internal;
  Phase phase_ = Phase::upgrading;
  bool close_asked_ = false;
  bool drain_asked_ = false;
  bool overflowed_ = false;
  bool starting_read_ = false;
  bool read_done_at_once_ = false;
  boost::system::error_code read_error_;
  std::size_t read_bytes_ = 0;
};

}  // namespace parley::net

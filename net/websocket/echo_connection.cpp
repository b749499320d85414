#include "net/websocket/echo_connection.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <utility>

namespace parley::net {

namespace websocket = boost::beast::websocket;

namespace {
constexpr std::size_t kMessageBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kWriteBufferBytes = 64 * 1024;
constexpr std::chrono::seconds kIdle{60};
}  // namespace

struct EchoConnection::Stream {
  explicit Stream(MuxLink& link) : ws(MuxStream(link)) {}
  websocket::stream<MuxStream, true> ws;
  boost::beast::flat_buffer message;
};

EchoConnection::EchoConnection(Hub& hub, Transport transport, std::string read_already)
    : MuxLink(hub, std::move(transport), std::move(read_already)), stream_(std::make_unique<Stream>(*this)) {}

EchoConnection::~EchoConnection() = default;

void EchoConnection::start(const UpgradeHead& head) {
  auto& ws = stream_->ws;
  websocket::permessage_deflate deflate;
  deflate.server_enable = true;
  ws.set_option(deflate);
  ws.read_message_max(kMessageBytesMax);
  ws.write_buffer_bytes(kWriteBufferBytes);
  ws.auto_fragment(false);
  idle_until_ = hub().now() + kIdle;
  schedule(idle_until_);
  ws.async_accept(head, [this](boost::system::error_code error) { error ? ended() : read(); });
}

MonoTime EchoConnection::on_deadline(MonoTime now) {
  if (now < idle_until_) return idle_until_;
  abort();
  return MonoTime::max();
}

void EchoConnection::read() {
  if (gone()) return;
  idle_until_ = hub().now() + kIdle;
  stream_->ws.async_read(stream_->message,
                         [this](boost::system::error_code error, std::size_t) { error ? ended() : echo(); });
}

void EchoConnection::echo() {
  if (gone()) return;
  stream_->ws.text(stream_->ws.got_text());
  stream_->ws.async_write(stream_->message.data(), [this](boost::system::error_code error, std::size_t) {
    if (error) return ended();
    stream_->message = {};
    read();
  });
}

void EchoConnection::ended() {
  if (!gone()) finish();
}

}  // namespace parley::net

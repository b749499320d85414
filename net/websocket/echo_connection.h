#pragma once
// /conformance/echo: sends every message back as it came. For the public RFC 6455 suites; served only
// when asked for. The one place where permessage-deflate is negotiated.

#include "net/hub/mux_link.h"
#include "net/websocket/connection.h"

#include <memory>
#include <string>

namespace parley::net {

class EchoConnection final : public MuxLink {
 public:
  EchoConnection(Hub& hub, Transport transport, std::string read_already);
  ~EchoConnection() override;
  void start(const UpgradeHead& head);
  void drain() override { finish(); }

 private:
  struct Stream;
  void on_lost() override {}
  MonoTime on_deadline(MonoTime now) override;
  void read();
  void echo();
  void ended();

  std::unique_ptr<Stream> stream_;
  MonoTime idle_until_;
};

}  // namespace parley::net

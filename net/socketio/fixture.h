#pragma once
// What the public test suites of Engine.IO and Socket.IO expect of a server: an echo of every Engine.IO message, and
// namespaces that answer `message` and `message-with-ack`. In conformance mode only.

#include "net/socketio/client.h"

namespace parley::net::socketio {

// Echoes every message of its Engine.IO session.
class EngineEcho final : public EngineClient {
 public:
  void attach(Engine& engine) { engine_ = &engine; }
  void on_engine_open(MonoTime) override {}
  void on_message(std::string_view text, MonoTime) override { engine_->send("4" + std::string(text)); }
  void on_binary_message(std::string_view data, MonoTime) override { engine_->send_binary(data); }
  void on_engine_end(EngineEnd, MonoTime) override {}

 private:
  Engine* engine_ = nullptr;
};

// `/` and `/custom`: `auth` with the payload on connecting; on `/` the two echoes. With recovery, what a session was
// sent is remembered in memory (a few sessions, a few packets of each), and sent again to who brings its pid.
FixtureMaker make_fixtures(bool recovery);

}  // namespace parley::net::socketio

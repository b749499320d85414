#include "net/socketio/fixture.h"

#include "net/pusher/json_text.h"
#include "net/socketio/words.h"

namespace parley::net::socketio {

namespace {

class Fixture final : public NamespaceEnd, private Protocol {
 public:
  Fixture(std::string_view nsp, std::string_view payload, std::string sid, EngineVersion version)
      : nsp_(nsp), payload_(payload.empty() ? "{}" : payload), sid_(std::move(sid)), version_(version) {}

  [[nodiscard]] Protocol& protocol() override { return *this; }

  void on_packet(const Packet& packet, const std::vector<std::string>& attachments, MonoTime,
                 Actions& actions) override {
    const auto arguments = arguments_of(packet.payload);
    if (arguments.empty() || nsp_ != "/") return;
    if (packet.type != PacketType::event && packet.type != PacketType::binary_event) return;
    const auto event =
        pusher::type_of(arguments[0]) == pusher::JsonType::string ? pusher::json_string(arguments[0]) : std::string();
    std::string out;
    if (event == "message") {
      begin_event(out, nsp_, attachments.size());
      out.append(R"("message-back")");
      if (arguments.size() > 1) out.push_back(',');
    } else if (event == "message-with-ack" && packet.ack) {
      begin_ack(out, nsp_, *packet.ack, attachments.size());
    } else {
      return;
    }
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      if (i > 1) out.push_back(',');
      out.append(arguments[i]);
    }
    out.push_back(']');
    actions.send_text(out);
    for (const auto& attachment : attachments) actions.send_binary(attachment);
  }

 private:
  void on_open(MonoTime, Actions& actions) override {
    actions.send_text(version_ == EngineVersion::v3 ? encode_connect_v3(nsp_) : encode_connect(nsp_, sid_, {}));
    actions.send_text(encode_event(nsp_, "auth", payload_));
  }
  void on_text(std::string_view, MonoTime, Actions&) override {}
  void on_binary(std::string_view, MonoTime, Actions&) override {}
  void on_reply(Reply&, MonoTime, Actions&) override {}
  void on_event(const ChannelEvent&, const Bytes&, MonoTime, Actions&) override {}
  void on_deadline(MonoTime, Actions&) override {}
  [[nodiscard]] MonoTime deadline() const override { return MonoTime::max(); }
  void on_drain(MonoTime, Actions&) override {}
  void on_end(EndReason, MonoTime, Actions&) override {}
  [[nodiscard]] SocketId socket_id() const override { return {}; }

  std::string nsp_;
  std::string payload_;
  std::string sid_;
  EngineVersion version_;
};

}  // namespace

std::unique_ptr<NamespaceEnd> make_fixture(std::string_view nsp, std::string_view payload, std::string sid,
                                           EngineVersion version) {
  if (nsp != "/" && nsp != "/custom") return nullptr;
  return std::make_unique<Fixture>(nsp, payload, std::move(sid), version);
}

}  // namespace parley::net::socketio

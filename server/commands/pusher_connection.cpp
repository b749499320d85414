#include "server/commands/pusher_connection.h"

#include "core/channel_name.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/auth/pusher_signature.h"
#include "net/json/fields.h"
#include "server/commands/command_output.h"

#include <fmt/format.h>

namespace parley::server {
namespace {

std::string unwrapped(std::string_view value) {
  if (value.empty()) return {};
  return type_of(value) == JsonType::string ? json_string(value) : std::string(value);
}

// A field of an object that may be text in a string: `data` of connection_established.
std::string inner_field(const std::string& object, std::string_view name) {
  if (!check_json(object, kAnswerDepthMax).ok()) return {};
  const auto fields = net::read_fields<1>(net::trimmed(object), {name}, Errc::bad_frame, "data");
  return fields ? unwrapped((*fields)[0]) : std::string();
}

}  // namespace

Result<PusherFrame> decode_pusher_frame(std::string_view text) {
  if (const auto json = check_json(text, kAnswerDepthMax); !json) return json.error();
  constexpr std::array<std::string_view, 5> kNames{"event", "channel", "data", "epoch", "offset"};
  const auto fields = net::read_fields(net::trimmed(text), kNames, Errc::bad_frame, "the frame");
  if (!fields) return fields.error();
  PusherFrame frame{
      .event = unwrapped((*fields)[0]), .channel = unwrapped((*fields)[1]), .data = unwrapped((*fields)[2])};
  if (!(*fields)[3].empty() && !(*fields)[4].empty()) {
    if (const auto position = parse_position(fmt::format("{}:{}", unwrapped((*fields)[3]), (*fields)[4])))
      frame.position = *position;
  }
  return frame;
}

Result<PusherConnection> PusherConnection::connect(const ClientTarget& target) {
  auto socket = net::WebSocketClient::connect(target.websocket_url(), target.options);
  if (!socket) return socket.error();
  PusherConnection connection(std::move(*socket), target.key);
  const auto hello = connection.next(target.options.timeout);
  if (!hello) return hello.error();
  const auto id = SocketId::parse(inner_field(hello->data, "socket_id"));
  if (hello->event != "pusher:connection_established" || !id) {
    return make_error(Errc::bad_frame, fmt::format("expected pusher:connection_established, got {}", hello->event));
  }
  connection.id_ = *id;
  return connection;
}

Status PusherConnection::subscribe(std::string_view channel, std::string_view user_id, std::string_view data_fields) {
  const auto traits = channel_traits(channel);
  std::string frame = R"({"event":"pusher:subscribe","data":{"channel":)";
  append_json_string(frame, channel);
  if (traits.needs_auth) {
    std::optional<std::string> member;
    if (traits.presence) {
      member = R"({"user_id":)";
      append_json_string(*member, user_id);
      *member += R"(,"user_info":{"name":)";
      append_json_string(*member, user_id);
      *member += "}}";
      frame += R"(,"channel_data":)";
      append_json_string(frame, *member);
    }
    frame += R"(,"auth":)";
    append_json_string(frame, net::auth::sign_channel(key_.key, key_.secret, id_.text(), channel, member));
  }
  frame += data_fields;
  return socket_.send_text(frame + "}}");
}

Result<PusherFrame> PusherConnection::next(milliseconds timeout) {
  for (;;) {
    auto message = socket_.receive(timeout);
    if (!message) return message.error();
    if (message->opcode == net::Opcode::close) {
      return make_error(Errc::io,
                        fmt::format("the server closed the connection: {} {}", message->close_code, message->payload));
    }
    if (message->opcode != net::Opcode::text) continue;
    auto frame = decode_pusher_frame(message->payload);
    if (!frame) return frame.error();
    if (frame->event == "pusher:ping") {
      if (const auto sent = socket_.send_text(R"({"event":"pusher:pong","data":{}})"); !sent) return sent.error();
      continue;
    }
    if (frame->event == "pusher:error") {
      return make_error(Errc::bad_request, fmt::format("the server answered {} {}", inner_field(frame->data, "code"),
                                                       inner_field(frame->data, "message")));
    }
    return frame;
  }
}

}  // namespace parley::server

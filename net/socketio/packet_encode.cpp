// What goes out: packets as the text of an Engine.IO message.

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/socketio/packet.h"

namespace parley::net::socketio {
namespace {

// `4<type>[<attachments>-][<namespace>,]`. The default namespace is never written.
void append_head(std::string& out, PacketType type, std::string_view nsp, std::size_t attachments = 0) {
  out.push_back('4');
  out.push_back(static_cast<char>('0' + static_cast<int>(type)));
  if (attachments > 0) {
    append_number(out, attachments);
    out.push_back('-');
  }
  if (nsp.empty() || nsp == "/") return;
  out.append(nsp).push_back(',');
}

}  // namespace

std::string encode_connect(std::string_view nsp, std::string_view sid, std::string_view pid) {
  std::string out;
  append_head(out, PacketType::connect, nsp);
  out.append(R"({"sid":)");
  append_json_string(out, sid);
  if (!pid.empty()) {
    out.append(R"(,"pid":)");
    append_json_string(out, pid);
  }
  out.push_back('}');
  return out;
}

std::string encode_connect_v3(std::string_view nsp) {
  std::string out;
  append_head(out, PacketType::connect, nsp);
  return out;
}

std::string encode_connect_error(std::string_view nsp, std::string_view message, std::string_view data,
                                 bool protocol_4) {
  std::string out;
  append_head(out, PacketType::connect_error, nsp);
  if (protocol_4) {
    if (data.empty()) {
      append_json_string(out, message);
    } else {
      out.append(data);
    }
    return out;
  }
  out.append(R"({"message":)");
  append_json_string(out, message);
  if (!data.empty()) out.append(R"(,"data":)").append(data);
  out.push_back('}');
  return out;
}

std::string encode_disconnect(std::string_view nsp) {
  std::string out;
  append_head(out, PacketType::disconnect, nsp);
  return out;
}

void begin_event(std::string& out, std::string_view nsp, std::size_t attachments, std::optional<std::uint64_t> ack) {
  append_head(out, attachments > 0 ? PacketType::binary_event : PacketType::event, nsp, attachments);
  if (ack) append_number(out, *ack);
  out.push_back('[');
}

void begin_ack(std::string& out, std::string_view nsp, std::uint64_t ack, std::size_t attachments) {
  append_head(out, attachments > 0 ? PacketType::binary_ack : PacketType::ack, nsp, attachments);
  append_number(out, ack);
  out.push_back('[');
}

}  // namespace parley::net::socketio

#pragma once
// What Socket.IO clients are told, packet by packet: values in, text of an Engine.IO message out. Pure.
//
// Events have laravel-echo-server's form: event, channel, data. Those of a durable channel end with an offset, by which
// a client of protocol 5 is recovered: it remembers the last argument of any event if that is a string, so no other
// event may end with one.

#include "net/protocol.h"
#include "net/socketio/packet.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parley::net::socketio {

// Names a channel's history within an offset: six characters, of the channel's name and the epoch.
std::string offset_tag(std::string_view channel, Epoch epoch);
void append_offset(std::string& out, std::string_view channel, Position position);  // `tag.offset`

// `recovers`: whether the client would take a string at the end for an offset. `42["event","channel",data]`, or with
// `"offset"` where one is given; `nsp` as in begin_event(). Data that came as text is passed on as JSON where it is
// that, else as a string.
std::string encode_publication(std::string_view nsp, std::string_view channel, const Publication& publication,
                               std::string_view offset, bool recovers = true);
// `42["event","channel",json]`. The JSON must not be a string.
std::string encode_channel_event(std::string_view nsp, std::string_view event, std::string_view channel,
                                 std::string_view json);
std::string encode_event(std::string_view nsp, std::string_view event, std::string_view json);
std::string encode_answer(std::string_view nsp, std::uint64_t ack, std::string_view json);  // an acknowledgement

std::string subscribed_json(std::string_view channel);  // {"channel":"…"}
std::string member_json(const Member& member);          // {"user_id":"42","user_info":{…}}
std::string members_json(const std::vector<MemberPtr>& members);
// `presence:subscribed`, whose roster is written while it goes out.
std::unique_ptr<TextSource> long_roster(std::string_view nsp, std::string_view channel, RosterPtr roster);
std::string error_json(const Error& error);  // {"error":"unauthorized","message":"…"}

// What a hub tells all subscribers of a channel on the namespace `/`; encoded once for all of them.
class SocketIoEncoder final : public Encoder {
 public:
  enum class Offsets : std::uint8_t { told, untold };  // to clients that are recovered, or not
  explicit SocketIoEncoder(Offsets offsets) : offsets_(offsets) {}
  [[nodiscard]] std::string encode(const ChannelEvent& event) const override;

 private:
  Offsets offsets_;
};
std::string encode_event_of_channel(std::string_view nsp, const ChannelEvent& event, std::string_view offset,
                                    bool recovers = true);
// What SocketIoEncoder made of an event at `position`, for another namespace; with `offsets` in place of its one.
std::string encode_again(std::string_view encoded, std::string_view nsp, std::string_view channel, Position position,
                         const std::optional<std::string>& offsets);

}  // namespace parley::net::socketio

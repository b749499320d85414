#pragma once
// Pusher protocol 7, what servers send: each frame as one function. Values in, JSON text out. Pure.
//
// `data` goes out as a string of JSON, except in pusher:error, pusher:ping, pusher:pong and parley:ack,
// where an object is the custom, and in client events, whose data keeps the type in which it came.

#include "net/protocol.h"
#include "net/session/succeeded.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parley::net::pusher {

inline constexpr std::string_view kPing = R"({"event":"pusher:ping","data":{}})";
inline constexpr std::string_view kPong = R"({"event":"pusher:pong","data":{}})";

std::string encode_established(SocketId socket, std::chrono::seconds activity_timeout);
std::string encode_error(const Error& error);  // pusher:error; code null where the table has none
std::string encode_subscription_error(std::string_view channel, const Error& error);

std::string encode_succeeded(std::string_view channel, const Succeeded& what);
// The same with a long roster, which is written while it goes out.
std::unique_ptr<TextSource> long_succeeded(std::string_view channel, const Succeeded& what);

std::string encode_publication(std::string_view channel, const Publication& publication);
std::string encode_cache_miss(std::string_view channel);
std::string encode_gap(std::string_view channel, Epoch epoch, Offset after, Offset before);
std::string encode_sign_in_success(std::string_view user_data);
// `numbers`: the ids that the watcher's list has as numbers, sorted.
std::string encode_watchlist(std::span<const std::string> online, std::span<const std::string> offline,
                             std::span<const std::string> numbers = {});
std::string encode_ack(std::uint64_t ack, std::string_view channel, Position position);
std::string encode_ack_error(std::uint64_t ack, std::string_view channel, const Error& error);

std::string encode_token_accepted(WallTime expires);
std::string encode_token_expiring(seconds in);
// The people of a domain: an event of its channel, `parley:status`.
std::string encode_status(std::string_view channel, const UserList& list, WallTime now);
// A page of history, as history_json() made it, and why there is none; events of the channel too.
std::string encode_history(std::string_view channel, std::uint64_t id, std::string_view page_json);
std::string encode_history_error(std::string_view channel, std::uint64_t id, const Error& error);

// What a hub tells all subscribers of a channel; encoded once for all of them.
class PusherEncoder final : public Encoder {
 public:
  [[nodiscard]] std::string encode(const ChannelEvent& event) const override;
};

}  // namespace parley::net::pusher

#pragma once
// What clients say and ask, whatever protocol they speak: JSON in, values out. Pure, never throws, safe on any bytes.
//
// A field of the wrong type or given twice is an error, fields that are not known are ignored; null counts as absent.

#include "core/limits.h"
#include "core/request.h"
#include "core/result.h"
#include "core/user.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

// An event that a client says, taken apart. What it holds of the payload lives as long as that.
struct ClientFrame {
  std::string event;
  std::optional<std::string> channel;
  std::string_view data;  // JSON text inside the decoded payload; empty: absent
  std::uint64_t ack = 0;  // 0: none asked
  std::string idempotency_key;
};

// The `data` of protocol events. It may also come as a string that holds the JSON text.
struct SubscribeData {
  std::string channel;
  std::string auth;
  std::optional<std::string> channel_data;  // exactly as sent: it is signed
  std::string since;                        // `epoch:offset`, unchecked
  std::uint32_t rewind = 0;
  // For asking the application about this channel; Pusher's clients have no place for them.
  std::vector<std::pair<std::string, std::string>> headers;
};
Result<SubscribeData> decode_subscribe(std::string_view data, std::size_t depth_max = NodeLimits{}.json_depth_max);

struct SignInData {
  std::string auth;
  std::string user_data;  // exactly as sent: it is signed
};
Result<SignInData> decode_sign_in(std::string_view data, std::size_t depth_max = NodeLimits{}.json_depth_max);

// What the application signed for a presence channel: `{"user_id":"42","user_info":{…}}`. An id may be a number.
struct ChannelData {
  std::string user_id;
  std::string user_info;  // JSON text; empty: absent or null
  IdForm id_form = IdForm::text;
};
Result<ChannelData> decode_channel_data(std::string_view text, const AppLimits& limits,
                                        std::size_t depth_max = NodeLimits{}.json_depth_max);

// What the application signed for a sign-in: `{"id":"42","user_info":{…},"watchlist":["7"],"domains":["1"]}`.
struct UserData {
  std::string id;
  std::string user_info;
  std::vector<std::string> watchlist;               // without duplicates
  bool watchlist_too_long = false;                  // then the list is cut somewhere behind the limit
  std::optional<std::vector<std::string>> domains;  // nothing: none were named
  IdForm id_form = IdForm::text;
  std::vector<std::string> watchlist_numbers;  // those of the watchlist that are numbers, sorted
};
Result<UserData> decode_user_data(std::string_view text, const AppLimits& limits,
                                  std::size_t depth_max = NodeLimits{}.json_depth_max);

// Parley's own events.
Result<std::string> decode_token(std::string_view data, std::size_t depth_max);    // `{"token":"…"}`
Result<UserStatus> decode_activity(std::string_view data, std::size_t depth_max);  // `{"state":"away"}`: away or online
struct StatusData {
  std::string channel;
  std::string after;  // `next` of the page before
};
Result<StatusData> decode_status(std::string_view data, std::size_t depth_max);
struct HistoryData {
  std::uint64_t id = 0;  // the client's number for the answer
  std::string channel;
  std::string since;                   // `epoch:offset`, unchecked; empty: none
  std::optional<std::size_t> limit;    // at least 1
  std::optional<Direction> direction;  // nothing: forward with `since`, else backward
};
Result<HistoryData> decode_history(std::string_view data, std::size_t depth_max);

}  // namespace parley::net

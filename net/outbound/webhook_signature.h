#pragma once
// What makes a webhook's request believable: the headers that Pusher's server libraries check, for one
// body. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

// X-Pusher-Key, X-Pusher-Signature over exactly these bytes, and Content-Type without parameters, because
// Pusher's library for Node refuses it with them.
std::vector<std::pair<std::string, std::string>> webhook_headers(std::string_view key, std::string_view secret,
                                                                 std::string_view body);

}  // namespace parley::net

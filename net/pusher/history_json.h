#pragma once
// A page of a channel's history as JSON, the same over HTTP and on every protocol. Pure.

#include "core/request.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::net::pusher {

// `since` is where the page was asked to begin: what `next` says when the page is empty.
std::string history_json(std::string_view channel, const HistoryPage& page, const std::optional<Position>& since);

}  // namespace parley::net::pusher

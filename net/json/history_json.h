#pragma once
// A page of a channel's history as JSON, the same over HTTP and on every protocol. Pure.

#include "core/request.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::net {

// How publications' data that came as text is written: as that string, or as the JSON that it holds if it is JSON.
enum class DataForm : std::uint8_t { as_it_came, as_json };

// `since` is where the page was asked to begin: what `next` says when the page is empty.
std::string history_json(std::string_view channel, const HistoryPage& page, const std::optional<Position>& since,
                         DataForm form = DataForm::as_it_came);

}  // namespace parley::net

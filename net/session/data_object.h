#pragma once
// The `data` of a client's event. Pure.

#include "core/result.h"

#include <string>
#include <string_view>

namespace parley::net {

// The object in `data`, which some libraries send as a string of JSON. `holder` keeps that string. A missing object is
// Errc::bad_frame, and names the event.
Result<std::string_view> data_object(std::string_view data, std::string& holder, std::size_t depth_max,
                                     std::string_view event);

}  // namespace parley::net

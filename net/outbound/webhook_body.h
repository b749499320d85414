#pragma once
// What a webhook's request says, as JSON: Pusher's fields first, so that Pusher's server libraries read it,
// then ours. Pure.

#include "core/notice.h"

#include <string>
#include <vector>

namespace parley::net {

// `notices` in order, not empty. `time_ms` of the whole is that of the newest one: a retry has the same bytes.
std::string webhook_body(const std::vector<Notice>& notices);

}  // namespace parley::net

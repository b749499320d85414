#pragma once
// How the users of a domain are, as clients are told it on every protocol. Pure.

#include "core/clock.h"
#include "core/request.h"

#include <string>

namespace parley::net {

// `{"users":[{"user_id":…,"status":…,"since":…,"last_seen":…,"user_info":…}],"next":…}`. Who is here is seen now.
std::string status_json(const UserList& list, WallTime now);

}  // namespace parley::net

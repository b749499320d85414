#pragma once
// Web origins, and patterns of those that are allowed: of applications' pages (`allowed_origins`) and of pages that
// poll from elsewhere (`socketio.cors_origins`). Pure.

#include "core/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

// Exact scheme, host and port. A host may start with `*.`, for at least one more label; a port may be
// `*`. An empty list, or `*` in it, allows any. No Origin is allowed: browsers always send one.
bool origin_allowed(const std::vector<std::string>& allowed, std::string_view origin);

// For the configuration: a pattern that could never match is refused.
Status check_origin_pattern(std::string_view pattern);

// Is this the address that the request itself went to, as its `Host` says? Clients that are no browsers send that.
bool is_own_address(std::string_view origin, std::string_view host);

}  // namespace parley

#pragma once
// A call of the HTTP API as text: signed as Pusher's SDKs sign.

#include <string>
#include <string_view>

#include "bench/loadgen/options.h"

namespace loadgen {

// POST /apps/{id}{path}, keep-alive.
std::string signed_post(const Options& options, std::string_view path, std::string_view body);

}  // namespace loadgen

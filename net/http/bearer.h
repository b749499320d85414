#pragma once
// `Authorization: Bearer …`: the token of a request, and whether it is the right one. Pure.

#include "net/http/handler.h"

#include <string_view>

namespace parley::net {

// Empty: there is none.
std::string_view bearer_token(const HttpRequest& request);
// Neither the time nor the length of the comparison says anything about the key. An empty key is nobody's.
bool same_key(std::string_view key, std::string_view token);

}  // namespace parley::net

#pragma once
// Of a client's address, the part that shares go by: an IPv4 address, or the /64 of an IPv6 one. Pure.

#include "core/client_origin.h"

#include <string_view>

namespace parley::net {

// What is no address counts as one origin: those that cannot be told apart share.
Origin origin_of(std::string_view address);

}  // namespace parley::net

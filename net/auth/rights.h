#pragma once
// What a token's claims allow. Pure.

#include "net/auth/claims.h"

#include <string_view>

namespace parley::net::auth {

// Public channels need no right. Of the others, in all their forms (private-, presence-, encrypted, cache):
//   own          user.{sub}, and #server-to-user-{sub}
//   domains      domain.{id} for each id
//   admin        admin.{id} for each id; admin.* when all are allowed
//   channels     patterns as in channel rules (core/settings.h): against the name without prefixes, or,
//                when the pattern begins with a prefix itself, against the whole name
bool may_join(const Claims& claims, std::string_view channel_name);

}  // namespace parley::net::auth

#pragma once
// Whom a connection speaks for. A value of its session; that I/O thread.

#include "core/clock.h"
#include "core/user.h"
#include "net/auth/claims.h"

#include <memory>
#include <string>
#include <vector>

namespace parley::net {

struct Identity {
  std::string id;
  IdForm id_form = IdForm::text;
  std::string user_info;
  std::vector<std::string> watchlist;
  std::vector<std::string> watchlist_numbers;  // those of them that the application said as numbers, sorted
  std::unique_ptr<auth::Claims> claims;        // of the connection token in force; null: signed in by a signature
  MonoTime warn_at = kNever;                   // tell the client that its token runs out …
  MonoTime expires_at = kNever;                // … and then it has
};

}  // namespace parley::net

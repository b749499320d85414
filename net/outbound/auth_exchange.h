#pragma once
// How the application is asked whether a client may subscribe, and what its answers mean: one channel a
// call, as Laravel's /broadcasting/auth expects it, or several channels in one. Pure.

#include "core/call.h"
#include "core/settings.h"
#include "net/protocol.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

struct AuthDecision {
  enum class Outcome : std::uint8_t { allowed, denied, unavailable };
  Outcome outcome = Outcome::unavailable;
  std::string channel_data;  // allowed on a presence channel: a JSON object as text; empty: it named no member
  std::string words;         // denied: the application's, may be empty; unavailable: what was wrong, for operators
};

Call auth_call(const AuthSettings& auth, const AuthQuestion& question);
// Of one client; at least one.
Call auth_batch_call(const AuthSettings& auth, const std::vector<AuthQuestion>& questions);

AuthDecision decode_auth(const Answer& answer, std::string_view channel);
// In the order of `channels`.
std::vector<AuthDecision> decode_auth_batch(const Answer& answer, const std::vector<std::string_view>& channels);

// SHA-256 over what tells one client from another; nothing when the headers do not do that.
std::optional<std::string> credentials_hash(const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace parley::net

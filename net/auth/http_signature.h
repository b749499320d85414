#pragma once
// Signed HTTP requests of Pusher's API: what is signed, checking it, and signing for our own tools.
//
// METHOD, path and the decoded, sorted query, joined by line feeds. Checked in Pusher's order: key,
// timestamp, body_md5, signature. Pure but for the crypto contexts of pusher_signature.h.

#include "core/clock.h"
#include "core/result.h"
#include "core/settings.h"
#include "net/text/query.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net::auth {

// The text that is signed; `auth_signature` is left out.
std::string string_to_sign(std::string_view method, std::string_view path, const Query& query);

struct SignedRequest {
  std::string_view method;  // upper case
  std::string_view path;    // as sent, deployment prefix cut off
  std::string_view body;
  std::string_view prefix{};  // of the deployment; who checks takes signatures with and without it
};
// What the signature said, for the replay guard.
struct RequestSignature {
  std::string hex;
  std::int64_t timestamp_seconds = 0;
};
Result<RequestSignature> check_request(const App& app, const SignedRequest& request, const Query& query, WallTime now,
                                       std::chrono::seconds window);

// The whole query string for a request, `auth_signature` included. `parameters` are not encoded.
std::string sign_request(std::string_view key, std::string_view secret, const SignedRequest& request,
                         std::vector<std::pair<std::string, std::string>> parameters, WallTime now);

}  // namespace parley::net::auth

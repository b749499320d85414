#pragma once
// What a connection token says about who connects: read from the JSON of a token whose signature was
// checked before, and written for tokens of our own. docs/connection-tokens.md describes each claim. Pure.

#include "core/clock.h"
#include "core/limits.h"
#include "core/result.h"
#include "core/said_id.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::auth {

struct Claims {
  std::string user_id;                           // sub
  std::string user_info;                         // info: JSON text as the issuer wrote it; empty: none
  std::vector<std::string> domains;              // ids
  bool no_domains = false;                       // the claim is there and empty: the user belongs to none
  std::vector<std::string> admin;                // ids
  bool admin_all = false;                        // `admin` was true
  std::vector<std::string> channels;             // patterns, see rights.h
  std::vector<std::string> watchlist;            // user ids
  std::vector<std::string> watchlist_numbers{};  // those of them that are numbers in the token, each once, sorted
  WallTime issued_at;                            // iat; 0: the token does not say
  WallTime expires;                              // exp; a token within the leeway may be behind it already
  std::string token_id;                          // jti; may be empty
  IdForm id_form = IdForm::text;                 // of user_id

  bool operator==(const Claims&) const = default;
};

// Claims about the token itself: checked, then of no more use.
struct Envelope {
  std::string key_id;                    // kid, of the header
  std::string issuer;                    // iss
  std::vector<std::string> audience;     // aud
  std::optional<WallTime> not_before{};  // nbf
};

struct Payload {
  Claims claims;
  Envelope envelope;  // without the key's id
};

// The error is token_invalid and names the claim.
Result<Payload> read_payload(std::string_view json, const AppLimits& limits);
std::string payload_json(const Claims& claims, const Envelope& envelope);

struct Header {
  std::string algorithm;
  std::string key_id;  // may be empty
};
Result<Header> read_header(std::string_view json);
std::string header_json(std::string_view algorithm, std::string_view key_id);

}  // namespace parley::net::auth

#pragma once
// `parley token`: makes a connection token by hand, or tells what one says. Speaks to no server.

#include "core/clock.h"
#include "core/settings.h"
#include "server/commands/client_target.h"

#include <string>
#include <vector>

namespace parley::server {

struct TokenOptions {
  std::string user_id;
  std::string info;  // JSON
  std::vector<std::string> domains;
  std::vector<std::string> admin;
  bool admin_all = false;
  std::vector<std::string> channels;  // patterns
  std::vector<std::string> watchlist;
  std::string ttl = "1h";
  std::string private_key_file;  // empty: signed with the app's secret
  std::string key_id;
  std::string to_verify;  // empty: make one
  bool json = false;
};

struct MadeToken {
  std::string text;
  WallTime expires;
  std::string refusal;  // why a node with this configuration would refuse it; empty: it would not
};

// `private_key_pem` is what options.private_key_file holds.
Result<MadeToken> make_app_token(const App& app, const TokenOptions& options, std::string_view private_key_pem,
                                 WallTime now);
// Lines for people, or one JSON object.
Result<std::string> describe_token(const App& app, std::string_view token, bool json, WallTime now);

// Prints; returns the exit code.
int token(const ClientOptionsGiven& given, const CommandLine& line, const TokenOptions& options);

}  // namespace parley::server

#pragma once
// One authenticated call of the HTTP API, and the two ways to answer it. Lives until its answer; on the
// connection's I/O thread.

#include "net/auth/http_signature.h"
#include "net/http/handler.h"
#include "net/rest/replay_guard.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

struct RestCall {
  std::shared_ptr<Exchange> exchange;
  SettingsPtr settings;
  const App* app = nullptr;  // in `settings`
  std::string_view route;    // metric label
  std::string channel;       // from the path, decoded; empty on routes without one
  std::string user;          // likewise
  std::string argument;      // the path's other part, decoded: a position, a domain
  Query query;
  bool trusted = false;  // an operator's: there is no signature
  bool by_key = false;   // by an API key of the application: neither, and laravel-echo-server's forms of answers
  auth::RequestSignature signature;
  std::string body;
  std::string idempotency_key;  // of the header

  [[nodiscard]] bool is_signed() const { return !trusted && !by_key; }
  [[nodiscard]] ChannelKey key(std::string_view name) const { return {app->id, name}; }
  [[nodiscard]] ReplayGuard::Bounds guard_bounds() const {
    return {settings->limits.replay_guard_signatures_max, settings->limits.signature_window, repeat()};
  }
  // How long after its first use a signature passes again. Where no replay of a publish is refused, calls that change
  // something else still are, later.
  [[nodiscard]] seconds repeat() const {
    return app->refuse_replays == ReplayRefusal::always ? seconds(0) : settings->limits.signature_repeat;
  }
};
using RestCallPtr = std::shared_ptr<RestCall>;

void respond(const RestCall& call, std::string json);
// `{"error":…,"message":…,"remedy":…}`. `extra`: more JSON fields with a comma in front, or empty.
void respond_error(Exchange& exchange, std::string_view route, const Error& error, std::string_view extra = {});
// The error in a reply that is not what was asked for.
Error error_of(const Reply& reply);

// A whole number of the query; nothing: absent.
Result<std::optional<std::int64_t>> query_number(const Query& query, std::string_view name);
// `limit` of the query; `usual` when absent.
Result<std::size_t> query_limit(const Query& query, std::size_t usual, std::size_t most);

// The names in `info=a,b`, each of which must be in `known`.
Result<std::vector<std::string>> parse_info(std::string_view text, std::initializer_list<std::string_view> known);
bool wants(const std::vector<std::string>& info, std::string_view name);

}  // namespace parley::net

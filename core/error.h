#pragma once
// Everything that can go wrong because of a client, a peer, a disk or a configuration: one table.
//
// Each code has its Pusher code (for `pusher:error` and closes), its HTTP status, a name that appears
// in metrics and logs, and advice for whoever meets it. docs/errors.md has one row for each code; a
// test holds the two together.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace parley {

enum class Errc : std::uint8_t {
  bad_frame,    // not a JSON object, wrong type of a field, binary where text is due
  bad_request,  // HTTP: malformed body, missing field, wrong parameter
  bad_channel_name,
  bad_event_name,
  bad_position,
  unknown_app,
  app_disabled,
  tls_required,
  over_connection_limit,
  path_not_found,
  bad_protocol_version,
  unsupported_protocol_version,
  missing_protocol_version,
  unauthorized,  // signature, key, timestamp, identity
  origin_refused,
  replayed,  // a signed request that was accepted before
  over_capacity,
  reconnect,  // drain: come back, another process or node serves you
  pong_timeout,
  inactive,
  rate_limited,
  watchlist_too_long,
  too_large,
  too_many_channels,
  too_many_members,
  not_subscribed,
  client_events_disabled,
  slow_consumer,
  overloaded,           // a bounded queue inside is full: back off and retry
  storage_unavailable,  // the disk refused; outcome unknown: retry with the same idempotency key
  not_found,
  corrupt,
  newer_schema,
  config_invalid,
  io,
  timeout,
  terminated,        // an operator or the application ended the user's connections
  banned,            // the user may not connect until a time
  kicked,            // the user was taken off the channel
  auth_unavailable,  // the application was asked to authorise and did not answer
  token_invalid,     // a connection token that is refused: its message says why
  token_expired,     // a live connection's token ran out: come back with a new one
  not_leader,        // another node leads the shard: what was asked is to be asked there
  no_quorum,         // a majority of the shard's nodes cannot be reached: nothing durable is acknowledged meanwhile
  internal,
  kCount
};

struct Error {
  Errc code = Errc::internal;
  std::string message;        // for people; never holds secrets
  std::string_view remedy{};  // a literal, where the code's own does not help; empty: the code's
  std::uint64_t leader = 0;   // not_leader: the id of the node that leads, as far as is known; 0: it is not
};

struct ErrorInfo {
  Errc code;
  std::string_view name;  // snake_case, stable: metric label and JSON `error`
  int pusher_code;        // 0: none (JSON null)
  int http_status;
  std::string_view sentence;  // default message
  std::string_view remedy;
};

const ErrorInfo& info(Errc code);
std::span<const ErrorInfo> all_errors();
Error make_error(Errc code);  // with the table's sentence
Error make_error(Errc code, std::string message);

}  // namespace parley

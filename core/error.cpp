#include "core/error.h"

#include "core/check.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace parley {
namespace {

constexpr auto kErrors = std::to_array<ErrorInfo>({
    {Errc::bad_frame, "bad_frame", 4200, 400, "the frame is not a valid protocol message",
     "send one JSON object per text frame with a string `event`"},
    {Errc::bad_request, "bad_request", 0, 400, "the request is malformed", "compare it with docs/http-api.md"},
    {Errc::bad_channel_name, "bad_channel_name", 0, 400, "the channel name is not valid",
     "use letters, digits and _ - = @ , . ; within the configured length"},
    {Errc::bad_event_name, "bad_event_name", 0, 400, "the event name is not valid",
     "use 1 to 200 characters, and no pusher: or pusher_internal: prefix"},
    {Errc::bad_position, "bad_position", 0, 400, "the position is not valid", "send `epoch:offset` as it was received"},
    {Errc::unknown_app, "unknown_app", 4001, 404, "no application has this key or id",
     "compare key and id with the configuration"},
    {Errc::app_disabled, "app_disabled", 4003, 403, "the application is disabled", "set `enabled = true` for the app"},
    {Errc::tls_required, "tls_required", 4000, 403, "the application accepts TLS connections only", "connect with wss"},
    {Errc::over_connection_limit, "over_connection_limit", 4100, 403, "the application is over its connection limit",
     "raise `connections_max` of the app or close connections"},
    {Errc::path_not_found, "path_not_found", 4005, 404, "nothing is served at this path", "connect to /app/{key}"},
    {Errc::bad_protocol_version, "bad_protocol_version", 4006, 400, "the protocol version cannot be read",
     "send protocol=7"},
    {Errc::unsupported_protocol_version, "unsupported_protocol_version", 4007, 400,
     "the protocol version is not supported", "send protocol=5, 6 or 7"},
    {Errc::missing_protocol_version, "missing_protocol_version", 4008, 400, "no protocol version was given",
     "send protocol=7"},
    {Errc::unauthorized, "unauthorized", 4009, 401, "not authorized", "check the key, the secret and what was signed"},
    {Errc::origin_refused, "origin_refused", 4009, 403, "the origin is not allowed for this application",
     "add the page's scheme, host and port to `allowed_origins`"},
    {Errc::replayed, "replayed", 4009, 401, "this signed request was used before",
     "sign each request anew; refuse_replays says how long an equal one may come again"},
    {Errc::over_capacity, "over_capacity", 4100, 503, "the server is over capacity",
     "retry after a second; parley_share_refusals_total says whether one address has as much as it may"},
    {Errc::reconnect, "reconnect", 4200, 503, "the server is going away, reconnect", "reconnect at once"},
    {Errc::pong_timeout, "pong_timeout", 4201, 408, "no pong was received in time",
     "answer pusher:ping with pusher:pong"},
    {Errc::inactive, "inactive", 4202, 408, "the connection was inactive for too long", "send pusher:ping when idle"},
    {Errc::rate_limited, "rate_limited", 4301, 429, "the rate limit was exceeded",
     "send fewer events per second; do not subscribe again to a presence channel whose members you have"},
    {Errc::watchlist_too_long, "watchlist_too_long", 4302, 400, "the watchlist has too many users",
     "shorten the watchlist"},
    {Errc::too_large, "too_large", 0, 413, "the message is too large", "send less data, or raise the limit"},
    {Errc::too_many_channels, "too_many_channels", 0, 400, "too many channels",
     "use fewer channels, or raise the limit"},
    {Errc::too_many_members, "too_many_members", 0, 403, "the presence channel is full",
     "raise `presence_members_max`"},
    {Errc::not_subscribed, "not_subscribed", 0, 400, "the connection is not subscribed to the channel",
     "subscribe first"},
    {Errc::client_events_disabled, "client_events_disabled", 0, 403, "client events are not enabled here",
     "set `client_events = true` for the app, and use a private or presence channel"},
    {Errc::slow_consumer, "slow_consumer", 4100, 503, "the connection reads too slowly", "reconnect and resume"},
    {Errc::overloaded, "overloaded", 4100, 503, "the server is overloaded", "back off and retry"},
    {Errc::storage_unavailable, "storage_unavailable", 4100, 503, "the message could not be stored",
     "retry with the same idempotency key; see the server's log for the disk's error"},
    {Errc::not_found, "not_found", 0, 404, "nothing is here", "check the path"},
    {Errc::corrupt, "corrupt", 0, 500, "stored data is damaged", "restore the data directory from a backup"},
    {Errc::newer_schema, "newer_schema", 0, 500, "the data directory was written by a newer version",
     "run the newer version"},
    {Errc::config_invalid, "config_invalid", 0, 500, "the configuration is not valid", "run `parley check`"},
    {Errc::io, "io", 0, 500, "the system refused an operation", "see the message"},
    {Errc::timeout, "timeout", 4100, 504, "the answer took too long", "retry"},
    {Errc::terminated, "terminated", 4009, 403, "the user's connections were terminated", "sign in again if allowed"},
    {Errc::banned, "banned", 4009, 403, "the user is banned", "wait until the time in the message, or ask an operator"},
    {Errc::kicked, "kicked", 0, 403, "the user was taken off the channel", "subscribe again when it is allowed"},
    {Errc::auth_unavailable, "auth_unavailable", 0, 503, "the application could not be asked",
     "reconnect after a moment; see the server's log for what the application answered"},
    {Errc::token_invalid, "token_invalid", 4009, 401, "the connection token is not valid",
     "see the message; `parley token --verify` tells it too"},
    {Errc::token_expired, "token_expired", 4110, 401, "the connection token has expired", "connect with a new token"},
    {Errc::not_leader, "not_leader", 4100, 503, "another node is responsible for this now", "retry"},
    {Errc::no_quorum, "no_quorum", 4100, 503, "too few nodes can be reached to store the message",
     "retry with the same idempotency key; see which nodes are down"},
    {Errc::internal, "internal", 4200, 500, "an internal error", "report it with the server's log"},
});
static_assert(kErrors.size() == static_cast<std::size_t>(Errc::kCount));

}  // namespace

const ErrorInfo& info(Errc code) {
  const auto& row = kErrors.at(static_cast<std::size_t>(code));
  CHECK(row.code == code);  // the table is in the order of the enum
  return row;
}

std::span<const ErrorInfo> all_errors() { return kErrors; }

Error make_error(Errc code) { return Error{code, std::string(info(code).sentence)}; }
Error make_error(Errc code, std::string message) { return Error{code, std::move(message)}; }

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace parley

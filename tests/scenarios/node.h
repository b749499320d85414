#pragma once
// The node's side of a transcript, for every stage: what a session asks of it, as text, and what it answers or tells,
// from the JSON of an `@` line. Pure.

#include "core/clock.h"
#include "core/request.h"
#include "core/revocations.h"
#include "net/protocol.h"

#include <boost/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::scenarios {

[[noreturn]] void fail(const std::string& what);  // the transcript asks for what is not there

// Fields of an `@` line; absent: empty, 0, false.
std::string text(const boost::json::object& object, std::string_view key, std::string_view otherwise = "");
std::uint64_t number(const boost::json::object& object, std::string_view key);
bool flag(const boost::json::object& object, std::string_view key);
std::string unhex(std::string_view digits);
std::string hex(std::string_view bytes);

Position at(std::uint64_t offset);  // of the one epoch that transcripts know; 0: none
// `45s` or `500ms`.
std::chrono::nanoseconds duration(std::string_view words);
// The day on which the signatures of docs and transcripts were made, plus what was waited.
inline constexpr MonoTime kBegin{seconds(1'000)};
WallTime wall_at(MonoTime now);

std::string describe(const Request& request, WallTime now);
std::string describe(const net::AuthQuestion& question);

// {"user":"42","banned_for":60,"reason":"…"} or {"user":"42","channel":"…","for":60}, or with "tokens_since":0: those
// issued before now.
void block(Revocations& revocations, const boost::json::object& object, WallTime now);

// `publish`, `member_added`, `member_removed`, `count`, `gap`; with "except", the socket that does not get it.
bool is_event(std::string_view what);
ChannelEvent make_event(std::string_view what, const boost::json::object& object);

// `subscribed`, `denied`, `missed`, `published` …; "ticket" says to which question. `id`: of the channel's Subscribe.
Reply make_reply(std::string_view what, const boost::json::object& object, SubscriptionId id);

}  // namespace parley::scenarios

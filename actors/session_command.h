#pragma once
// What is asked about a kept session, as a command to its shard, and what came of it as an answer. Pure.
//
// No channel and no actor of its own stands behind a kept session: the router takes the request to the
// shard's actor, which puts the command into the next log entry.

#include "core/command.h"
#include "core/request.h"
#include "core/settings.h"

#include <optional>

namespace parley::actors {

// Where the session that a KeepSession, TakeSession or DropSession is about lies; nothing: the request
// is of another kind, or its key is none.
std::optional<ChannelKey> place_of_session(const Request& request);

// Takes a KeepSession's record with it; app and key stay, for the answer. Of these three kinds only.
Result<Command> session_command(Request& request, WallTime now, const Settings& settings);
// Whether the asker, or the next process, counts on the disk to have it.
bool session_waits_for_disk(const Request& request);
std::optional<Reply> session_answer(const Request& request, Effect&& effect);

}  // namespace parley::actors

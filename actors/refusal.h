#pragma once
// The answer that says no, in the shape that belongs to each request. Pure.

#include "core/request.h"

#include <optional>

namespace parley::actors {

// Nothing for requests that have no answer (leaving, confirming).
std::optional<Reply> refusal(const Request& request, const Error& error);

// For what is to be asked of another node.
Error not_leader(std::optional<NodeId> leader);

// Leaving is never refused: who is gone is gone, however full the queues are. Nor is being here, as whom and
// how: a session that its user does not know of could not be ended. Nor is a session's last word on what is kept of it.
// Each connection can say it few times only.
bool may_be_refused(const Request& request);

}  // namespace parley::actors

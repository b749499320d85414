#pragma once
// The answer that says no, in the shape that belongs to each request. Pure.

#include "core/request.h"

#include <optional>

namespace parley::actors {

// Nothing for requests that have no answer (leaving, confirming).
std::optional<Reply> refusal(const Request& request, const Error& error);

// Leaving is never refused: who is gone is gone, however full the queues are. Nor is being here: the
// subscription that it follows from was taken.
bool may_be_refused(const Request& request);

}  // namespace parley::actors

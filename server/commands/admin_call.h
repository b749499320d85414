#pragma once
// One call of the admin API, and reading its answer. For the commands alone.

#include "core/json_text.h"
#include "server/commands/client_target.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::server {

// An answer that is no JSON object is an error too. Nothing: it was told already.
std::optional<std::string> admin_call(const AdminTarget& target, std::string_view what, std::string_view method,
                                      const std::string& path, const std::string& body = {});
// A field of an object that admin_call() has checked; empty: absent or null.
std::string_view json_field(std::string_view object, std::string_view name);
// `-` of nothing.
std::string cell_text(std::string_view value);

}  // namespace parley::server

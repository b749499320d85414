#pragma once
// Headers that a client hands over for asking the application, in a CONNECT or subscribe payload, as
// laravel-echo-server takes them: only those on the application's list, and nothing that could end a header early.
// Pure.

#include "core/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net::socketio {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// Of `{"headers":{"Authorization":"Bearer …"}}`. Values that are no strings, too long or hold control characters are
// errors; names that are not listed are left out.
Result<Headers> forwarded_headers(std::string_view object, const std::vector<std::string>& listed);
// Those of `later` count.
void merge_headers(Headers& headers, Headers later);

}  // namespace parley::net::socketio

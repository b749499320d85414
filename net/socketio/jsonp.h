#pragma once
// Polling for browsers that cannot ask other hosts: bodies come as scripts and leave as forms. Pure.

#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::net::socketio {

// `___eio[N]("…");` with the body as a JavaScript string. Besides what JSON escapes: line separators, which end a line
// in older JavaScript, and `<`, so that the text stays harmless where somebody puts it inside a page.
std::string wrap_jsonp(std::string_view body, std::uint32_t index);

// What a JSONP client posts: `d=` and the body, form-encoded. The form would turn line feeds into CR LF, so the client
// writes them as `\n` and puts a further backslash before a `\n` that stood there already; both are undone here.
Result<std::string> unwrap_jsonp_post(std::string_view form);

}  // namespace parley::net::socketio

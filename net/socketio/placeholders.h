#pragma once
// Placeholders for binary data in JSON text: `{"_placeholder":true,"num":N}` stands for the N-th attachment. Pure.
//
// They are read as the clients' parsers read them: of a field that is given twice the last one counts, an object whose
// `_placeholder` is not `true` is ordinary data, and whatever else a placeholder holds is dropped with it.

#include <cstddef>
#include <string_view>

namespace parley::net::socketio {

// Is there a placeholder for binary data anywhere in this JSON text?
bool has_placeholder(std::string_view json);

// Does every placeholder name one of `attachments`: a whole number below it? None at all will do.
bool placeholders_fit(std::string_view json, std::size_t attachments);

}  // namespace parley::net::socketio

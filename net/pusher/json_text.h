#pragma once
// The reader of core/json_text.h under the names by which the protocols know it.

#include "core/json_string.h"
#include "core/json_text.h"

namespace parley::net::pusher {

using parley::append_escaped;
using parley::append_escaped_twice;
using parley::append_if_json;
using parley::append_json_string;
using parley::append_number;
using parley::check_json;
using parley::is_json_integer;
using parley::json_data;
using parley::json_id;
using parley::json_integer;
using parley::json_string;
using parley::JsonArray;
using parley::JsonObject;
using parley::JsonType;
using parley::kDataDepthMax;
using parley::type_of;

}  // namespace parley::net::pusher

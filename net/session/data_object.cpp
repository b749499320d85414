#include "net/session/data_object.h"

#include "net/json/fields.h"

namespace parley::net {

Result<std::string_view> data_object(std::string_view data, std::string& holder, std::size_t depth_max,
                                     std::string_view event) {
  if (data.empty()) return make_error(Errc::bad_frame, fmt::format("`data` of {} is missing", event));
  if (type_of(data) == JsonType::string) {
    holder = json_string(data);
    if (auto checked = check_json(holder, depth_max); !checked) return checked.error();
    data = trimmed(holder);
  }
  if (type_of(data) != JsonType::object)
    return make_error(Errc::bad_frame, fmt::format("`data` of {} must be an object", event));
  return data;
}

}  // namespace parley::net

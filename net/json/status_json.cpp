#include "net/json/status_json.h"

#include "core/json_string.h"
#include "core/json_text.h"

namespace parley::net {

std::string status_json(const UserList& list, WallTime now) {
  std::string data = R"({"users":[)";
  for (const auto& about : list.users) {
    if (data.back() != '[') data.push_back(',');
    data.append(R"({"user_id":)");
    append_id(data, about.user.id, about.record.id_form);
    const auto& record = about.record;
    data.push_back(',');
    append_status(data, record, now);
    data.append(R"(,"user_info":)");
    data.append(record.user_info.empty() ? "null" : record.user_info).append("}");
  }
  data.append(R"(],"next":)");
  append_json_string(data, list.next);
  return data + "}";
}

}  // namespace parley::net

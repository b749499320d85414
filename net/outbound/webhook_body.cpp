#include "net/outbound/webhook_body.h"

#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace parley::net {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(out, value);
}

void append_number(std::string& out, std::string_view name, std::int64_t value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, value);
}

// `data` is a text: the string that the client sent, or the JSON text of anything else. What it left out is left out.
void append_data(std::string& out, std::string_view json) {
  if (json.empty() || json == "null") return;
  const auto start = std::min(json.find_first_not_of(" \t\r\n"), json.size());
  const bool string = type_of(json.substr(start)) == JsonType::string;
  append_text(out, "data", string ? json_data(json.substr(start)) : std::string(json));
}

void append_event(std::string& out, const Notice& notice) {
  const auto kind = notice.kind;
  const bool of_user = (mask_of(kind) & kUserNotices) != 0;
  out.append("{\"name\":");
  append_json_string(out, notice_name(kind));
  if (!of_user) append_text(out, "channel", notice.channel);
  if (!notice.user_id.empty()) {
    out.append(",\"user_id\":");
    append_id(out, notice.user_id, notice.id_form);
  }
  if (kind == NoticeKind::client_event) {
    append_text(out, "event", notice.event);
    append_data(out, notice.data);
  }
  if (notice.socket.exists()) append_text(out, "socket_id", notice.socket.text());
  if (kind == NoticeKind::subscription_count) {
    append_number(out, "subscription_count", static_cast<std::int64_t>(notice.count));
  }
  if (kind == NoticeKind::user_offline) append_number(out, "last_seen", notice.last_seen.ms);
  if (of_user) {
    out.append(",\"domains\":[");
    for (const auto& domain : notice.domains) {
      if (&domain != notice.domains.data()) out.push_back(',');
      append_json_string(out, domain);
    }
    out.push_back(']');
  }
  append_text(out, "id", notice.id);
  append_number(out, "time_ms", notice.time.ms);
  out.push_back('}');
}

}  // namespace

std::string webhook_body(const std::vector<Notice>& notices) {
  CHECK(!notices.empty());
  const auto newest = std::max_element(notices.begin(), notices.end(),
                                       [](const Notice& a, const Notice& b) { return a.time < b.time; });
  auto out = fmt::format("{{\"time_ms\":{},\"events\":[", newest->time.ms);
  for (const auto& notice : notices) {
    if (&notice != notices.data()) out.push_back(',');
    append_event(out, notice);
  }
  out.append("]}");
  return out;
}

}  // namespace parley::net

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/rest/users.h"

namespace parley::net {
namespace {

void append_info(std::string& out, const std::string& info) {
  if (info.empty()) {
    out.append("null");
  } else if (check_json(info, kDataDepthMax).ok()) {
    out.append(info);
  } else {
    append_json_string(out, info);  // never a broken answer, whatever was stored
  }
}

void begin_with_id(std::string& out, const UserAbout& about) {
  out.append(R"({"id":)");
  append_id(out, about.user.id, about.record.id_form);
  out.push_back(',');
}

}  // namespace

void append_strings(std::string& out, const std::vector<std::string>& texts) {
  out.push_back('[');
  for (const auto& text : texts) {
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, text);
  }
  out.push_back(']');
}

void append_status_fields(std::string& out, const UserAbout& about, WallTime now) {
  append_status(out, about.record, now);
  out.append(R"(,"domains":)");
  append_strings(out, about.record.domains);
}

void append_user(std::string& out, const UserAbout& about, WallTime now) {
  begin_with_id(out, about);
  append_status_fields(out, about, now);
  out.append(R"(,"user_info":)");
  append_info(out, about.record.user_info);
  out.push_back('}');
}

void append_user_record(std::string& out, const UserAbout& about, WallTime now) {
  append_user(out, about, now);
  out.pop_back();
  const auto& blocks = about.record.blocks;
  out.append(R"(,"banned":)");
  if (blocks.banned_until.ms > now.ms) {
    out.append(R"({"until":)");
    append_time(out, blocks.banned_until);
    out.append(R"(,"reason":)");
    append_json_string(out, blocks.ban_reason);
    out.push_back('}');
  } else {
    out.append("null");
  }
  out.append(R"(,"kicked":[)");
  for (const auto& one : blocks.channels) {
    if (one.until.ms <= now.ms) continue;
    if (out.back() != '[') out.push_back(',');
    out.append(R"({"channel":)");
    append_json_string(out, one.channel);
    out.append(R"(,"until":)");
    append_time(out, one.until);
    out.push_back('}');
  }
  out.append(R"(],"tokens_since":)");
  append_time(out, blocks.tokens_since);
  out.push_back('}');
}

void append_session(std::string& out, const UserSession& session) {
  out.append(R"({"socket_id":")").append(session.socket.text());
  out.append(R"(","via":")").append(via_name(session.via));
  out.append(R"(","activity":")").append(status_name(session.activity));
  out.append(R"(","channels":)");
  append_strings(out, session.channels);
  out.append(R"(,"address":)");
  append_json_string(out, session.about.address);
  out.append(R"(,"client":)");
  append_json_string(out, session.about.client);
  out.append(R"(,"connected":)");
  append_time(out, session.about.connected);
  out.push_back('}');
}

}  // namespace parley::net

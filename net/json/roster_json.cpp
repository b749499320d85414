#include "net/json/roster_json.h"

#include "core/json_string.h"
#include "core/json_text.h"

namespace parley::net {
namespace {

// A roster, written escaped at once: {"presence":{"ids":[…],"hash":{…},"count":N}}
constexpr std::string_view kRosterIds = R"({\"presence\":{\"ids\":[)";
constexpr std::string_view kRosterHash = R"(],\"hash\":{)";
constexpr std::string_view kRosterCount = R"(},\"count\":)";
constexpr std::string_view kRosterEnd = "}}";

void append_member_id(std::string& out, const Member& member) { append_inner_id(out, member.user_id, member.id_form); }

void append_member_entry(std::string& out, const Member& member) {
  append_inner_string(out, member.user_id);
  out.push_back(':');
  append_info(out, member.user_info);
}

// Of a member in both places, without the commas.
std::size_t member_bytes(const Member& member) {
  if (const auto known = member.wire_bytes.get(); known != 0) return known;
  std::string text;
  append_member_id(text, member);
  append_member_entry(text, member);
  member.wire_bytes.set(static_cast<std::uint32_t>(text.size()));
  return text.size();
}

}  // namespace

// A string of JSON inside `data`, which is a string itself: hence `\"`.
void append_inner_string(std::string& out, std::string_view text) {
  out.append("\\\"");
  append_escaped_twice(out, text);
  out.append("\\\"");
}

void append_inner_id(std::string& out, std::string_view id, IdForm form) {
  if (form == IdForm::number) {
    out.append(id);
  } else {
    append_inner_string(out, id);
  }
}

void append_info(std::string& out, std::string_view user_info) {
  if (user_info.empty()) {
    out.append("null");
  } else {
    append_escaped(out, user_info);
  }
}

bool RosterWriter::next(std::string& out, std::size_t bytes) {
  const auto until = bytes > std::string::npos - out.size() ? std::string::npos : out.size() + bytes;
  const auto& members = roster_.members;
  if (part_ == Part::begin) {
    out.append(kRosterIds);
    part_ = Part::ids;
  }
  for (; part_ == Part::ids && out.size() < until; ++at_) {
    if (at_ == members.size()) {
      out.append(kRosterHash);
      part_ = Part::hash;
      at_ = 0;
      break;
    }
    if (at_ > 0) out.push_back(',');
    append_member_id(out, *members[at_]);
  }
  for (; part_ == Part::hash && out.size() < until; ++at_) {
    if (at_ == members.size()) {
      out.append(kRosterCount);
      append_number(out, members.size());
      out.append(kRosterEnd);
      part_ = Part::end;
      break;
    }
    if (at_ > 0) out.push_back(',');
    append_member_entry(out, *members[at_]);
  }
  return part_ != Part::end;
}

std::size_t roster_bytes(const Roster& roster) {
  std::string count;
  append_number(count, roster.members.size());
  std::size_t bytes = kRosterIds.size() + kRosterHash.size() + kRosterCount.size() + count.size() + kRosterEnd.size();
  for (const auto& member : roster.members) bytes += member_bytes(*member) + 2;  // and a comma in each place
  return roster.members.empty() ? bytes : bytes - 2;
}

void append_roster(std::string& out, const Roster& roster) {
  out.reserve(out.size() + roster_bytes(roster));
  RosterWriter(roster).next(out, std::string::npos);
}

}  // namespace parley::net

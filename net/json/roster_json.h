#pragma once
// A roster and its members as Pusher's protocol writes them: JSON inside of a JSON string, hence `\"`. Pure.

#include "core/request.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::net {

void append_inner_string(std::string& out, std::string_view text);
void append_inner_id(std::string& out, std::string_view id, IdForm form);
void append_info(std::string& out, std::string_view user_info);

// The length of what append_roster() writes; remembered with each member.
std::size_t roster_bytes(const Roster& roster);
// {"presence":{"ids":[…],"hash":{…},"count":N}}
void append_roster(std::string& out, const Roster& roster);

// Writes a roster in pieces.
class RosterWriter {
 public:
  explicit RosterWriter(const Roster& roster) : roster_(roster) {}

  // About so many bytes more. False: that was the last.
  bool next(std::string& out, std::size_t bytes);

 private:
  enum class Part : std::uint8_t { begin, ids, hash, end } part_ = Part::begin;
  const Roster& roster_;
  std::size_t at_ = 0;
};

}  // namespace parley::net

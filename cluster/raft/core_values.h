#pragma once
// Between the values of core/raft_message.h and the plain structs of the core's ABI. For group.cpp alone. Pure.

#include "cluster/raft/core/praft.h"
#include "core/raft_message.h"

#include <string_view>
#include <vector>

namespace parley::cluster::raft {

praft_bytes bytes(std::string_view from);
std::string_view view(praft_bytes from);
praft_entry entry(LogIndex index, Term term, RaftEntryKind kind, std::string_view payload);
RaftEntryView entry_view(const praft_entry& from);
RaftMembership membership(const praft_membership& from);
RaftSnapshot snapshot(const praft_snapshot& from);
RaftMessage message(const praft_message& from);

// A message's view, and what it points to beside the message itself.
class MessageView {
 public:
  explicit MessageView(const RaftMessage& from);
  MessageView(const MessageView&) = delete;
  MessageView& operator=(const MessageView&) = delete;
  [[nodiscard]] const praft_message& get() const { return view_; }

 private:
  praft_message view_{};
  std::vector<praft_entry> entries_;
};

// The ids lie in the values themselves.
praft_membership membership_view(const RaftMembership& from);
praft_snapshot snapshot_view(const RaftSnapshot& from);

}  // namespace parley::cluster::raft

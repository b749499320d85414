#include "cluster/raft/core_values.h"

namespace parley::cluster::raft {
namespace {

// An id is its number and nothing else, so a vector of ids is one of numbers for the ABI.
static_assert(sizeof(ReplicaId) == sizeof(std::uint64_t) && std::is_standard_layout_v<ReplicaId>);

praft_ids ids(const std::vector<ReplicaId>& from) {
  return {from.empty() ? nullptr : &from.front().value, from.size()};
}

std::vector<ReplicaId> ids(praft_ids from) {
  std::vector<ReplicaId> to(from.size);
  for (std::size_t i = 0; i < from.size; ++i) to[i] = ReplicaId{from.data[i]};
  return to;
}

}  // namespace

praft_bytes bytes(std::string_view from) { return {reinterpret_cast<const std::uint8_t*>(from.data()), from.size()}; }

std::string_view view(praft_bytes from) {
  if (from.size == 0) return {};
  return {reinterpret_cast<const char*>(from.data), from.size};
}

praft_entry entry(LogIndex index, Term term, RaftEntryKind kind, std::string_view payload) {
  const std::uint32_t number = kind == RaftEntryKind::change ? PRAFT_CHANGE : PRAFT_COMMAND;
  return {index.value, term.value, number, bytes(payload)};
}

RaftEntryView entry_view(const praft_entry& from) {
  const auto kind = from.kind == PRAFT_CHANGE ? RaftEntryKind::change : RaftEntryKind::command;
  return {LogIndex{from.index}, Term{from.term}, kind, view(from.payload)};
}

RaftMembership membership(const praft_membership& from) {
  return {ids(from.voters), ids(from.learners), ids(from.voters_outgoing), ids(from.learners_next),
          from.auto_leave != 0};
}

praft_membership membership_view(const RaftMembership& from) {
  return {ids(from.voters), ids(from.learners), ids(from.voters_outgoing), ids(from.learners_next),
          static_cast<std::uint8_t>(from.auto_leave)};
}

RaftSnapshot snapshot(const praft_snapshot& from) {
  return {LogIndex{from.index}, Term{from.term}, membership(from.membership), std::string(view(from.data))};
}

praft_snapshot snapshot_view(const RaftSnapshot& from) {
  return {from.index.value, from.term.value, membership_view(from.membership), bytes(from.data)};
}

RaftMessage message(const praft_message& from) {
  RaftMessage to;
  to.kind = static_cast<RaftKind>(from.type);
  to.to = ReplicaId{from.to};
  to.from = ReplicaId{from.from};
  to.term = Term{from.term};
  to.log_term = Term{from.log_term};
  to.index = LogIndex{from.index};
  to.commit = LogIndex{from.commit};
  to.commit_term = Term{from.commit_term};
  to.reject = from.reject != 0;
  to.reject_hint = LogIndex{from.reject_hint};
  to.request_snapshot = LogIndex{from.request_snapshot};
  to.old_priority = from.old_priority;
  to.priority = from.priority;
  to.context = view(from.context);
  to.entries.reserve(from.entry_count);
  for (std::size_t i = 0; i < from.entry_count; ++i) {
    const auto one = entry_view(from.entries[i]);
    to.entries.push_back({one.index, one.term, one.kind, std::string(one.payload)});
  }
  if (from.has_snapshot != 0) to.snapshot = snapshot(from.snapshot);
  return to;
}

MessageView::MessageView(const RaftMessage& from) {
  view_.type = static_cast<std::uint32_t>(from.kind);
  view_.reject = from.reject ? 1 : 0;
  view_.to = from.to.value;
  view_.from = from.from.value;
  view_.term = from.term.value;
  view_.log_term = from.log_term.value;
  view_.index = from.index.value;
  view_.commit = from.commit.value;
  view_.commit_term = from.commit_term.value;
  view_.reject_hint = from.reject_hint.value;
  view_.request_snapshot = from.request_snapshot.value;
  view_.old_priority = from.old_priority;
  view_.priority = from.priority;
  view_.context = bytes(from.context);
  entries_.reserve(from.entries.size());
  for (const auto& one : from.entries) entries_.push_back(entry(one.index, one.term, one.kind, one.payload));
  view_.entries = entries_.data();
  view_.entry_count = entries_.size();
  if (from.snapshot) {
    view_.has_snapshot = 1;
    view_.snapshot = snapshot_view(*from.snapshot);
  }
}

}  // namespace parley::cluster::raft

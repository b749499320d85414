#pragma once
// One Group over a log in memory, driven step by step: what it has ready is taken and written when the test says so.

#include "cluster/raft/group.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster::raft::testing {

inline RaftMembership voters(std::initializer_list<std::uint64_t> ids, std::initializer_list<std::uint64_t> more = {}) {
  RaftMembership members;
  for (const auto id : ids) members.voters.push_back(ReplicaId{id});
  for (const auto id : more) members.learners.push_back(ReplicaId{id});
  return members;
}

// As GroupStore::create() leaves it.
inline StoredGroup founded(std::uint64_t self, const RaftMembership& members) {
  return {ReplicaId{self}, {Term{1}, {}, LogIndex{1}}, LogIndex{1}, Term{1}, LogIndex{1}, LogIndex{1}, members};
}
inline StoredGroup joining(std::uint64_t self) { return {ReplicaId{self}, {}, {}, {}, {}, {}, {}}; }

class Replica final : public LogStorage {
 public:
  explicit Replica(StoredGroup from, GroupConfig config = {}) : stored(std::move(from)), config_(config) { open(); }

  void open() {
    config_.self = stored.self;
    config_.salt = 7;
    auto made = Group::create(config_, stored, *this);
    ASSERT_TRUE(made.ok()) << made.error().message;
    group = std::move(*made);
  }

  // What is ready now: kept as if it was written, applied, and not said to be on the disk.
  Ready take() {
    auto ready = group->ready();
    EXPECT_TRUE(ready.ok());
    if (ready->hard_state) stored.hard_state = *ready->hard_state;
    if (ready->snapshot) {
      log.clear();
      stored.cut = stored.last = stored.applied = ready->snapshot->index;
      stored.cut_term = ready->snapshot->term;
      stored.membership = ready->snapshot->membership;
      EXPECT_TRUE(group->applied(stored.applied));
    }
    if (!ready->entries.empty()) log.erase(log.lower_bound(ready->entries.front().index), log.end());
    for (const auto& entry : ready->entries) {
      log[entry.index] = {entry.index, entry.term, entry.kind, std::string(entry.payload)};
      stored.last = entry.index;
    }
    for (const auto& entry : ready->committed) {
      applied.push_back({entry.index, entry.term, entry.kind, std::string(entry.payload)});
      stored.applied = entry.index;
      if (entry.kind != RaftEntryKind::change) continue;
      const auto members = group->apply_change(entry);
      EXPECT_TRUE(members.ok());
      stored.membership = *members;
    }
    if (!ready->committed.empty()) { EXPECT_TRUE(group->applied(stored.applied)); }
    for (auto& message : ready->messages) sent.push_back(std::move(message));
    for (const auto& read : ready->reads) reads.push_back(read);
    return std::move(*ready);
  }
  void persisted(std::uint64_t number) {
    auto messages = group->persisted(number);
    ASSERT_TRUE(messages.ok()) << messages.error().message;
    for (auto& message : *messages) sent.push_back(std::move(message));
  }
  // Until nothing is ready: everything is written at once.
  void settle() {
    while (group->has_ready()) persisted(take().number);
  }
  void ticks(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(group->tick());
      settle();
    }
  }
  // The messages so far, which are gone from `sent` then.
  std::vector<RaftMessage> taken() { return std::exchange(sent, {}); }

  // A message to it, of a kind.
  RaftMessage to(RaftKind kind, std::uint64_t from, std::uint64_t term) const {
    RaftMessage message;
    message.kind = kind;
    message.from = ReplicaId{from};
    message.to = stored.self;
    message.term = Term{term};
    return message;
  }
  RaftMessage append(std::uint64_t from, std::uint64_t term, std::uint64_t previous, std::uint64_t previous_term,
                     std::vector<std::uint64_t> terms, std::uint64_t commit) const {
    auto message = to(RaftKind::append, from, term);
    message.index = LogIndex{previous};
    message.log_term = Term{previous_term};
    message.commit = LogIndex{commit};
    for (const auto one : terms) {
      message.entries.push_back({LogIndex{++previous}, Term{one}, RaftEntryKind::command, "of " + std::to_string(one)});
    }
    return message;
  }
  // Elects it by the votes of `voters`.
  void lead(std::initializer_list<std::uint64_t> by) {
    ASSERT_TRUE(group->campaign());
    settle();
    for (const auto kind : {RaftKind::request_pre_vote_response, RaftKind::request_vote_response}) {
      for (const auto voter : by) {
        const auto term = group->status().term.value + (kind == RaftKind::request_pre_vote_response ? 1 : 0);
        (void)group->step(to(kind, voter, term));
        settle();
      }
    }
    ASSERT_EQ(group->status().role, Role::leader);
  }
  void acknowledge(std::uint64_t from, std::uint64_t index) {
    auto message = to(RaftKind::append_response, from, group->status().term.value);
    message.index = LogIndex{index};
    ASSERT_TRUE(group->step(message));
    settle();
  }

  Result<std::vector<RaftEntry>> entries(LogIndex from, LogIndex to, std::uint64_t bytes_max) override {
    ++asked;
    if (fails) return make_error(Errc::io);
    std::vector<RaftEntry> found;
    std::uint64_t bytes = 0;
    for (auto at = log.find(from); at != log.end() && at->first < to; ++at) {
      bytes += at->second.payload.size();
      if (bytes > bytes_max && !found.empty()) break;
      found.push_back(at->second);
    }
    if (found.empty()) return make_error(Errc::corrupt);
    return found;
  }
  Result<Term> term(LogIndex index) override {
    if (fails || !log.contains(index)) return make_error(Errc::corrupt);
    return log[index].term;
  }
  Result<RaftSnapshot> snapshot(ReplicaId) override {
    const auto at = log.find(stored.applied);
    const auto of = at == log.end() ? stored.cut_term : at->second.term;
    return RaftSnapshot{stored.applied, of, stored.membership, "the state"};
  }

  StoredGroup stored;
  std::map<LogIndex, RaftEntry> log;
  std::unique_ptr<Group> group;
  std::vector<RaftMessage> sent;
  std::vector<RaftEntry> applied;
  std::vector<ReadDone> reads;
  int asked = 0;
  bool fails = false;

 private:
  GroupConfig config_;
};

// Several of them, with a network that loses nothing unless told.
class Replicas {
 public:
  Replica& add(StoredGroup stored) {
    const auto id = stored.self;
    return *(all[id] = std::make_unique<Replica>(std::move(stored)));
  }
  Replica& operator[](std::uint64_t id) { return *all.at(ReplicaId{id}); }
  // Until nobody says anything any more.
  void talk() {
    for (bool said = true; said;) {
      said = false;
      for (auto& [id, replica] : all) {
        replica->settle();
        for (auto& message : replica->taken()) {
          const auto to = all.find(message.to);
          if (to == all.end() || to->first == cut || id == cut) continue;
          said = true;
          if (message.kind == RaftKind::snapshot) (void)replica->group->report_snapshot(message.to, true);
          (void)to->second->group->step(message);
          to->second->settle();
        }
      }
    }
  }
  void ticks(int count) {
    for (int i = 0; i < count; ++i) {
      for (auto& [id, replica] : all) EXPECT_TRUE(replica->group->tick());
      talk();
    }
  }
  std::map<ReplicaId, std::unique_ptr<Replica>> all;
  ReplicaId cut;  // nobody hears it, and it hears nobody
};

}  // namespace parley::cluster::raft::testing

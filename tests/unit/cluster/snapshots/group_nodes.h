#pragma once
// Nodes with one replica each of one shard, which lead, follow, and copy its state from each other as an owner of
// groups is to do it. Virtual time; messages arrive in order and whole, where there is a link.

#include "cluster/raft/group_set.h"
#include "cluster/snapshots/snapshot_fetch.h"
#include "cluster/snapshots/snapshot_source.h"
#include "storage/memory_store.h"
#include "tests/unit/cluster/snapshots/shard.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace parley::cluster::snapshots::testing {

using Said = std::variant<RaftMessage, SnapshotAsk, SnapshotPart>;

class GroupNode final : public raft::GroupOwner {
 public:
  using Send = std::function<void(ReplicaId to, Said said)>;
  // Every entry that is committed here, applied or not.
  std::function<void(const RaftEntryView& entry)> committed;

  struct Config {
    raft::GroupSetConfig logs{};
    SnapshotSourceConfig source{};
    SnapshotFetchConfig fetch{};
  };

  GroupNode(ReplicaId self, Config config, Send send) : self_(self), config_(config), send_(std::move(send)) {}

  // What a command leaves.
  static Rows::value_type row(ShardId shard, LogIndex index, std::string_view command) {
    const auto at = command.find('=');
    return {{index.value % 2 == 0 ? Family::history : Family::state, key_of(shard, command.substr(0, at))},
            std::string(command.substr(at + 1))};
  }

  // Its first record; then start().
  void create(const RaftMembership& members) {
    raft::GroupStore groups(store_);
    WriteBatch batch;
    groups.create(kShard, self_, members, {}, batch);
    write(store_, batch);
  }
  void start(MonoTime now) {
    now_ = now;
    dice_.emplace(self_.value);
    groups_.emplace(store_);
    source_.emplace(config_.source, store_, *dice_);
    fetch_.emplace(config_.fetch, store_);
    set_.emplace(config_.logs, *groups_, *this);
    raft::GroupConfig config;
    config.shard = kShard;
    config.salt = self_.value;
    ASSERT_TRUE(set_->open(config).ok());
    applied_ = group().status().applied;
    ASSERT_TRUE(fetch_->load(kShard, now_).ok());
    turn();
  }
  // The process dies; what was written stays.
  void stop() {
    set_.reset();
    fetch_.reset();
    source_.reset();
  }
  [[nodiscard]] bool up() const { return set_.has_value(); }
  raft::Group& group() { return *set_->group(kShard); }
  SnapshotFetch& fetch() { return *fetch_; }
  SnapshotSource& source() { return *source_; }
  storage::Store& store() { return store_; }
  [[nodiscard]] std::uint64_t restores() const { return restores_; }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  [[nodiscard]] LogIndex applied() const { return applied_; }

  void propose(const std::string& key, const std::string& value) {
    (void)group().propose(key + "=" + value);
    turn();
  }

  void on(Said said) {
    if (auto* message = std::get_if<RaftMessage>(&said)) on_raft(*message);
    if (auto* ask = std::get_if<SnapshotAsk>(&said)) source_->ask(*ask, now_);
    if (auto* part = std::get_if<SnapshotPart>(&said)) {
      WriteBatch batch;
      (void)fetch_->part(*part, now_, batch);
      write(store_, batch);
    }
    turn();
  }
  void tick() {
    set_->tick();
    if (fetch_->stuck(kShard)) (void)group().want_snapshot(true);
    turn();
  }
  void move(MonoTime now) {
    now_ = now;
    auto parts = source_->take(now_);
    for (const auto& report : source_->take_reports()) (void)group().report_snapshot(report.to, report.arrived);
    for (auto& part : parts) send_(part.to, std::move(part));
    for (auto& ask : fetch_->take_asks(now_)) send_(ask.to, std::move(ask));
    (void)fetch_->take_given_up();
    set_->keep_log(kShard, source_->log_needed(kShard, now_));
    turn();
  }

 private:
  void on_raft(const RaftMessage& message) {
    if (message.kind == RaftKind::append && fetch_->restoring(kShard)) return;
    if (message.kind == RaftKind::snapshot) {
      if (group().would_restore(message)) {
        WriteBatch batch;
        const auto begun = fetch_->begin(kShard, message, now_, batch);
        ASSERT_TRUE(begun.ok()) << begun.error().message;
        if (!batch.empty()) ++begun_;
        (void)group().want_snapshot(false);
        write(store_, batch);
        return;
      }
      fetch_->not_needed(kShard, message);
    }
    set_->step(kShard, message);
  }

  // What is ready, all that comes of it, and the state that may be all here.
  void turn() {
    const auto now = group().status();
    if (const auto message = fetch_->ready(kShard, {now.term, now.leader, now.applied})) {
      WriteBatch batch;
      if (group().would_restore(*message) || !fetch_->reached(kShard, now.applied, batch)) set_->step(kShard, *message);
      write(store_, batch);
    }
    while (auto turn = set_->turn()) {
      if (turn->restored) turn->batch.append(std::move(turn->results));
      write(store_, turn->results);
      write(store_, turn->batch);
      set_->written(turn->number);
    }
  }

  // ---- GroupOwner ----

  void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) override {
    applied_ = entry.index;
    if (committed) committed(entry);
    if (!fetch_->applies(shard, entry.index, batch) || entry.payload.empty()) return;
    auto [place, value] = row(shard, entry.index, entry.payload);
    batch.put(place.first, std::move(place.second), std::move(value));
  }
  void restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) override {
    ++restores_;
    ASSERT_TRUE(fetch_->restored(shard, snapshot, batch).ok());
    applied_ = snapshot.index;
  }
  Result<std::string> snapshot(ShardId shard, ReplicaId to) override {
    return source_->offer(shard, self_, to, applied_, now_);
  }
  void on_membership(ShardId, LogIndex index, const RaftMembership&, const raft::Change*, WriteBatch&) override { applied_ = std::max(applied_, index); }
  void on_role(ShardId, raft::Role, Term, ReplicaId) override {}
  void on_read(ShardId, const raft::ReadDone&) override {}
  void send(ShardId, RaftMessage message) override { send_(message.to, std::move(message)); }
  void on_broken(ShardId, const Error& error) override { FAIL() << self_.value << ": " << error.message; }

  const ReplicaId self_;
  const Config config_;
  const Send send_;
  storage::MemoryStore store_;
  std::optional<SeededRandom> dice_;
  std::optional<raft::GroupStore> groups_;
  std::optional<SnapshotSource> source_;
  std::optional<SnapshotFetch> fetch_;
  std::optional<raft::GroupSet> set_;
  MonoTime now_{};
  LogIndex applied_;
  std::uint64_t restores_ = 0;
  std::uint64_t begun_ = 0;
};

class GroupNodes {
 public:
  explicit GroupNodes(std::map<std::uint64_t, GroupNode::Config> nodes) {
    for (const auto& [id, config] : nodes) {
      nodes_[id] = std::make_unique<GroupNode>(ReplicaId{id}, config, [this, from = id](ReplicaId to, Said said) {
        if (!linked(from, to.value) || (hold && !hold(from, said))) return;
        on_way_.emplace(round_ + (delay ? delay() : 0), std::pair(to.value, std::move(said)));
      });
      nodes_[id]->committed = [this](const RaftEntryView& entry) {
        const auto [at, first] = log_.emplace(entry.index, entry.payload);
        ASSERT_EQ(at->second, entry.payload) << "two values at index " << entry.index.value;
      };
    }
  }
  GroupNode& operator[](std::uint64_t id) { return *nodes_.at(id); }

  void found(const RaftMembership& members) {
    for (auto& [id, node] : nodes_) node->create(members.has(ReplicaId{id}) ? members : RaftMembership{});
    for (auto& [id, node] : nodes_) node->start(now_);
  }
  void cut(std::uint64_t id) { cut_.insert(id); }
  void mend(std::uint64_t id) { cut_.erase(id); }
  void stop(std::uint64_t id) { nodes_.at(id)->stop(); }
  void start(std::uint64_t id) { nodes_.at(id)->start(now_); }
  // Whether something leaves its node; and how many rounds later.
  std::function<bool(std::uint64_t from, const Said& said)> hold;
  std::function<std::uint64_t()> delay;

  // Until it holds; false: not within two simulated minutes.
  bool until(const std::function<bool()>& holds) {
    for (int rounds = 0; rounds < 12'000; ++rounds) {
      if (holds()) return true;
      now_ += milliseconds(10);
      for (auto& [id, node] : nodes_) {
        if (node->up()) node->move(now_);
      }
      // What is said meanwhile arrives in the next round.
      const auto due = round_++;
      while (!on_way_.empty() && on_way_.begin()->first <= due) {
        auto [to, said] = std::move(on_way_.begin()->second);
        on_way_.erase(on_way_.begin());
        if (nodes_.at(to)->up()) nodes_.at(to)->on(std::move(said));
      }
      for (auto& [id, node] : nodes_) {
        if (node->up() && round_ % 10 == 0) node->tick();
      }
      if (::testing::Test::HasFatalFailure()) return false;
    }
    return holds();
  }
  void pass(milliseconds time) {
    const auto end = now_ + time;
    EXPECT_TRUE(until([&] { return now_ >= end; }));
  }
  bool lead(std::uint64_t id) {
    auto next = now_;
    return until([&] {
      auto& group = (*this)[id].group();
      if (group.status().role == raft::Role::leader) return group.status().term_committed;
      if (now_ >= next) {
        (void)group.campaign();
        next = now_ + milliseconds(500);
      }
      return false;
    });
  }
  // What the log makes of the state up to what the node has applied.
  [[nodiscard]] Rows told_by_log(std::uint64_t id) {
    Rows rows;
    for (const auto& [index, command] : log_) {
      if (index > (*this)[id].applied() || command.empty()) continue;
      auto [place, value] = GroupNode::row(kShard, index, command);
      rows[place] = std::move(value);
    }
    return rows;
  }
  std::optional<std::uint64_t> leader() {
    for (auto& [id, node] : nodes_) {
      if (!cut_.contains(id) && node->up() && node->group().status().role == raft::Role::leader) return id;
    }
    return std::nullopt;
  }
  bool same(std::uint64_t a, std::uint64_t b) {
    return until([&] {
      return (*this)[a].applied() == (*this)[b].applied() && !(*this)[b].fetch().restoring(kShard) &&
             state_of((*this)[a].store()) == state_of((*this)[b].store());
    });
  }

 private:
  [[nodiscard]] bool linked(std::uint64_t a, std::uint64_t b) const { return !cut_.contains(a) && !cut_.contains(b); }

  std::map<std::uint64_t, std::unique_ptr<GroupNode>> nodes_;
  std::set<std::uint64_t> cut_;
  std::multimap<std::uint64_t, std::pair<std::uint64_t, Said>> on_way_;  // by the round in which it arrives
  std::uint64_t round_ = 0;
  std::map<LogIndex, std::string> log_;
  MonoTime now_{seconds(1'000)};
};

}  // namespace parley::cluster::snapshots::testing

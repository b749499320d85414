#pragma once
// This node among others: how they reach it, who they are, and which cluster they are together. Off where the
// configuration names no cluster: then it is the only row of its own list.
//
// Owned by server/node, which calls it on its thread; what is told of members comes on theirs, and the list is for any
// thread. Nodes know each other by it; channels are not shared by that alone.

#include "cluster/charter.h"
#include "cluster/membership/membership.h"
#include "core/mutex.h"
#include "net/http/health.h"
#include "server/backend.h"
#include "server/config/config.h"
#include "server/env.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

class OtherNodes final : private cluster::MemberListener {
 public:
  // All that is given outlives it.
  OtherNodes(const Env& env, const Config& config, Backend& backend);
  ~OtherNodes() override;
  OtherNodes(const OtherNodes&) = delete;
  OtherNodes& operator=(const OtherNodes&) = delete;

  // Before the backend's open(): gives `env` a way to open the transport, where there is to be one and it has none.
  void prepare(Env& env);
  // Between the backend's open() and meet_others().
  Status open();
  void start();  // after meet_others()
  // The others are told that this node goes, so that none waits for it. Before the backend's leave_others().
  void leave();
  void stop();
  // First thing when the process is to end: what it leads goes to others, which are told that it is about to stop. At
  // most so long. Where nobody else is there, or one thread runs everything, it does not wait.
  void hand_over(milliseconds at_most);
  void reload(const Config& config);

  [[nodiscard]] std::string list_json() const;  // GET /admin/nodes
  // POST /admin/nodes/…: a node by its name or its id. Answers JSON.
  Result<std::string> drain(std::string_view node, bool drain);
  Result<std::string> remove(std::string_view node);
  // Why this node is not to be stopped now; thread-safe.
  [[nodiscard]] std::optional<net::NeedsNode> reason_not_to_stop() const;
  [[nodiscard]] std::optional<std::string> reason_not_ready() const;  // it waits for the nodes that are expected

 private:
  void on_member_up(const ClusterMember& member) override {
    learn(member);
    show_members();
  }
  void on_member_changed(const ClusterMember& member) override {
    learn(member);
    show_members();
  }
  void on_member_suspect(const ClusterMember&) override { show_members(); }
  void on_member_cleared(const ClusterMember&) override { show_members(); }
  void on_member_dead(const ClusterMember&) override { show_members(); }
  void on_member_left(const ClusterMember&) override { show_members(); }
  void on_own_charter(const Charter& charter) override;
  void on_superseded() override;

  Result<std::unique_ptr<cluster::Transport>> open_transport(const NodeAddress& self);
  Status before_first_write();
  void show_members();                      // to the placement of replicas
  void learn(const ClusterMember& member);  // what it says of what is to become of nodes
  void end_process() const;
  void keep_removed();
  [[nodiscard]] Result<ClusterMember> find_member(std::string_view node) const;
  Status keep(const Charter& charter, bool gives_up = false) PARLEY_REQUIRES(charter_mutex_);
  // Whether what is here is to be given up.
  bool begin_cluster(const Charter& charter) PARLEY_REQUIRES(charter_mutex_);
  void look(NodeRecord& own);
  [[nodiscard]] NodeRecord record() const;

  const Env& env_;
  const ClusterConfig config_;
  Backend& backend_;
  std::atomic<std::uint64_t> digest_;
  cluster::Transport* transport_ = nullptr;  // the backend's; null: the node is alone
  std::uint16_t shard_count_;
  Mutex charter_mutex_;  // around the write: the latest one stays
  bool unwritten_ PARLEY_GUARDED_BY(charter_mutex_) = false;
  ClusterId cluster_ PARLEY_GUARDED_BY(charter_mutex_);      // whose replicas are here, or come
  bool own_data_ PARLEY_GUARDED_BY(charter_mutex_) = false;  // it brought or wrote some
  bool founder_ PARLEY_GUARDED_BY(charter_mutex_) = false;
  mutable Mutex intents_mutex_;  // a leaf
  bool draining_ PARLEY_GUARDED_BY(intents_mutex_) = false;
  bool ending_ PARLEY_GUARDED_BY(intents_mutex_) = false;               // the process is; no order counts any more
  std::int64_t order_at_ PARLEY_GUARDED_BY(intents_mutex_) = 0;         // of the latest order to this process
  std::vector<DrainOrder> orders_ PARLEY_GUARDED_BY(intents_mutex_);    // to others, given here
  std::vector<RemovedNode> removed_ PARLEY_GUARDED_BY(intents_mutex_);  // as known here
  bool removed_unwritten_ PARLEY_GUARDED_BY(intents_mutex_) = false;    // the worker of the members writes it
  std::unique_ptr<cluster::Membership> members_;                        // null: the node is alone
  std::atomic<cluster::Membership*> ready_{nullptr};                    // the same, for other threads
  std::atomic<bool> wrote_early_{false};                                // while the node was being opened
};

}  // namespace parley::server

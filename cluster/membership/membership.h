#pragma once
// Who is in the cluster: the rules of swim.h with a thread, a clock and links to speak through.
//
// One worker, `members`, takes what came in, runs what is due, sends, and tells the listeners; a simulation steps it.
// The rules are guarded by a mutex all the same, so that who asks who is there, or says that there is data now, need
// not wait for that worker. Owned by server/node; outlived by peers, transport and listeners.

#include "cluster/membership/node_list.h"
#include "cluster/membership/swim.h"
#include "cluster/peers.h"
#include "cluster/transport.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/worker.h"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace parley::cluster {

// Told on the worker's thread, one after another, in the order in which it was believed: hand over, do not work. May
// call Membership. Of a node that was started again it is told that the process before is dead, then that the new one
// is up.
class MemberListener {
 public:
  virtual ~MemberListener() = default;
  virtual void on_member_up(const ClusterMember& member) = 0;  // new, or it was held for dead and lives
  virtual void on_member_suspect(const ClusterMember& member) = 0;
  virtual void on_member_cleared(const ClusterMember& member) = 0;  // suspected no more
  virtual void on_member_dead(const ClusterMember& member) = 0;
  virtual void on_member_left(const ClusterMember& member) = 0;
  virtual void on_member_changed(const ClusterMember& /*member*/) {}  // what it says of itself
  // The node's own: it has an id now, or another one, or there is data in its cluster. To be stored before anything
  // else is made of it.
  virtual void on_own_charter(const Charter& charter) = 0;
  // There is a later process of this node, as of a copied data directory: this one is to end.
  virtual void on_superseded() = 0;
};

struct MembershipConfig {
  // What changes of the own record: asked for so often, on the worker's thread. May be empty.
  std::function<void(NodeRecord&)> look;
  milliseconds look_every{2'000};
  std::vector<PeerPlace> seeds;  // dialed always, beside the members
  SwimTiming timing{};
  ClusterLimits limits{};
};

class Membership final : public GossipListener, private Worker {
 public:
  // `own`: what to say of this process, with the charter that the store has and how many nodes are expected. `random`
  // is used by more than one thread, one after another.
  Membership(NodeAddress self, NodeRecord own, MembershipConfig config, Peers& peers, Transport& transport,
             const Clock& clock, Random& random, Metrics& metrics, Executor& executor);
  ~Membership() override { stop(); }

  // Before start().
  void add_listener(MemberListener& listener) { listeners_.push_back(&listener); }
  // Once, after the transport. Peers has to know this as its listener before the transport starts.
  void start();
  // From then on nothing is said or told. Others find out by themselves, unless leave() came before.
  void stop();

  // ---- thread-safe ----

  // Revision, charter and the clock's offset of it do not count.
  void set_own(NodeRecord own);
  void look_again();  // at the own record, now: MembershipConfig::look
  // To be called before the first data is written, with what to store: from then on the node stays in that cluster.
  Charter set_data();
  [[nodiscard]] Charter charter() const;
  [[nodiscard]] bool made_cluster() const;  // this process made its id
  // Tells everybody, and waits until each has answered, at most so long: whether each has. From then on this process is
  // no member any more. Where one thread runs everything it does not wait.
  bool leave(milliseconds at_most);
  [[nodiscard]] MemberView members() const;

  void on_gossip(const NodeAddress& from, Gossip gossip) override;
  void on_link_up(const NodeAddress& peer) override;
  void on_link_down(const NodeAddress& peer) override;
  void on_link_closed(const NodeAddress& peer) override;
  void on_link_refused(const std::string& why) override;

 private:
  struct LinkUp {};
  struct LinkDown {};
  struct LinkClosed {};
  struct Input {
    NodeAddress from;
    std::variant<Gossip, LinkUp, LinkDown, LinkClosed> what;
  };

  std::chrono::nanoseconds step(bool time_over) override;
  void put(Input input);
  void take(const Input& input, Instant now) PARLEY_REQUIRES(mutex_);
  void note_refused(const std::string& why) PARLEY_REQUIRES(mutex_);
  std::vector<PeerPlace> places() const PARLEY_REQUIRES(mutex_);
  void measure() PARLEY_REQUIRES(mutex_);
  void tell(const MemberEvent& event);
  [[nodiscard]] Instant now() const { return {clock_.now(), clock_.wall()}; }

  Peers& peers_;
  Transport& transport_;
  const Clock& clock_;
  Metrics& metrics_;
  const bool single_thread_;
  const MembershipConfig config_;
  std::vector<MemberListener*> listeners_;
  mutable Mutex mutex_;  // before inbox_mutex_; nothing foreign is called with either
  Swim swim_ PARLEY_GUARDED_BY(mutex_);
  std::deque<std::pair<MonoTime, std::string>> refused_ PARLEY_GUARDED_BY(mutex_);  // when it was said last, and why
  SwimCounts counted_ PARLEY_GUARDED_BY(mutex_);                                    // as far as metrics have it
  CondVar answered_;                                                                // leave() waits
  Mutex inbox_mutex_;                                                               // a leaf
  std::vector<Input> inbox_ PARLEY_GUARDED_BY(inbox_mutex_);
  std::vector<PeerPlace> dialed_;  // the worker's
  MonoTime look_at_{};             // the same
  std::atomic<bool> look_now_{false};
  std::unique_ptr<Running> running_;
};

}  // namespace parley::cluster

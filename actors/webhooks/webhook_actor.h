#pragma once
// Delivers stored notices to their targets: one WebhookQueue for each, posts by the WebhookSender, tells
// the shards what became of each notice. One actor for a node; what it knows is in the shards too, so that
// a crash at any moment loses nothing and at most repeats what was not yet settled.
//
// A target that is not configured any more keeps its queue as long as it has notices: they are listed, and
// go out when it comes back.

#include "actors/actor_context.h"
#include "actors/messages.h"
#include "actors/one_tick.h"
#include "actors/webhooks/webhook_queue.h"

#include <caf/all.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace parley::actors {

// To itself, from the threads that did what it asked for.
struct NoticesRead {
  std::string target;
  WebhookBatchId batch;
  Result<std::vector<std::pair<NoticeRef, Notice>>> notices;
};
struct NoticesPosted {
  std::string target;
  WebhookBatchId batch;
  WebhookOutcome outcome;
};
struct DeadRead {
  std::uint64_t replay = 0;
  Result<std::vector<cluster::StoredDead>> page;
};

class WebhookActor final : public caf::event_based_actor {
 public:
  WebhookActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;

 private:
  // A request on its way: being read, or with the target.
  struct Sending {
    std::vector<NoticeRef> rows;
    std::uint32_t attempt = 1;
    WallTime oldest;                        // of its notices
    std::optional<MonoTime> read_again_at;  // the store refused to read
  };
  struct Target {
    Target(const std::string& name, WebhookQueueConfig config, const Metrics& metrics);
    WebhookQueue queue;
    bool configured = false;
    bool enabled = false;
    std::string app;  // these two as they were when it was last configured
    std::string url;
    std::map<WebhookBatchId, Sending> sending;
    std::uint64_t delivered = 0;
    std::map<ShardId, std::uint64_t> dead;  // letters, in each shard
    [[nodiscard]] std::uint64_t dead_count() const;
    std::string last_failure;
    bool down = false;
    Gauge waiting_gauge, dead_gauge;
    Counter delivered_counter, failures_counter;
  };
  // What a shard is still to be told. One command is on its way at a time, the others gather behind it.
  struct Settling {
    std::deque<std::uint64_t> delivered;
    std::deque<SettleNotices::Dead> dead;
    std::optional<CommandToken> token;
    SettleNotices on_its_way;
  };
  // A ReplayNotices that is being carried out: first all its letters are found, then shards are told.
  struct Replay {
    ReplyTo from;
    std::string target;
    bool all = true;
    bool drop = false;
    std::set<std::string> ids;
    std::map<ShardId, std::vector<std::uint64_t>> found;
    std::size_t commands = 0;  // proposed and not answered
    std::uint64_t count = 0;
    std::optional<Error> error;
  };
  struct Early {
    Term term;
    std::vector<NoticesStored> stored;
  };
  struct ReplayPart {
    std::uint64_t replay = 0;
    ShardId shard;
    std::uint64_t count = 0;
  };

  void configure();
  Target& target(const std::string& name);
  void stored(const NoticesStored& message);
  void found(NoticesFound& message);
  void let_go_of(ShardId shard);  // it is led elsewhere
  void after_each();
  void pump(const std::string& name, Target& target);
  void read(const std::string& name, WebhookBatchId batch, const Sending& sending);
  void post(NoticesRead& message);
  void posted(const NoticesPosted& message);
  void failed(const std::string& name, Target& target, WebhookBatchId batch, const WebhookOutcome& outcome);
  void settle(ShardId shard);
  void propose(ShardId shard, CommandToken token, const SettleNotices& what);
  void applied(CommandToken token);
  void refused(CommandToken token, const Error& error);
  void answer(Request& request);
  [[nodiscard]] WebhookList list(const std::string& app) const;
  void list_dead(const ReplyTo& from, const ListDeadNotices& ask);
  void begin_replay(const ReplyTo& from, const ReplayNotices& ask);
  void read_dead(std::uint64_t id, const Replay& replay, NoticeRef after);
  void dead_read(DeadRead& message);
  void propose_replay(std::uint64_t id, Replay& replay);
  void end_replay(std::uint64_t id);
  const ChannelKey& place_in(ShardId shard);
  void schedule();

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  SettingsPtr settings_;
  std::map<std::string, Target, std::less<>> targets_;
  std::map<ShardId, std::uint64_t> newest_;  // row that is known, of each shard
  std::set<ShardId> led_;                    // here: of others nothing is sent or settled
  std::map<ShardId, Early> early_;           // of shards whose earlier rows are not found yet
  std::map<ShardId, Settling> settling_;
  std::map<CommandToken, ShardId> settle_tokens_;
  std::set<ShardId> refused_shards_;  // are told again at settle_again_at_
  std::optional<MonoTime> settle_again_at_;
  std::map<std::uint64_t, Replay> replays_;
  std::map<CommandToken, ReplayPart> replay_tokens_;
  std::uint64_t next_replay_ = 1;
  CommandToken next_token_ = 1;
  std::map<ShardId, ChannelKey> places_;
  std::uint64_t next_place_ = 0;
  OneTick tick_;
};

}  // namespace parley::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NoticesRead)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NoticesPosted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::DeadRead)

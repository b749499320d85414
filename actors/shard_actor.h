#pragma once
// One shard's door: gathers the commands of many channels into one log entry while the entry before
// is on its way to the disk, and tells each channel its effects. Never blocks; the log thread does.

#include "actors/actor_context.h"
#include "actors/messages.h"

#include <caf/all.hpp>

#include <deque>
#include <unordered_map>

namespace parley::actors {

class ShardActor final : public caf::event_based_actor {
 public:
  ShardActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, ShardId shard,
             std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;

 private:
  struct Origin {
    caf::actor channel;
    CommandToken token = 0;
  };
  void take(Propose& proposal);
  void propose_waiting();
  void applied(EntryApplied& message);
  void forward_notices(Effect& effect);
  void refused(const std::vector<Origin>& origins, const Error& error);

  std::shared_ptr<ActorContext> context_;
  ShardId shard_;
  std::shared_ptr<ActorStats> stats_;
  SettingsPtr settings_;
  bool gathering_ = false;       // a Gathered is in our mailbox
  std::deque<Propose> waiting_;  // bounded by shard_pending_commands_max
  std::unordered_map<cluster::EntryToken, std::vector<Origin>> in_flight_;
  cluster::EntryToken next_entry_ = 1;
};

}  // namespace parley::actors

#pragma once
// One shard's door: gathers the commands of many channels into one log entry while the entry before
// is on its way to the disk, and tells each channel its effects. Commands of kept sessions it makes itself,
// and answers who asked. Never blocks; the log thread does.

#include "actors/actor_context.h"
#include "actors/messages.h"

#include <caf/all.hpp>

#include <deque>
#include <memory>
#include <unordered_map>

namespace parley::actors {

class ShardActor final : public caf::event_based_actor {
 public:
  ShardActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, ShardId shard,
             std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  struct Origin {
    caf::actor channel;
    CommandToken token = 0;
    std::unique_ptr<Request> asked;  // about a kept session: nobody else proposed it, we answer
  };
  struct Waiting {
    Origin origin;
    Command command;
    WaitForDisk wait = WaitForDisk::yes;
  };
  void take(Waiting waiting);
  void take(Request&& request);
  void propose_waiting();
  void applied(EntryApplied& message);
  void forward_notices(Effect& effect);
  void refuse(const Origin& origin, const Error& error);

  std::shared_ptr<ActorContext> context_;
  ShardId shard_;
  std::shared_ptr<ActorStats> stats_;
  SettingsPtr settings_;
  bool leading_ = false;
  std::optional<NodeId> leader_;  // while another node leads, as far as is known
  bool gathering_ = false;        // a Gathered is in our mailbox
  std::deque<Waiting> waiting_;   // bounded by shard_pending_commands_max
  std::unordered_map<cluster::EntryToken, std::vector<Origin>> in_flight_;
  cluster::EntryToken next_entry_ = 1;
};

}  // namespace parley::actors

#pragma once
// The shell around one Channel: receives messages, calls the rules, sends what follows. One for each
// awake channel, on the node that leads the channel's shard; the router owns the handle. When nothing
// would be lost it asks the router to let it sleep; its state is in the shard.

#include "actors/actor_context.h"
#include "actors/channel/channel.h"
#include "actors/messages.h"
#include "actors/one_tick.h"

#include <caf/all.hpp>

namespace parley::actors {

class ChannelActor final : public caf::event_based_actor, private ChannelPort {
 public:
  ChannelActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, ChannelKey key,
               std::shared_ptr<ActorStats> stats);
  ~ChannelActor() override;
  caf::behavior make_behavior() override;

 private:
  void reply(Reply reply) override;
  void tell(const SessionAddress& hub, const ChannelEventPtr& event) override;
  [[nodiscard]] NodeAddress here() const override { return context_->self; }
  void tell(const NodeAddress& node, std::vector<HubId> hubs, const ChannelEventPtr& event) override;
  void propose(Command command, CommandToken token, WaitForDisk wait) override;
  void read_history(GetHistory query, std::uint64_t read) override;
  Result<std::shared_ptr<const void>> reserve(Origin origin, std::size_t bytes, std::uint64_t read) override;
  void read_cursor(const std::string& client_id, std::uint64_t read) override;
  void open() override;
  std::uint64_t random() override { return context_->random.next(); }
  std::string notice_id() override { return context_->notice_id(); }
  Status may_join(const std::string& user_id) override;
  VisitMemory& visits() override { return context_->visits; }

  void schedule();  // after each message: the next tick, if it is not coming already
  bool asks_for_sleep();
  [[nodiscard]] MonoTime now() const { return context_->clock.now(); }
  [[nodiscard]] WallTime wall() const { return context_->clock.wall(); }

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  ChannelKey key_;
  std::chrono::seconds idle_time_;  // of the settings in force
  caf::actor shard_;
  std::shared_ptr<ActorStats> shard_stats_;
  Channel channel_;
  std::uint64_t handled_ = 0;  // requests from the router
  OneTick tick_;
  std::optional<MonoTime> idle_since_;
};

}  // namespace parley::actors

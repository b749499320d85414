#pragma once
// The shell around one User: receives messages, calls the rules, sends what follows. One for each user
// who is here, or was a moment ago, on the node that leads the shard of `user.{id}`; the router owns the
// handle. When nothing would be lost it asks the router to let it sleep; its state is in the shard.

#include "actors/actor_context.h"
#include "actors/messages.h"
#include "actors/one_tick.h"
#include "actors/people/user.h"

#include <caf/all.hpp>

namespace parley::actors {

class UserActor final : public caf::event_based_actor, private UserPort {
 public:
  UserActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, UserKey key,
            std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;

 private:
  void reply(Reply reply) override;
  void publish(Publish publish) override;
  void propose(Command command, CommandToken token) override;
  void open() override;
  void block(const UserBlocks& blocks) override;
  std::string notice_id() override;

  void schedule();
  bool asks_for_sleep();

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  UserKey key_;
  User user_;
  std::uint64_t handled_ = 0;  // requests from the router
  OneTick tick_;
  std::optional<MonoTime> idle_since_;
};

}  // namespace parley::actors

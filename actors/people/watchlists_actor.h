#pragma once
// The shell around Watchlists: who is signed in on this node's applications. One actor.

#include "actors/actor_context.h"
#include "actors/messages.h"
#include "actors/one_tick.h"
#include "actors/people/watchlists.h"

#include <caf/all.hpp>

namespace parley::actors {

class WatchlistsActor final : public caf::event_based_actor, private WatchlistPort {
 public:
  WatchlistsActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;

 private:
  void reply(Reply reply) override { context_->reply(std::move(reply)); }
  void handle(Request& request);
  [[nodiscard]] MonoTime held_until(const UserKey& user) const;
  void schedule();

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  Watchlists watchlists_;
  OneTick tick_;
};

}  // namespace parley::actors

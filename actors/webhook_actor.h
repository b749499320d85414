#pragma once
// Delivers stored notices to their targets: one WebhookQueue for each, posts by the WebhookSender, tells
// the shards what became of each notice. One actor for a node; what it knows is in the shards too, so that
// a crash at any moment loses nothing and at most repeats what was not yet settled.

#include "actors/actor_context.h"
#include "actors/messages.h"

#include <caf/all.hpp>

namespace parley::actors {

class WebhookActor final : public caf::event_based_actor {
 public:
  WebhookActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats);
  caf::behavior make_behavior() override;

 private:
  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
};

}  // namespace parley::actors

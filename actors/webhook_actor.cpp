#include "actors/webhook_actor.h"

namespace parley::actors {

WebhookActor::WebhookActor(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats)
    : event_based_actor(config), context_(std::move(context)), stats_(std::move(stats)) {}

caf::behavior WebhookActor::make_behavior() {
  return {
      [](NoticesFound&) {},
      [](NoticesStored&) {},
      [this](ToWebhooks& message) {
        context_->taken_out(*stats_);
        context_->requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
        context_->reply({message.request.from, Refused{make_error(Errc::not_found)}});
      },
      [](const Reconfigured&) {},
  };
}

}  // namespace parley::actors

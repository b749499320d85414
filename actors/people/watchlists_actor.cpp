#include "actors/people/watchlists_actor.h"

namespace parley::actors {

WatchlistsActor::WatchlistsActor(caf::actor_config& config, std::shared_ptr<ActorContext> context,
                                 std::shared_ptr<ActorStats> stats)
    : event_based_actor(config), context_(std::move(context)), stats_(std::move(stats)), watchlists_(*this) {}

caf::behavior WatchlistsActor::make_behavior() {
  return {
      [this](ToWatchlists& message) {
        context_->taken_out(*stats_, message.credit);
        handle(message.request);
        schedule();
      },
      [this](const NodeGone& message) {
        watchlists_.node_gone(message.node, [this](const UserKey& user) { return held_until(user); });
        schedule();
      },
      [this](Tick) {
        tick_.came();
        context_->metrics.actor_ticks.add();
        watchlists_.tick(context_->clock.now());
        schedule();
      },
  };
}

void WatchlistsActor::handle(Request& request) {
  const auto now = context_->clock.now();
  if (const auto* in = std::get_if<SignIn>(&request.what)) watchlists_.sign_in(request.from, *in, now);
  if (const auto* out = std::get_if<SignOut>(&request.what)) {
    watchlists_.sign_out(request.from, *out, held_until(out->user));
  }
}

MonoTime WatchlistsActor::held_until(const UserKey& user) const {
  return context_->clock.now() + context_->settings.current()->rule_for("user." + user.id).presence_grace;
}

void WatchlistsActor::schedule() {
  if (const auto wait = tick_.wish(watchlists_.deadline(), context_->clock.now())) delayed_send(this, *wait, Tick{});
}

}  // namespace parley::actors

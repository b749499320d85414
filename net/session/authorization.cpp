// Asking the application whether a connection may join, where authorizer.h has no answer.

#include "net/session/channel_session.h"

namespace parley::net {
namespace {

// So many calls' worth of channels may one connection have asked for and not heard of.
constexpr std::size_t kCallsWorthOut = 4;

}  // namespace

Authorizer ChannelSession::authorizer(const Actions& actions) const {
  return Authorizer({.context = context_,
                     .settings = settings_,
                     .app = *app_,
                     .identity = identity_.get(),
                     .known_as = known_as(),
                     .wall = actions.wall(),
                     .heard = last_heard_});
}

void ChannelSession::ask(const SubscribeData& data, ResumeFrom resume, Actions& actions) {
  const std::string_view channel = data.channel;
  // One client must not use up what the application is asked for all of them.
  if (questions_out_ >= kCallsWorthOut * app_->auth.channels_per_call_max) {
    context_.limited_questions.add();
    say_refused(channel,
                make_error(Errc::rate_limited, "too many channels of this connection wait for the application"),
                actions);
    return;
  }
  auto* subscription = make_room(channel, actions);
  if (subscription == nullptr) return;
  subscription->need_extra().asking = std::make_unique<ResumeFrom>(std::move(resume));
  ++questions_out_;
  auto headers = visitor_->forwarded;
  for (const auto& [name, value] : data.headers) {  // what the client says for this channel counts
    std::erase_if(headers, [&](const auto& one) { return one.first == name; });
    headers.emplace_back(name, value);
  }
  actions.ask_application({.app = app_->id,
                           .socket = socket_,
                           .channel = std::string(channel),
                           .headers = std::move(headers),
                           .client_address = visitor_->about.address});
}

void ChannelSession::on_answer(ApplicationAnswer& answer, Actions& actions) {
  if (questions_out_ > 0) --questions_out_;
  auto* subscription = find(answer.channel);
  if (subscription == nullptr || subscription->extra == nullptr || subscription->extra->asking == nullptr) return;
  auto resume = std::move(*std::exchange(subscription->extra->asking, nullptr));
  const bool was_active = subscription->active;
  const auto channel = subscription->channel;
  if (!was_active) forget(*subscription);  // go_on() makes it anew
  auto right = answer.allowed ? authorizer(actions).by_application(answer.channel_data, channel_traits(channel))
                              : Result<Right>(std::move(answer.error));
  if (!right) {
    if (right.error().code == Errc::unauthorized) context_.unauthorized_channels.add();
    say_refused(channel, right.error(), actions);
    return;
  }
  go_on(channel, std::move(*right), std::move(resume), actions);
}

}  // namespace parley::net

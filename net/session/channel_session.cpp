#include "net/session/channel_session.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

ChannelSession::ChannelSession(Admitted&& session)
    : context_(*session.context),
      settings_(std::move(session.settings)),
      app_(session.app),
      socket_(session.socket),
      slot_(std::move(session.slot)),
      visitor_(std::make_unique<Visitor>(Visitor{std::move(session.about), std::move(session.forwarded)})) {
  if (session.claims) arrived_with_ = std::make_unique<auth::Claims>(std::move(*session.claims));
}

void ChannelSession::begin(MonoTime now) {
  last_heard_ = now;
  active_at_ = now;
  if (app_->authorization_timeout.count() > 0) authorize_by_ = now + app_->authorization_timeout;
}

void ChannelSession::arrive(MonoTime now, Actions& actions) {
  if (arrived_with_ == nullptr) return;
  const auto claims = std::move(arrived_with_);
  adopt(std::move(*claims), now, actions);
}

void ChannelSession::on_reply(Reply& reply, MonoTime now, Actions& actions) {
  if (closing_) return;
  if (auto* subscribed = std::get_if<Subscribed>(&reply.what)) {
    on_subscribed(*subscribed, now, actions);
  } else if (const auto* denied = std::get_if<SubscribeRefused>(&reply.what)) {
    on_refused(*denied, now, actions);
  } else if (const auto* missed = std::get_if<Missed>(&reply.what)) {
    on_missed(*missed, reply.to.ticket, now, actions);
  } else if (const auto* behind = std::get_if<Behind>(&reply.what)) {
    on_behind(*behind, now, actions);
  } else if (const auto* led = std::get_if<LedAnew>(&reply.what)) {
    on_led_anew(*led, actions);
  } else if (const auto* published = std::get_if<Published>(&reply.what)) {
    note_own(*published, now);
    if (published->ack != 0) say_published(*published, actions);
  } else if (const auto* lost = std::get_if<PublishRefused>(&reply.what)) {
    if (lost->ack != 0) {
      say_not_published(*lost, actions);
    } else {
      say_error(lost->error, actions);
    }
  } else if (const auto* watchlist = std::get_if<WatchlistChanged>(&reply.what)) {
    if (!watchlist->online.empty() || !watchlist->offline.empty()) say_watchlist(*watchlist, actions);
  } else if (const auto* terminated = std::get_if<Terminated>(&reply.what)) {
    terminated_ = true;
    end_with(terminated->error, actions);
  } else if (const auto* kicked = std::get_if<Kicked>(&reply.what)) {
    kick(kicked->channel.name(), kicked->error, actions);
  } else if (auto* answer = std::get_if<ApplicationAnswer>(&reply.what)) {
    on_answer(*answer, actions);
  } else if (const auto* list = std::get_if<UserList>(&reply.what)) {
    if (find(list->echo) != nullptr) say_status(reply.to.ticket, list->echo, *list, actions);  // else left meanwhile
  } else if (const auto* page = std::get_if<HistoryPage>(&reply.what)) {
    say_history(reply.to.ticket, *page, actions);
  } else if (const auto* refused = std::get_if<Refused>(&reply.what)) {
    say_refusal(reply.to.ticket, refused->error, actions);
  } else {
    say_other(reply, now, actions);
  }
}

void ChannelSession::say_other(Reply&, MonoTime, Actions&) {}

MonoTime ChannelSession::own_deadline() const {
  auto first = std::min({authorize_by_, away_deadline(), channel_token_ends_});
  if (flow_ != nullptr) first = std::min(first, flow_->due);
  if (identity_ != nullptr) first = std::min({first, identity_->warn_at, identity_->expires_at});
  return first;
}

bool ChannelSession::meet_own_deadlines(MonoTime now, Actions& actions) {
  if (now >= authorize_by_) {
    end_with(make_error(Errc::unauthorized, "the connection was not authorized in time"), actions);
    return false;
  }
  if (identity_ != nullptr && now >= identity_->expires_at) {
    end_with(make_error(Errc::token_expired), actions);
    return false;
  }
  if (identity_ != nullptr && now >= identity_->warn_at) warn_of_expiry(now, actions);
  if (now >= channel_token_ends_) end_channel_tokens(now, actions);
  if (flow_ != nullptr && now >= flow_->due && !meet_catch_ups(now, actions)) return false;
  if (now >= away_deadline()) {
    away_by_itself_ = true;
    tell_activity(UserStatus::away, actions);
  }
  return true;
}

ChannelSession::Rates& ChannelSession::rates() {
  if (rates_ == nullptr) rates_ = std::make_unique<Rates>();
  return *rates_;
}

Status ChannelSession::take_allowance(MonoTime now) {
  const auto& limits = app_->limits;
  if (rates().requests.has(limits.client_requests_per_second_max, 1, now) &&
      rates().events.take(limits.client_events_per_second_max, 1, now)) {
    rates().requests.take(limits.client_requests_per_second_max, 1, now);
    return {};
  }
  context_.limited_client_events.add();
  return make_error(Errc::rate_limited);
}

bool ChannelSession::refresh_settings(Actions& actions) {
  auto current = context_.settings();
  if (current == settings_) return true;
  const auto* app = current->app_by_id(app_->id);
  if (app == nullptr || !app->enabled) {
    end_with(make_error(app == nullptr ? Errc::unknown_app : Errc::app_disabled), actions);
    return false;
  }
  app_ = app;
  settings_ = std::move(current);
  return true;
}

void ChannelSession::on_end(EndReason reason, MonoTime now, Actions& actions) {
  closing_ = true;
  // We end connections that shall come back, or whose client is dead: neither has left on purpose. Who was
  // terminated has no grace.
  auto leave = reason == EndReason::closed_by_client ? LeaveReason::closed_by_client : LeaveReason::connection_lost;
  if (terminated_) leave = LeaveReason::unsubscribed;
  // A close frame is a word of the client's: it was here until then.
  if (reason == EndReason::closed_by_client) last_heard_ = now;
  const auto users = users_spoken_for();
  for (const auto& subscription : subscriptions_) request_leave(subscription, leave, actions);
  subscriptions_.clear();
  if (flow_ != nullptr) flow_->asked.clear();
  for (const auto& id : users) {
    SignOut out{{app_->id, id}, {}, leave, std::chrono::duration_cast<milliseconds>(now - last_heard_)};
    if (identity_ != nullptr && identity_->id == id) out.watchlist = std::move(identity_->watchlist);
    actions.request({.from = {}, .what = std::move(out)});
  }
  identity_.reset();
}

}  // namespace parley::net

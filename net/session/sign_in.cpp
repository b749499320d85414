// Signing in: who this connection is, proved by the application's signature or by a connection token.

#include "net/auth/pusher_signature.h"
#include "net/json/fields.h"
#include "net/session/channel_session.h"

#include "net/auth/rights.h"

#include <fmt/format.h>

namespace parley::net {

std::span<const std::string> ChannelSession::watched_as_numbers() const {
  if (identity_ == nullptr) return {};
  return identity_->watchlist_numbers;
}

void ChannelSession::sign_in(const SignInData& data, MonoTime now, Actions& actions) {
  if (!refresh_settings(actions)) return;
  // Stock clients have one place for a proof: a token may stand where the signature does.
  if (auth::looks_like_token(data.auth)) {
    sign_in_with_token(data.auth, now, actions);
    return;
  }
  if (auto checked = auth::check_user_auth(*app_, known_as(), data.user_data, data.auth); !checked) {
    context_.unauthorized_users.add();
    fail_sign_in(checked.error(), actions);
    return;
  }
  auto user = decode_user_data(data.user_data, app_->limits, settings_->limits.json_depth_max);
  if (!user) {
    fail_sign_in(make_error(Errc::unauthorized, user.error().message), actions);
    return;
  }
  if (identity_ != nullptr && identity_->id != user->id) {
    say_error(make_error(Errc::unauthorized, "the connection is signed in as another user"), actions);
    return;
  }
  if (auto allowed = context_.revocations.check_user({app_->id, user->id}, actions.wall()); !allowed) {
    terminated_ = true;
    end_with(allowed.error(), actions);
    return;
  }
  say_signed_in(data.user_data, actions);
  if (identity_ != nullptr) return;  // the same again: nothing new to tell the node

  if (user->watchlist_too_long) {
    user->watchlist.clear();
    const auto most = app_->limits.watchlist_users_max;
    say_error(make_error(Errc::watchlist_too_long, fmt::format("a watchlist has at most {} users", most)), actions);
  }
  Identity identity{.id = std::move(user->id),
                    .id_form = user->id_form,
                    .user_info = std::move(user->user_info),
                    .watchlist = std::move(user->watchlist),
                    .watchlist_numbers = std::move(user->watchlist_numbers)};
  speak_for(std::move(identity), Via::signature, std::move(user->domains), actions);
}

void ChannelSession::speak_for(Identity identity, Via via, std::optional<std::vector<std::string>> domains,
                               Actions& actions) {
  authorize_by_ = kNever;
  const bool another = identity_ == nullptr || identity_->id != identity.id;
  identity_ = std::make_unique<Identity>(std::move(identity));
  actions.request(
      {.from = {},
       .what = SignIn{
           .user = {app_->id, identity_->id},
           .user_info = identity_->user_info,
           .watchlist = identity_->watchlist,
           .via = via,
           .domains = std::move(domains),
           .token_issued = identity_->claims == nullptr ? std::nullopt : std::optional(identity_->claims->issued_at),
           .about = visitor_->about,
           .id_form = identity_->id_form}});
  if (activity_ != UserStatus::online) {
    actions.request({.from = {}, .what = SetActivity{{app_->id, identity_->id}, activity_}});
  }
  if (another) note_identity(actions);
}

// ---- tokens ----

void ChannelSession::sign_in_with_token(std::string_view token, MonoTime now, Actions& actions) {
  auto claims = authorizer(actions).check_token(token);
  if (!claims) {
    fail_sign_in(claims.error(), actions);
    return;
  }
  if (identity_ != nullptr && identity_->id != claims->user_id) {
    say_error(make_error(Errc::unauthorized, "the connection is signed in as another user"), actions);
    return;
  }
  std::string user_data = R"({"id":)";
  append_id(user_data, claims->user_id, claims->id_form);
  if (!claims->user_info.empty()) user_data.append(R"(,"user_info":)").append(claims->user_info);
  say_signed_in(user_data + "}", actions);
  adopt(std::move(*claims), now, actions);
}

// A newer token on a live connection.
void ChannelSession::renew_token(std::string_view token, MonoTime now, Actions& actions) {
  if (!refresh_settings(actions)) return;
  if (auto allowed = take_allowance(now); !allowed) {
    say_error(allowed.error(), actions);
    return;
  }
  auto claims = authorizer(actions).check_token(token);
  if (!claims) {
    say_error(claims.error(), actions);
    return;
  }
  if (identity_ != nullptr && identity_->id != claims->user_id) {
    say_error(make_error(Errc::unauthorized, "the token is another user's than the one who is signed in"), actions);
    return;
  }
  const auto expires = claims->expires;
  adopt(std::move(*claims), now, actions);
  say_token_accepted(expires, actions);
}

// The token's word counts from now on, for what was joined by an older one too.
void ChannelSession::adopt(auth::Claims claims, MonoTime now, Actions& actions) {
  const auto left = time_left(claims, app_->tokens.leeway, actions.wall());
  Identity identity{.id = claims.user_id,
                    .id_form = claims.id_form,
                    .user_info = claims.user_info,
                    .watchlist = claims.watchlist,
                    .watchlist_numbers = claims.watchlist_numbers};
  if (identity.watchlist.size() > app_->limits.watchlist_users_max) identity.watchlist.clear();
  identity.expires_at = now + left;
  identity.warn_at = std::max(now, now + left - app_->tokens.leeway - app_->tokens.warn);
  std::optional<std::vector<std::string>> domains;
  if (!claims.domains.empty() || claims.no_domains) domains = claims.domains;
  identity.claims = std::make_unique<auth::Claims>(std::move(claims));
  speak_for(std::move(identity), Via::token, std::move(domains), actions);

  std::vector<std::string> lost;
  for (const auto& subscription : subscriptions_) {
    if (!by_token_in_force(subscription)) lost.push_back(subscription.channel);
  }
  for (const auto& channel : lost) kick_by_token(channel, actions);
}

// False: the connection's token opened the channel, or is to open it again, and does not allow it.
bool ChannelSession::by_token_in_force(const Subscription& subscription) const {
  const auto* extra = subscription.extra.get();
  const bool renewed = extra != nullptr && extra->renewal_right != nullptr;
  if ((renewed ? extra->renewal_right->proof : subscription.proof) != Proof::token) return true;
  return identity_ != nullptr && identity_->claims != nullptr &&
         auth::may_join(*identity_->claims, subscription.channel);
}

void ChannelSession::kick_by_token(std::string_view channel, Actions& actions) {
  kick(channel, make_error(Errc::kicked, "the new token does not allow this channel"), actions);
}

// A channel that a token of its own opened is left when that token ends; a newer one keeps it.
void ChannelSession::end_channel_tokens(MonoTime now, Actions& actions) {
  std::vector<std::string> over;
  channel_token_ends_ = kNever;
  for (const auto& subscription : subscriptions_) {
    if (subscription.extra == nullptr) continue;
    if (subscription.extra->renewal_right != nullptr) continue;  // it counts when the answer is there
    const auto expires = subscription.extra->token_expires;
    if (expires <= now) {
      over.push_back(subscription.channel);
    } else {
      channel_token_ends_ = std::min(channel_token_ends_, expires);
    }
  }
  for (const auto& channel : over)
    kick(channel, make_error(Errc::kicked, "the token for this channel has expired"), actions);
}

void ChannelSession::warn_of_expiry(MonoTime now, Actions& actions) {
  identity_->warn_at = kNever;
  say_token_expiring(std::chrono::duration_cast<seconds>(identity_->expires_at - now), actions);
}

}  // namespace parley::net

// Signing in: who this connection is, proved by the application's signature.

#include "net/pusher/auth.h"
#include "net/pusher/encoder.h"
#include "net/pusher/session.h"

#include <fmt/format.h>

namespace parley::net::pusher {

void Session::sign_in(std::string_view data, Actions& actions) {
  if (!refresh_settings(actions)) return;
  const auto decoded = decode_sign_in(data, settings_->limits.json_depth_max);
  if (!decoded) {
    send_error(decoded.error(), actions);
    return;
  }
  if (auto checked = check_user_auth(*app_, socket_, decoded->user_data, decoded->auth); !checked) {
    context_.unauthorized_users.add();
    send_error(checked.error(), actions);
    return;
  }
  auto user = decode_user_data(decoded->user_data, app_->limits, settings_->limits.json_depth_max);
  if (!user) {
    send_error(user.error(), actions);
    return;
  }
  if (identity_ != nullptr && identity_->id != user->id) {
    send_error(make_error(Errc::unauthorized, "the connection is signed in as another user"), actions);
    return;
  }
  authorize_by_ = kNever;
  actions.send_text(encode_sign_in_success(decoded->user_data));
  if (identity_ != nullptr) return;  // the same again: nothing new to tell the node

  if (user->watchlist_too_long) {
    user->watchlist.clear();
    const auto most = app_->limits.watchlist_users_max;
    send_error(make_error(Errc::watchlist_too_long, fmt::format("a watchlist has at most {} users", most)), actions);
  }
  identity_ = std::make_unique<Identity>(
      Identity{std::move(user->id), std::move(user->user_info), std::move(user->watchlist)});
  actions.request({.from = {}, .what = SignIn{{app_->id, identity_->id}, identity_->user_info, identity_->watchlist}});
}

}  // namespace parley::net::pusher

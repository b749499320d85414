// What a Pusher client is told, frame by frame.

#include "core/limits.h"
#include "net/json/fields.h"
#include "net/json/history_json.h"
#include "net/json/roster_json.h"
#include "net/json/status_json.h"
#include "net/pusher/encoder.h"
#include "net/pusher/session.h"

namespace parley::net::pusher {

void Session::say_succeeded(const Subscription& subscription, const Succeeded& what, Actions& actions) {
  if (what.shared != nullptr && roster_bytes(*what.shared) > kLongRosterBytes) {
    actions.send_long(long_succeeded(subscription.channel, what));
  } else {
    actions.send_text(encode_succeeded(subscription.channel, what));
  }
}

// The channel's listeners hear the first, the connection's error handlers the second.
void Session::say_refused(std::string_view channel, const Error& error, Actions& actions) {
  log_refusal(channel, error);
  actions.send_text(encode_subscription_error(channel, error));
  say_error(error, actions);
}

void Session::say_gap(std::string_view channel, Epoch epoch, Offset after, Offset before, Actions& actions) {
  actions.send_text(encode_gap(channel, epoch, after, before));
}

void Session::say_cache_miss(std::string_view channel, Actions& actions) {
  actions.send_text(encode_cache_miss(channel));
}

void Session::say_publication(Subscription& subscription, const Publication& publication, Actions& actions) {
  actions.send_text(encode_publication(subscription.channel, publication));
}

void Session::say_frame(Subscription&, const Bytes& frame, Position, Actions& actions) { actions.send_frame(frame); }

void Session::say_error(const Error& error, Actions& actions) { actions.send_text(encode_error(error)); }

// pusher-js takes itself for signed in only when `id` is a string: here, and only here, a number is said as one. All
// else goes back as the application wrote it.
void Session::say_signed_in(std::string_view user_data, Actions& actions) {
  std::string_view id;
  for (JsonObject fields(trimmed(user_data)); fields.next();) {
    if (fields.key_is("id") && is_json_integer(fields.value())) id = fields.value();
  }
  if (id.empty()) return actions.send_text(encode_sign_in_success(user_data));
  const auto at = static_cast<std::size_t>(id.data() - user_data.data());
  std::string said(user_data.substr(0, at));
  append_json_string(said, json_id(id).value_or(SaidId{}).text);
  actions.send_text(encode_sign_in_success(said.append(user_data.substr(at + id.size()))));
}

void Session::say_token_accepted(WallTime expires, Actions& actions) {
  actions.send_text(encode_token_accepted(expires));
}

void Session::say_token_expiring(seconds in, Actions& actions) { actions.send_text(encode_token_expiring(in)); }

void Session::say_watchlist(const WatchlistChanged& what, Actions& actions) {
  actions.send_text(encode_watchlist(what.online, what.offline, watched_as_numbers()));
}

void Session::say_published(const Published& what, Actions& actions) {
  actions.send_text(encode_ack(what.ack, what.channel.name(), what.position));
}

void Session::say_not_published(const PublishRefused& what, Actions& actions) {
  actions.send_text(encode_ack_error(what.ack, what.channel.name(), what.error));
}

void Session::say_status(std::uint64_t, std::string_view channel, const UserList& list, Actions& actions) {
  actions.send_text(encode_status(channel, list, actions.wall()));
}

void Session::say_history(std::uint64_t ticket, const HistoryPage& page, Actions& actions) {
  if (reading_ == nullptr || !reading_->asked.contains(ticket)) return;
  const auto asked = reading_->asked.extract(ticket);
  const auto& channel = asked.mapped().channel;
  if (find(channel) == nullptr) return;  // left meanwhile
  actions.send_text(encode_history(channel, asked.mapped().id, history_json(channel, page, std::nullopt)));
}

void Session::say_refusal(std::uint64_t ticket, const Error& error, Actions& actions) {
  if (reading_ == nullptr || !reading_->asked.contains(ticket)) {
    say_error(error, actions);
    return;
  }
  const auto asked = reading_->asked.extract(ticket);
  actions.send_text(encode_history_error(asked.mapped().channel, asked.mapped().id, error));
}

}  // namespace parley::net::pusher

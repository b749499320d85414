// What a Socket.IO client is told. Events of channels as laravel-echo-server sends them; Parley's own begin with
// `parley:`.

#include "core/json_string.h"
#include "core/limits.h"
#include "net/json/history_json.h"
#include "net/json/roster_json.h"
#include "net/json/status_json.h"
#include "net/socketio/encoder.h"
#include "net/socketio/socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace parley::net::socketio {

namespace {

std::string ids_json(const std::vector<std::string>& ids, std::span<const std::string> numbers) {
  std::string out = "[";
  for (const auto& id : ids) {
    if (out.size() > 1) out.push_back(',');
    append_id(out, id, std::binary_search(numbers.begin(), numbers.end(), id) ? IdForm::number : IdForm::text);
  }
  out.push_back(']');
  return out;
}

}  // namespace

void Socket::say_succeeded(const Subscription& subscription, const Succeeded& what, Actions& actions) {
  const auto& channel = subscription.channel;
  if (restoring_ != nullptr && !what.recovered.value_or(false)) {  // a reload may have taken its history away
    fail_restore("gap", actions);
    return;
  }
  const bool large = what.shared != nullptr && restoring_ == nullptr && roster_bytes(*what.shared) > kLongRosterBytes;
  if (large) {
    actions.send_long(long_roster(terms_.nsp, channel, what.shared));
  } else if (what.roster != nullptr) {
    say(encode_channel_event(terms_.nsp, "presence:subscribed", channel, members_json(what.roster->members)), actions);
  }
  auto json = subscribed_json(channel);
  json.pop_back();
  if (what.durable) json.append(fmt::format(R"(,"position":"{}")", position_text(what.position)));
  if (what.recovered) json.append(*what.recovered ? R"(,"recovered":true)" : R"(,"recovered":false)");
  // Where it is it is told before it can rely on the answer: the connection may break in between.
  if (what.follows) {
    tell_unsettled(actions);
  } else if (!asked_.empty()) {
    told_joined_ = true;
    track(*find(channel), what.position);
    channels_changed(actions);
  }
  answer_asked(channel, json + "}", actions);
}

// With the status of HTTP, as laravel-echo-server; the reason stands behind it.
void Socket::say_refused(std::string_view channel, const Error& error, Actions& actions) {
  log_refusal(channel, error);
  if (restoring_ != nullptr) {
    fail_restore("refused", actions);
    return;
  }
  std::string text;
  begin_event(text, terms_.nsp);
  text.append(R"("subscription_error",)");
  append_json_string(text, channel);
  // Laravel's word for a no is 403, whatever the reason.
  const int status = error.code == Errc::unauthorized ? 403 : info(error.code).http_status;
  text.append(fmt::format(",{},", status)).append(error_json(error)).push_back(']');
  say(std::move(text), actions);
  if (joining_) {  // this subscribe alone: another one may wait for the same channel
    answer(std::exchange(*joining_, 0), error_json(error), actions);
  } else {
    answer_asked(channel, error_json(error), actions);
  }
}

void Socket::say_gap(std::string_view channel, Epoch epoch, Offset after, Offset before, Actions& actions) {
  if (restoring_ != nullptr) {
    fail_restore("gap", actions);
    return;
  }
  const auto* subscription = find(channel);
  const auto* extra = subscription == nullptr ? nullptr : subscription->extra.get();
  if (extra != nullptr && extra->catch_up != nullptr && epoch != extra->catch_up->newest.epoch) {
    tell_unsettled(actions);  // until it has all of this life of the channel; see settled()
  }
  const ChannelEvent event{.channel = key(channel), .what = ChannelEvent::Gap{epoch, after, before}};
  say(encode_event_of_channel(terms_.nsp, event, {}), actions);
}

void Socket::say_cache_miss(std::string_view channel, Actions& actions) {
  if (restoring_ != nullptr) return;  // it has missed nothing by it
  say(encode_channel_event(terms_.nsp, "pusher:cache_miss", channel, "null"), actions);
}

void Socket::say_publication(Subscription& subscription, const Publication& publication, Actions& actions) {
  if (restoring_ != nullptr) {  // the cached event of a cache channel, which the client may have, or have sent
    if (has_sent(subscription, publication)) return;
    const auto since = restoring_->since.find(subscription.channel);
    if (since != restoring_->since.end() && already_sent(publication.position, since->second)) return;
  }
  std::string offset;
  const bool kept = recoverable() && publication.position.exists();
  if (kept) {
    auto& tracking = subscription.need_extra().tracking;
    if (!tracking) tracking.emplace();
    if (!tracking->confirmed) tracking->confirmed = Offset{publication.position.offset.value - 1};
    tracking->sent = publication.position;
    if (restoring_ != nullptr && has_already(subscription.channel, publication.position)) return;
    offset = offsets();
  }
  auto text = encode_publication(terms_.nsp, subscription.channel, publication, offset, recoverable());
  say_missed(std::move(text), actions);
}

// The hub's frame is for the namespace `/` and has this channel's offset alone: right for who is on no other.
void Socket::say_frame(Subscription& subscription, const Bytes& frame, Position position, Actions& actions) {
  const bool tracks = subscription.extra != nullptr && subscription.extra->tracking && position.exists();
  if (tracks) {
    meet_epoch(subscription, position, actions);
    subscription.extra->tracking->sent = position;
    if (restoring_ != nullptr && has_already(subscription.channel, position)) return;
  }
  const bool own_offsets = tracks && (subscriptions_.size() > 1 || unsettled_);
  if (terms_.nsp == "/" && !own_offsets && restoring_ == nullptr) {
    actions.send_frame(frame);
    return;
  }
  auto text = encode_again(frame_text(frame), terms_.nsp, subscription.channel, position,
                           own_offsets ? std::optional(offsets()) : std::nullopt);
  if (!position.exists()) {  // of a roster's change the roster comes first
    say(std::move(text), actions);
  } else {
    say_missed(std::move(text), actions);
  }
}

void Socket::say_error(const Error& error, Actions& actions) {
  if (answering_ != 0) {
    answer(std::exchange(answering_, 0), error_json(error), actions);
    return;
  }
  say(encode_event(terms_.nsp, "parley:error", error_json(error)), actions);
}

void Socket::say_signed_in(std::string_view user_data, Actions& actions) {
  std::string json = R"({"user_data":)";
  append_json_string(json, user_data);
  say(encode_event(terms_.nsp, "parley:signed_in", json + "}"), actions);
}

void Socket::say_token_accepted(WallTime expires, Actions& actions) {
  say(encode_event(terms_.nsp, "parley:token", fmt::format(R"({{"expires":{}}})", expires.ms)), actions);
}

void Socket::say_token_expiring(seconds in, Actions& actions) {
  say(encode_event(terms_.nsp, "parley:token_expiring",
                   fmt::format(R"({{"expires_in":{}}})", std::max<std::int64_t>(in.count(), 0))),
      actions);
}

void Socket::say_watchlist(const WatchlistChanged& what, Actions& actions) {
  say(encode_event(terms_.nsp, "parley:watchlist",
                   fmt::format(R"({{"online":{},"offline":{}}})", ids_json(what.online, watched_as_numbers()),
                               ids_json(what.offline, watched_as_numbers()))),
      actions);
}

void Socket::say_published(const Published& what, Actions& actions) {
  std::string json = "{";
  if (what.position.exists()) json.append(fmt::format(R"("position":"{}",)", position_text(what.position)));
  answer(what.ack, json.append(fmt::format(R"("duplicate":{}}})", what.duplicate)), actions);
}

void Socket::say_not_published(const PublishRefused& what, Actions& actions) {
  say_refusal(what.ack, what.error, actions);
}

void Socket::say_status(std::uint64_t ticket, std::string_view, const UserList& list, Actions& actions) {
  answer(ticket, status_json(list, actions.wall()), actions);
}

void Socket::say_history(std::uint64_t ticket, const HistoryPage& page, Actions& actions) {
  answer(ticket, history_json(page.channel.name(), page, std::nullopt, DataForm::as_json), actions);
}

void Socket::say_refusal(std::uint64_t ticket, const Error& error, Actions& actions) {
  if (ticket == 0) {
    say_error(error, actions);
  } else {
    answer(ticket, error_json(error), actions);
  }
}

void Socket::say_other(Reply& reply, MonoTime, Actions& actions) {
  if (const auto* members = std::get_if<Members>(&reply.what)) {
    answer(reply.to.ticket, fmt::format(R"({{"members":{}}})", members_json(members->members)), actions);
  }
}

}  // namespace parley::net::socketio

// May this connection join? By the application's signature, by a connection token, by who signed in, or by
// asking the application. docs/authorization.md has the whole table.

#include "net/auth/pusher_signature.h"
#include "net/auth/rights.h"
#include "net/session/channel_session.h"

namespace parley::net {
namespace {

// So many calls' worth of channels may one connection have asked for and not heard of.
constexpr std::size_t kCallsWorthOut = 4;

}  // namespace

Result<MemberPtr> ChannelSession::member_from(const std::optional<std::string>& channel_data) const {
  if (!channel_data) {
    if (identity_ == nullptr) {
      return make_error(Errc::unauthorized, "a presence channel needs `channel_data`, or a sign-in before");
    }
    return std::make_shared<const Member>(Member{identity_->id, identity_->user_info, identity_->id_form});
  }
  auto member = decode_channel_data(*channel_data, app_->limits, settings_->limits.json_depth_max);
  if (!member) return member.error();
  return std::make_shared<const Member>(
      Member{std::move(member->user_id), std::move(member->user_info), member->id_form});
}

Result<ChannelSession::Right> ChannelSession::judge_signature(const SubscribeData& data, const ChannelTraits& traits) {
  // On other channels channel_data is not part of what was signed.
  const auto signed_data = traits.presence ? data.channel_data : std::nullopt;
  if (auto checked = auth::check_channel_auth(*app_, known_as(), data.channel, signed_data, data.auth); !checked) {
    return checked.error();
  }
  Right right{.proof = Proof::signature, .member = nullptr, .user_id = identity_ == nullptr ? "" : identity_->id};
  if (!traits.presence) return right;
  auto member = member_from(data.channel_data);
  if (!member) return member.error();
  right.member = std::move(*member);
  right.user_id = right.member->user_id;
  return right;
}

// A token's holder is a presence channel's member as whom the token says, never as the client says.
ChannelSession::Right ChannelSession::right_by(const auth::Claims& claims, const ChannelTraits& traits) const {
  Right right{.proof = Proof::token, .member = nullptr, .user_id = claims.user_id, .id_form = claims.id_form};
  if (traits.presence)
    right.member = std::make_shared<const Member>(Member{claims.user_id, claims.user_info, claims.id_form});
  return right;
}

// Nothing: the application is to be asked.
Result<std::optional<ChannelSession::Right>> ChannelSession::judge(const SubscribeData& data,
                                                                   const ChannelTraits& traits, Actions& actions) {
  using Judged = std::optional<Right>;
  if (traits.server_to_user) {
    if (identity_ == nullptr || identity_->id != traits.base) {
      return make_error(Errc::unauthorized, "only the signed-in user with this id may subscribe to this channel");
    }
    return Judged(Right{.proof = Proof::identity, .member = nullptr, .user_id = identity_->id});
  }
  if (!traits.needs_auth) return Judged(Right{.user_id = identity_ == nullptr ? "" : identity_->id});
  if (auth::looks_like_token(data.auth)) {  // a token for this one channel
    const auto claims = check_token(data.auth, actions);
    if (!claims) return claims.error();
    if (identity_ != nullptr && identity_->id != claims->user_id) {
      return make_error(Errc::unauthorized, "the token is another user's than the one who is signed in");
    }
    if (!auth::may_join(*claims, data.channel))
      return make_error(Errc::unauthorized, "the token does not allow this channel");
    auto right = right_by(*claims, traits);
    right.proof = Proof::channel_token;
    right.expires = last_heard_ + time_left(*claims, actions);
    return Judged(std::move(right));
  }
  if (!data.auth.empty()) {  // a signature that is there and wrong is refused: nobody is asked instead
    auto right = judge_signature(data, traits);
    if (!right) return right.error();
    return Judged(std::move(*right));
  }
  const auto* claims = identity_ == nullptr ? nullptr : identity_->claims.get();
  if (claims != nullptr && auth::may_join(*claims, data.channel)) return Judged(right_by(*claims, traits));
  if (may_ask()) return Judged();
  if (claims != nullptr) return make_error(Errc::unauthorized, "the connection token does not allow this channel");
  auto right = judge_signature(data, traits);  // says what is missing
  if (!right) return right.error();
  return Judged(std::move(*right));
}

Status ChannelSession::check_blocks(std::string_view channel, const Right& right, const Actions& actions) const {
  const auto wall = actions.wall();
  if (!right.user_id.empty()) {
    if (auto allowed = context_.revocations.check_channel({app_->id, right.user_id}, channel, wall); !allowed)
      return allowed;
  }
  if (identity_ == nullptr || identity_->id == right.user_id) return {};
  return context_.revocations.check_channel({app_->id, identity_->id}, channel, wall);
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
  Right right{.proof = Proof::application, .member = nullptr, .user_id = identity_ == nullptr ? "" : identity_->id};
  std::optional<Error> failure;
  if (!answer.allowed) {
    failure = std::move(answer.error);
  } else if (channel_traits(channel).presence) {
    auto member = member_from(answer.channel_data.empty() ? std::nullopt : std::optional(answer.channel_data));
    if (member) {
      right.member = std::move(*member);
      right.user_id = right.member->user_id;
    } else {
      failure = member.error();
    }
  }
  if (failure) {
    if (failure->code == Errc::unauthorized) context_.unauthorized_channels.add();
    say_refused(channel, *failure, actions);
    return;
  }
  go_on(channel, std::move(right), std::move(resume), actions);
}

}  // namespace parley::net

#include "net/session/authorizer.h"

#include "net/auth/pusher_signature.h"
#include "net/auth/rights.h"

#include <algorithm>

namespace parley::net {
namespace {

// A token's holder is a presence channel's member as whom the token says, never as the client says.
Right by_claims(const auth::Claims& claims, const ChannelTraits& traits) {
  Right right{.proof = Proof::token, .member = nullptr, .user_id = claims.user_id, .id_form = claims.id_form};
  if (traits.presence)
    right.member = std::make_shared<const Member>(Member{claims.user_id, claims.user_info, claims.id_form});
  return right;
}

std::string id_of(const Identity* identity) { return identity == nullptr ? std::string() : identity->id; }

}  // namespace

milliseconds time_left(const auth::Claims& claims, milliseconds leeway, WallTime wall) {
  // No connection lives that long; the bound keeps sums within their type.
  constexpr milliseconds longest = std::chrono::hours(24 * 366);
  const auto left = std::min(milliseconds(claims.expires.ms - wall.ms), longest);
  return std::max(left + leeway, milliseconds(0));
}

Result<auth::Claims> Authorizer::check_token(std::string_view token) const {
  const auto& [context, settings, app, identity, known_as, wall, heard] = connection_;
  auto claims = context.tokens.of(settings, app).verify(token, wall);
  if (claims) {
    const UserKey user{app.id, claims->user_id};
    if (auto allowed = context.revocations.check_token(user, claims->issued_at, wall); !allowed) {
      context.unauthorized_tokens.add();
      return allowed.error();
    }
    return claims;
  }
  context.unauthorized_tokens.add();
  return claims;
}

Result<MemberPtr> Authorizer::member_from(const std::optional<std::string>& channel_data) const {
  const auto* identity = connection_.identity;
  if (!channel_data) {
    if (identity == nullptr) {
      return make_error(Errc::unauthorized, "a presence channel needs `channel_data`, or a sign-in before");
    }
    return std::make_shared<const Member>(Member{identity->id, identity->user_info, identity->id_form});
  }
  auto member = decode_channel_data(*channel_data, connection_.app.limits, connection_.settings->limits.json_depth_max);
  if (!member) return member.error();
  return std::make_shared<const Member>(
      Member{std::move(member->user_id), std::move(member->user_info), member->id_form});
}

Result<Right> Authorizer::by_signature(const SubscribeData& data, const ChannelTraits& traits) const {
  // On other channels channel_data is not part of what was signed.
  const auto signed_data = traits.presence ? data.channel_data : std::nullopt;
  if (auto checked =
          auth::check_channel_auth(connection_.app, connection_.known_as, data.channel, signed_data, data.auth);
      !checked) {
    return checked.error();
  }
  Right right{.proof = Proof::signature, .member = nullptr, .user_id = id_of(connection_.identity)};
  if (!traits.presence) return right;
  auto member = member_from(data.channel_data);
  if (!member) return member.error();
  right.member = std::move(*member);
  right.user_id = right.member->user_id;
  return right;
}

// A token for this one channel.
Result<Right> Authorizer::by_channel_token(const SubscribeData& data, const ChannelTraits& traits) const {
  const auto claims = check_token(data.auth);
  if (!claims) return claims.error();
  if (connection_.identity != nullptr && connection_.identity->id != claims->user_id) {
    return make_error(Errc::unauthorized, "the token is another user's than the one who is signed in");
  }
  if (!auth::may_join(*claims, data.channel))
    return make_error(Errc::unauthorized, "the token does not allow this channel");
  auto right = by_claims(*claims, traits);
  right.proof = Proof::channel_token;
  right.expires = connection_.heard + time_left(*claims, connection_.app.tokens.leeway, connection_.wall);
  return right;
}

Result<Right> Authorizer::by_application(const std::string& channel_data, const ChannelTraits& traits) const {
  Right right{.proof = Proof::application, .member = nullptr, .user_id = id_of(connection_.identity)};
  if (!traits.presence) return right;
  auto member = member_from(channel_data.empty() ? std::nullopt : std::optional(channel_data));
  if (!member) return member.error();
  right.member = std::move(*member);
  right.user_id = right.member->user_id;
  return right;
}

Result<std::optional<Right>> Authorizer::judge(const SubscribeData& data, const ChannelTraits& traits) const {
  using Judged = std::optional<Right>;
  const auto judged = [](Result<Right> right) -> Result<Judged> {
    if (!right) return right.error();
    return Judged(std::move(*right));
  };
  const auto* identity = connection_.identity;
  if (traits.server_to_user) {
    if (identity == nullptr || identity->id != traits.base) {
      return make_error(Errc::unauthorized, "only the signed-in user with this id may subscribe to this channel");
    }
    return Judged(Right{.proof = Proof::identity, .member = nullptr, .user_id = identity->id});
  }
  if (!traits.needs_auth) return Judged(Right{.user_id = id_of(identity)});
  if (auth::looks_like_token(data.auth)) return judged(by_channel_token(data, traits));
  // A signature that is there and wrong is refused: nobody is asked instead.
  if (!data.auth.empty()) return judged(by_signature(data, traits));
  const auto* claims = identity == nullptr ? nullptr : identity->claims.get();
  if (claims != nullptr && auth::may_join(*claims, data.channel)) return Judged(by_claims(*claims, traits));
  if (asks_application(connection_.app)) return Judged();
  if (claims != nullptr) return make_error(Errc::unauthorized, "the connection token does not allow this channel");
  return judged(by_signature(data, traits));  // says what is missing
}

Status Authorizer::check_blocks(std::string_view channel, const Right& right) const {
  const auto& [context, settings, app, identity, known_as, wall, heard] = connection_;
  if (!right.user_id.empty()) {
    if (auto allowed = context.revocations.check_channel({app.id, right.user_id}, channel, wall); !allowed)
      return allowed;
  }
  if (identity == nullptr || identity->id == right.user_id) return {};
  return context.revocations.check_channel({app.id, identity->id}, channel, wall);
}

}  // namespace parley::net

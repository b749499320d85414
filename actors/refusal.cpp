#include "actors/refusal.h"

namespace parley::actors {

Error not_leader(std::optional<NodeId> leader) {
  auto error = make_error(Errc::not_leader);
  error.leader = leader.value_or(NodeId{}).value;
  return error;
}

bool may_be_refused(const Request& request) {
  // A session's last word on what is kept of it.
  if (const auto* keep = std::get_if<KeepSession>(&request.what)) return keep->wants_reply;
  if (std::holds_alternative<DropSession>(request.what)) return false;
  return !std::holds_alternative<Unsubscribe>(request.what) && !std::holds_alternative<SignOut>(request.what) &&
         !std::holds_alternative<SignIn>(request.what) && !std::holds_alternative<JoinedAs>(request.what) &&
         !std::holds_alternative<LeftAs>(request.what) && !std::holds_alternative<SetActivity>(request.what) &&
         !std::holds_alternative<Announce>(request.what) && !std::holds_alternative<AnnounceUser>(request.what);
}

std::optional<Reply> refusal(const Request& request, const Error& error) {
  if (!may_be_refused(request) || std::holds_alternative<Confirm>(request.what)) return std::nullopt;
  if (const auto* take = std::get_if<TakeSession>(&request.what)) {
    return Reply{request.from, SessionTaken{take->key, std::nullopt, error, {}}};
  }
  if (const auto* subscribe = std::get_if<Subscribe>(&request.what)) {
    return Reply{request.from, SubscribeRefused{subscribe->channel, subscribe->subscription, error}};
  }
  if (const auto* publish = std::get_if<Publish>(&request.what)) {
    return Reply{request.from, PublishRefused{publish->channel, publish->ack, error}};
  }
  if (const auto* more = std::get_if<MoreMissed>(&request.what)) {
    return Reply{request.from, Missed{.channel = more->channel, .subscription = more->subscription, .error = error}};
  }
  return Reply{request.from, Refused{error}};
}

}  // namespace parley::actors

#include "cluster/peers.h"

#include "core/log.h"
#include "schemas/peer/envelope.h"

#include <fmt/format.h>

namespace parley::cluster {

template <class What>
Status Peers::send(const NodeAddress& to, std::optional<ShardTerm> at, What what) {
  schemas::Envelope envelope{.from = self_, .to = to};
  if (at) {
    envelope.shard = at->shard;
    envelope.term = at->term;
  }
  envelope.what = std::move(what);
  auto bytes = schemas::encode_envelope(envelope);
  if (!bytes) {
    metrics_.peer_messages_dropped("too_large").add();
    return bytes.error();
  }
  switch (transport_.send(to.node, std::move(*bytes))) {
    case Sent::taken:
      return {};
    case Sent::full:
      metrics_.peer_messages_dropped("full").add();
      return make_error(Errc::overloaded, "too much waits to be sent to the other node");
    case Sent::unreachable:
      break;
  }
  metrics_.peer_messages_dropped("unreachable").add();
  return make_error(Errc::not_found, "the other node cannot be reached");
}

Status Peers::ask(const NodeAddress& to, std::optional<ShardTerm> at, Request request) {
  return send(to, at, std::move(request));
}

Status Peers::answer(Reply reply) {
  const auto to = reply.to.node;
  return send(to, std::nullopt, std::move(reply));
}

Status Peers::tell(const NodeAddress& to, std::vector<HubId> hubs, ChannelEventPtr event) {
  return send(to, std::nullopt, schemas::Delivery{std::move(hubs), std::move(event)});
}

void Peers::on_message(const NodeAddress& from, std::string bytes) {
  auto envelope = schemas::decode_envelope(bytes, clock_.now());
  if (!envelope) {
    metrics_.peer_messages_dropped("damaged").add();
    log_warn("dropped a message of another node",
             {{"node", fmt::format("{:016x}", from.node.value)}, {"error", envelope.error().message}});
    return;
  }
  // A link is one process; what a process before it said does not come through it, and nobody speaks for another node.
  if (envelope->from != from || !envelope->is_for(self_)) return metrics_.peer_messages_dropped("stale").add();
  if (auto* request = std::get_if<Request>(&envelope->what)) {
    std::optional<ShardTerm> at;
    if (envelope->shard) at = ShardTerm{*envelope->shard, envelope->term};
    return inbox_.on_peer_request(at, std::move(*request));
  }
  if (auto* reply = std::get_if<Reply>(&envelope->what)) {
    // Said to whichever process the node has now, it is still for the one that asked: that is not known any more.
    if (reply->to.node != self_) return metrics_.peer_messages_dropped("stale").add();
    return inbox_.on_peer_reply(std::move(*reply));
  }
  const auto& delivery = std::get<schemas::Delivery>(envelope->what);
  inbox_.on_peer_delivery(delivery.hubs, delivery.event);
}

}  // namespace parley::cluster

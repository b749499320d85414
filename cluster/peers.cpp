#include "cluster/peers.h"

#include "core/log.h"
#include "schemas/peer/envelope.h"

#include <fmt/format.h>

namespace parley::cluster {

namespace {

constexpr auto kLogAgainAfter = seconds(10);  // a peer that damages one message damages many

// What is said where the answer is too large for a message, in the shape that belongs to it. False: nobody waits for
// it.
bool put_in_its_stead(decltype(Reply::what)& answer, const Error& why) {
  if (auto* subscribed = std::get_if<Subscribed>(&answer)) {
    // The channel has it: it must leave again, whichever of its subscriptions this was.
    answer = Kicked{std::move(subscribed->channel), why};
  } else if (auto* missed = std::get_if<Missed>(&answer)) {
    missed->publications.clear();  // it goes on behind them, and hears of a gap
    missed->gap_before = Offset{missed->reached.offset.value + 1};
  } else if (auto* published = std::get_if<Published>(&answer)) {
    published->counts.reset();
  } else if (auto* taken = std::get_if<SessionTaken>(&answer)) {
    answer = SessionTaken{std::move(taken->key), std::nullopt, why, {}};
  } else if (std::holds_alternative<WatchlistChanged>(answer) || std::holds_alternative<RosterIs>(answer)) {
    return false;
  } else {
    answer = Refused{why};
  }
  return true;
}

}  // namespace

Status Peers::send(const schemas::Envelope& envelope, Lane lane) {
  auto bytes = schemas::encode_envelope(envelope);
  if (!bytes) {
    metrics_.peer_messages_dropped("too_large").add();
    return bytes.error();
  }
  switch (transport_.send(envelope.to.node, std::move(*bytes), lane)) {
    case Sent::taken:
      return {};
    case Sent::full:
      metrics_.peer_messages_dropped("full").add();
      // Who asks is told. Who is to be answered, or hears of a channel, would never know.
      if (lane == Lane::work && !std::holds_alternative<Request>(envelope.what)) drop(envelope.to);
      return make_error(Errc::overloaded, "too much waits to be sent to the other node");
    case Sent::unreachable:
      break;
  }
  metrics_.peer_messages_dropped("unreachable").add();
  return make_error(Errc::not_found, "the other node cannot be reached");
}

void Peers::drop(const NodeAddress& to) {
  log_warn("a node does not take what it is sent: the link is made anew",
           {{"node", fmt::format("{:016x}", to.node.value)}});
  transport_.drop(to.node);
}

Status Peers::ask(const NodeAddress& to, std::optional<ShardTerm> at, Request request) {
  schemas::Envelope envelope{.from = self_, .to = to, .what = std::move(request)};
  if (at) {
    envelope.shard = at->shard;
    envelope.term = at->term;
  }
  return send(envelope);
}

Status Peers::answer(Reply reply) {
  schemas::Envelope envelope{.from = self_, .to = reply.to.node};
  auto& said = envelope.what.emplace<Reply>(std::move(reply));
  const auto sent = send(envelope);
  if (sent || sent.error().code != Errc::too_large || !put_in_its_stead(said.what, sent.error())) return sent;
  return send(envelope);
}

Status Peers::tell(const NodeAddress& to, std::vector<HubId> hubs, ChannelEventPtr event) {
  return send({.from = self_, .to = to, .what = schemas::Delivery{std::move(hubs), std::move(event)}});
}

Status Peers::gossip(const NodeAddress& to, Gossip gossip) {
  return send({.from = self_, .to = to, .what = std::move(gossip)}, Lane::ahead);
}

Status Peers::replicate(const NodeAddress& to, RaftBatch batch, Lane lane) {
  return send({.from = self_, .to = to, .what = std::move(batch)}, lane);
}

Status Peers::tell_replicas(const NodeAddress& to, ReplicaNews news) {
  return send({.from = self_, .to = to, .what = std::move(news)}, Lane::ahead);
}

Status Peers::ask_for_state(const NodeAddress& to, SnapshotAsk ask) {
  return send({.from = self_, .to = to, .what = std::move(ask)});
}

Status Peers::give_state(const NodeAddress& to, SnapshotPart part) {
  return send({.from = self_, .to = to, .what = std::move(part)});
}

void Peers::on_peer_up(const NodeAddress& peer) {
  if (gossip_listener_ != nullptr) gossip_listener_->on_link_up(peer);
  if (replica_listener_ != nullptr) replica_listener_->on_replica_link(peer, true);
  inbox_.on_peer_up(peer);
}

void Peers::on_peer_down(const NodeAddress& peer) {
  if (gossip_listener_ != nullptr) gossip_listener_->on_link_down(peer);
  if (replica_listener_ != nullptr) replica_listener_->on_replica_link(peer, false);
  inbox_.on_peer_down(peer);
}

void Peers::on_peer_closed(const NodeAddress& peer) {
  if (gossip_listener_ != nullptr) gossip_listener_->on_link_closed(peer);
}

void Peers::on_peer_refused(const std::string& why) {
  if (gossip_listener_ != nullptr) gossip_listener_->on_link_refused(why);
}

void Peers::on_message(const NodeAddress& from, std::string bytes) {
  auto envelope = schemas::decode_envelope(bytes, clock_.now());
  if (!envelope) {
    metrics_.peer_messages_dropped("damaged").add();
    const auto now = clock_.now();
    if (damage_logged_ && *damage_logged_ + kLogAgainAfter > now) return;
    damage_logged_ = now;
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
  if (auto* gossip = std::get_if<Gossip>(&envelope->what)) {
    if (gossip_listener_ == nullptr) return metrics_.peer_messages_dropped("unwanted").add();
    return gossip_listener_->on_gossip(from, std::move(*gossip));
  }
  if (const auto* delivery = std::get_if<schemas::Delivery>(&envelope->what)) {
    return inbox_.on_peer_delivery(delivery->hubs, delivery->event);
  }
  if (replica_listener_ == nullptr) return metrics_.peer_messages_dropped("unwanted").add();
  if (auto* batch = std::get_if<RaftBatch>(&envelope->what)) {
    return replica_listener_->on_raft_batch(from, std::move(batch->bytes));
  }
  if (auto* news = std::get_if<ReplicaNews>(&envelope->what)) {
    return replica_listener_->on_replica_news(from, std::move(*news));
  }
  if (auto* ask = std::get_if<SnapshotAsk>(&envelope->what)) {
    return replica_listener_->on_snapshot_ask(from, std::move(*ask));
  }
  replica_listener_->on_snapshot_part(from, std::move(std::get<SnapshotPart>(envelope->what)));
}

}  // namespace parley::cluster

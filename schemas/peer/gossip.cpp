// Gossip between nodes, and its wire form.
#include "core/limits.h"
#include "schemas/peer/values.h"

namespace parley::schemas::peer {
namespace {

constexpr ClusterLimits kLimits;

capnp::Text::Reader short_text(Unfit& out, const std::string& from, std::size_t bytes_max) {
  if (from.size() <= bytes_max) return text(from);
  out.note(Errc::too_large, "a name in a member's record is too long");
  return "";
}
std::string short_text(Unfit& in, capnp::Text::Reader from, std::size_t bytes_max) {
  if (from.size() <= bytes_max) return string(from);
  in.note(Errc::corrupt, "a name in a member's record is too long");
  return {};
}

void write(Unfit& out, const NodeRecord& from, wire::NodeRecord::Builder to) {
  to.setRevision(from.revision);
  to.setName(short_text(out, from.name, kLimits.name_bytes_max));
  to.setHost(short_text(out, from.host, kLimits.host_bytes_max));
  to.setPort(from.port);
  to.setZone(short_text(out, from.zone, kLimits.name_bytes_max));
  to.setVersion(short_text(out, from.version, kLimits.name_bytes_max));
  to.setClockOffsetMs(from.clock_offset_ms);
  to.setConnections(from.connections);
  to.setChannelsAwake(from.channels_awake);
  to.setShardsLed(from.shards_led);
  to.setConfigDigest(from.config_digest);
  to.setCluster(from.charter.cluster.value);
  to.setData(from.charter.data);
  to.setBacks(from.charter.backs.node.value);
  to.setBacksIncarnation(from.charter.backs.incarnation.value);
  to.setRound(from.charter.round);
  to.setExpect(from.charter.expect);
  to.setDraining(from.draining);
  if (from.removed.size() > kLimits.removed_max || from.orders.size() > kLimits.drain_orders_max) {
    return out.note(Errc::too_large, "a member's record says too much of other nodes");
  }
  auto removed = to.initRemoved(static_cast<unsigned>(from.removed.size()));
  for (unsigned i = 0; i < removed.size(); ++i) {
    removed[i].setNode(from.removed[i].node.value);
    removed[i].setAtMs(from.removed[i].at_ms);
  }
  auto orders = to.initOrders(static_cast<unsigned>(from.orders.size()));
  for (unsigned i = 0; i < orders.size(); ++i) {
    const auto& order = from.orders[i];
    orders[i].setNode(order.process.node.value);
    orders[i].setIncarnation(order.process.incarnation.value);
    orders[i].setDrain(order.drain);
    orders[i].setAtMs(order.at_ms);
  }
}
void read(Unfit& in, wire::NodeRecord::Reader from, NodeRecord& to) {
  to.revision = from.getRevision();
  to.name = short_text(in, from.getName(), kLimits.name_bytes_max);
  to.host = short_text(in, from.getHost(), kLimits.host_bytes_max);
  to.port = from.getPort();
  to.zone = short_text(in, from.getZone(), kLimits.name_bytes_max);
  to.version = short_text(in, from.getVersion(), kLimits.name_bytes_max);
  to.clock_offset_ms = from.getClockOffsetMs();
  to.connections = from.getConnections();
  to.channels_awake = from.getChannelsAwake();
  to.shards_led = from.getShardsLed();
  to.config_digest = from.getConfigDigest();
  to.charter.cluster.value = from.getCluster();
  to.charter.data = from.getData();
  to.charter.backs = {NodeId{from.getBacks()}, Incarnation{from.getBacksIncarnation()}};
  to.charter.round = from.getRound();
  to.charter.expect = from.getExpect();
  to.draining = from.getDraining();
  const auto removed = from.getRemoved();
  const auto orders = from.getOrders();
  if (removed.size() > kLimits.removed_max || orders.size() > kLimits.drain_orders_max) {
    return in.note(Errc::corrupt, "a member's record says too much of other nodes");
  }
  for (const auto one : removed) to.removed.push_back({NodeId{one.getNode()}, one.getAtMs()});
  for (const auto one : orders) {
    to.orders.push_back({{NodeId{one.getNode()}, Incarnation{one.getIncarnation()}}, one.getDrain(), one.getAtMs()});
  }
}

void write(Unfit& out, const Rumour& from, wire::Rumour::Builder to) {
  to.setNode(from.about.node.value);
  to.setIncarnation(from.about.incarnation.value);
  to.setRefutation(from.refutation);
  to.setState(static_cast<std::uint8_t>(from.state));
  to.setBy(from.by.node.value);
  to.setByIncarnation(from.by.incarnation.value);
  if (!from.record) return;
  to.setHasRecord(true);
  write(out, *from.record, to.initRecord());
}
void read(Unfit& in, wire::Rumour::Reader from, Rumour& to) {
  to.about = {NodeId{from.getNode()}, Incarnation{from.getIncarnation()}};
  if (!to.about.exists()) in.note(Errc::corrupt, "a rumour about nobody");
  to.refutation = from.getRefutation();
  to.state = enumeration(in, from.getState(), NodeState::left);
  to.by = {NodeId{from.getBy()}, Incarnation{from.getByIncarnation()}};
  if (from.getHasRecord()) read(in, from.getRecord(), to.record.emplace());
}

void write(const std::uint64_t nonce, const NodeAddress& target, wire::Probe::Builder to) {
  to.setNonce(nonce);
  to.setTarget(target.node.value);
  to.setTargetIncarnation(target.incarnation.value);
}
NodeAddress target_of(wire::Probe::Reader from) {
  return {NodeId{from.getTarget()}, Incarnation{from.getTargetIncarnation()}};
}

void put(const Ping& what, wire::Gossip::Builder to) { write(what.nonce, what.target, to.initPing()); }
void put(const Ack& what, wire::Gossip::Builder to) { to.setAck(what.nonce); }
void put(const ProbeFor& what, wire::Gossip::Builder to) { write(what.nonce, what.target, to.initProbeFor()); }
void put(const NoAnswer& what, wire::Gossip::Builder to) {
  auto answer = to.initNoAnswer();
  answer.setNonce(what.nonce);
  answer.setLink(static_cast<std::uint8_t>(what.link));
}
void put(const Sync& what, wire::Gossip::Builder to) { to.initSync().setAnswer(what.answer); }

void take_what(Unfit& in, wire::Gossip::Reader from, decltype(Gossip::what)& to) {
  switch (from.which()) {
    case wire::Gossip::PING:
      to = Ping{from.getPing().getNonce(), target_of(from.getPing())};
      return;
    case wire::Gossip::ACK:
      to = Ack{from.getAck()};
      return;
    case wire::Gossip::PROBE_FOR:
      to = ProbeFor{from.getProbeFor().getNonce(), target_of(from.getProbeFor())};
      return;
    case wire::Gossip::NO_ANSWER:
      to = NoAnswer{from.getNoAnswer().getNonce(), enumeration(in, from.getNoAnswer().getLink(), LinkState::closed)};
      return;
    case wire::Gossip::SYNC:
      to = Sync{from.getSync().getAnswer()};
      return;
  }
  in.note(Errc::newer_schema, "gossip of a kind that only a later release knows");
}

}  // namespace

void write(Unfit& out, const Gossip& from, wire::Gossip::Builder to) {
  to.setWallMs(from.wall_ms);
  to.setCluster(from.cluster.value);
  to.setData(from.data);
  to.setRefutation(from.refutation);
  if (from.rumours.size() > kLimits.rumours_per_message_max) {
    return out.note(Errc::too_large, "too many rumours for one message");
  }
  auto rumours = to.initRumours(static_cast<unsigned>(from.rumours.size()));
  for (unsigned i = 0; i < rumours.size(); ++i) write(out, from.rumours[i], rumours[i]);
  std::visit([&](const auto& what) { put(what, to); }, from.what);
}

void read(Unfit& in, wire::Gossip::Reader from, Gossip& to) {
  to.wall_ms = from.getWallMs();
  to.cluster.value = from.getCluster();
  to.data = from.getData();
  to.refutation = from.getRefutation();
  const auto rumours = from.getRumours();
  if (rumours.size() > kLimits.rumours_per_message_max)
    return in.note(Errc::corrupt, "too many rumours in one message");
  to.rumours.resize(rumours.size());
  for (unsigned i = 0; i < rumours.size(); ++i) read(in, rumours[i], to.rumours[i]);
  take_what(in, from, to.what);
}

}  // namespace parley::schemas::peer

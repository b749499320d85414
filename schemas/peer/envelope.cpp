#include "schemas/peer/envelope.h"

#include "schemas/peer/values.h"

#include <algorithm>

namespace parley::schemas {
namespace {

using peer::Unfit;

void write(Unfit& out, const ChannelEvent::MemberRemoved& from, peer::wire::MemberRemoved::Builder to) {
  to.setUserId(name(out, from.user_id));
  to.setUserInfo(text(from.user_info));
  to.setUserIdIsNumber(from.id_form == IdForm::number);
}
void read(Unfit& in, peer::wire::MemberRemoved::Reader from, ChannelEvent::MemberRemoved& to) {
  to.user_id = name(in, from.getUserId());
  to.user_info = string(from.getUserInfo());
  to.id_form = id_form(from.getUserIdIsNumber());
}

void write(Unfit&, const ChannelEvent::Gap& from, peer::wire::Gap::Builder to) {
  to.setEpoch(from.epoch.value);
  to.setAfter(from.after.value);
  to.setBefore(from.before.value);
}
void read(Unfit&, peer::wire::Gap::Reader from, ChannelEvent::Gap& to) {
  to.epoch.value = from.getEpoch();
  to.after.value = from.getAfter();
  to.before.value = from.getBefore();
}

void put(Unfit& out, const ChannelEvent::Published& what, peer::wire::Delivery::Builder to) {
  peer::write(out, *what.publication, to.initPublished());
}
void put(Unfit& out, const ChannelEvent::MemberAdded& what, peer::wire::Delivery::Builder to) {
  peer::write(out, *what.member, to.initMemberAdded());
}
void put(Unfit& out, const ChannelEvent::MemberRemoved& what, peer::wire::Delivery::Builder to) {
  write(out, what, to.initMemberRemoved());
}
void put(Unfit&, const ChannelEvent::SubscriptionCount& what, peer::wire::Delivery::Builder to) {
  to.setSubscriptionCount(what.count);
}
void put(Unfit& out, const ChannelEvent::Gap& what, peer::wire::Delivery::Builder to) {
  write(out, what, to.initGap());
}

void take_what(Unfit& in, peer::wire::Delivery::Reader from, decltype(ChannelEvent::what)& to) {
  switch (from.which()) {
    case peer::wire::Delivery::PUBLISHED:
      peer::read(in, from.getPublished(), to.emplace<ChannelEvent::Published>().publication);
      return;
    case peer::wire::Delivery::MEMBER_ADDED:
      peer::read(in, from.getMemberAdded(), to.emplace<ChannelEvent::MemberAdded>().member);
      return;
    case peer::wire::Delivery::MEMBER_REMOVED:
      read(in, from.getMemberRemoved(), to.emplace<ChannelEvent::MemberRemoved>());
      return;
    case peer::wire::Delivery::SUBSCRIPTION_COUNT:
      to = ChannelEvent::SubscriptionCount{from.getSubscriptionCount()};
      return;
    case peer::wire::Delivery::GAP:
      read(in, from.getGap(), to.emplace<ChannelEvent::Gap>());
      return;
  }
  in.note(Errc::newer_schema, "an event of a kind that only a later release knows");
}

void write(Unfit& out, const Delivery& from, peer::wire::Delivery::Builder to) {
  auto hubs = to.initHubs(peer::count(out, from.hubs));
  for (unsigned i = 0; i < hubs.size(); ++i) hubs.set(i, from.hubs[i].value);
  to.setChannel(peer::channel(out, from.event->channel));
  to.setExceptSocket(from.event->except.value);
  std::visit([&](const auto& what) { put(out, what, to); }, from.event->what);
}

Delivery read(Unfit& in, peer::wire::Delivery::Reader from, MonoTime arrived) {
  Delivery delivery;
  const auto hubs = from.getHubs();
  delivery.hubs.resize(peer::length(in, hubs));
  for (unsigned i = 0; i < delivery.hubs.size(); ++i) delivery.hubs[i].value = hubs[i];
  ChannelEvent event{
      .channel = peer::channel(in, from.getChannel()), .what = {}, .except = SocketId{from.getExceptSocket()}};
  event.accepted = arrived;
  take_what(in, from, event.what);
  delivery.event = std::make_shared<const ChannelEvent>(std::move(event));
  return delivery;
}

void write(Unfit& out, const Envelope& from, peer::wire::Envelope::Builder to) {
  to.setVersion(kEnvelopeVersion);
  to.setFromNode(from.from.node.value);
  to.setFromIncarnation(from.from.incarnation.value);
  to.setToNode(from.to.node.value);
  to.setToIncarnation(from.to.incarnation.value);
  if (from.shard) {
    to.setForShard(true);
    to.setShard(from.shard->value);
    to.setTerm(from.term.value);
  }
  if (const auto* request = std::get_if<Request>(&from.what)) return peer::write(out, *request, to.initRequest());
  if (const auto* reply = std::get_if<Reply>(&from.what)) return peer::write(out, *reply, to.initReply());
  if (const auto* gossip = std::get_if<Gossip>(&from.what)) return peer::write(out, *gossip, to.initGossip());
  if (const auto* ask = std::get_if<SnapshotAsk>(&from.what)) return peer::write(out, *ask, to.initSnapshotAsk());
  if (const auto* part = std::get_if<SnapshotPart>(&from.what)) return peer::write(out, *part, to.initSnapshotPart());
  if (const auto* batch = std::get_if<RaftBatch>(&from.what)) return to.setRaft(data(batch->bytes));
  if (const auto* news = std::get_if<ReplicaNews>(&from.what)) return peer::write(out, *news, to.initReplicas());
  write(out, std::get<Delivery>(from.what), to.initDelivery());
}

Envelope read(Unfit& in, peer::wire::Envelope::Reader from, MonoTime arrived) {
  Envelope envelope;
  envelope.from = {NodeId{from.getFromNode()}, Incarnation{from.getFromIncarnation()}};
  envelope.to = {NodeId{from.getToNode()}, Incarnation{from.getToIncarnation()}};
  if (!envelope.from.exists() || !envelope.to.exists()) in.note(Errc::corrupt, "from nobody, or for nobody");
  if (from.getForShard()) {
    envelope.shard = ShardId{from.getShard()};
    envelope.term = Term{from.getTerm()};
  }
  switch (from.which()) {
    case peer::wire::Envelope::REQUEST: {
      auto& request = envelope.what.emplace<Request>();
      peer::read(in, from.getRequest(), request, arrived);
      request.from.node = envelope.from;
      return envelope;
    }
    case peer::wire::Envelope::REPLY: {
      auto& reply = envelope.what.emplace<Reply>();
      peer::read(in, from.getReply(), reply);
      reply.to.node = envelope.to;
      return envelope;
    }
    case peer::wire::Envelope::DELIVERY:
      envelope.what = read(in, from.getDelivery(), arrived);
      return envelope;
    case peer::wire::Envelope::GOSSIP:
      peer::read(in, from.getGossip(), envelope.what.emplace<Gossip>());
      return envelope;
    case peer::wire::Envelope::SNAPSHOT_ASK:
      peer::read(in, from.getSnapshotAsk(), envelope.what.emplace<SnapshotAsk>());
      return envelope;
    case peer::wire::Envelope::SNAPSHOT_PART:
      peer::read(in, from.getSnapshotPart(), envelope.what.emplace<SnapshotPart>());
      return envelope;
    case peer::wire::Envelope::RAFT:
      envelope.what = RaftBatch{string(from.getRaft())};
      return envelope;
    case peer::wire::Envelope::REPLICAS:
      peer::read(in, from.getReplicas(), envelope.what.emplace<ReplicaNews>());
      return envelope;
  }
  in.note(Errc::newer_schema, "a message of a kind that only a later release knows");
  return envelope;
}

std::size_t bytes_max_of(const Envelope& envelope) {
  constexpr auto kAny = std::numeric_limits<std::size_t>::max();  // what the caller says
  if (std::holds_alternative<Gossip>(envelope.what)) return ClusterLimits{}.gossip_bytes_max;
  const bool of_state =
      std::holds_alternative<SnapshotAsk>(envelope.what) || std::holds_alternative<SnapshotPart>(envelope.what);
  return of_state ? SnapshotLimits{}.message_bytes_max : kAny;
}

Error in_envelope(const Error& error) { return make_error(error.code, "a peer's message: " + error.message); }

}  // namespace

Result<std::string> encode_envelope(const Envelope& envelope, std::size_t bytes_max) {
  Unfit out;
  Message message;
  try {
    write(out, envelope, message.root<peer::wire::Envelope>());
  } catch (const kj::Exception&) {  // a text longer than any message may be
    out.note(Errc::too_large, "it is too large to be sent to another node");
  }
  if (out.first()) return *out.first();
  auto bytes = message.bytes();
  if (bytes.size() <= std::min(bytes_max, bytes_max_of(envelope))) return bytes;
  return make_error(Errc::too_large, "it is too large to be sent to another node");
}

Result<Envelope> decode_envelope(std::string_view bytes, MonoTime arrived, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) return make_error(Errc::too_large, "a peer's message: it has more bytes than one may");
  // Each part of a message is read once, or twice where its length is asked first. What points to the same part again
  // and again, to be copied each time, ends here.
  const auto words = 2 * bytes.size() / sizeof(capnp::word) + 64;
  return decode<peer::wire::Envelope>(
      bytes, "a peer's message",
      [&](peer::wire::Envelope::Reader root) -> Result<Envelope> {
        if (root.getVersion() == 0) return in_envelope(make_error(Errc::corrupt, "it has no version"));
        if (root.getVersion() > kEnvelopeVersion) {
          return in_envelope(make_error(Errc::newer_schema, "it is of a later release"));
        }
        Unfit in;
        auto envelope = read(in, root, arrived);
        if (in.first()) return in_envelope(*in.first());
        if (bytes.size() > bytes_max_of(envelope)) {
          return in_envelope(make_error(Errc::too_large, "it has more bytes than one of its kind may"));
        }
        return envelope;
      },
      words);
}

}  // namespace parley::schemas

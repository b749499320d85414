// What nodes say to each other arrives as it was said, whatever it is; and what no node of ours said is refused with a
// reason, whatever it is.
#include "schemas/peer/envelope.h"
#include "tests/unit/schemas/any_value.h"
#include "tests/unit/schemas/golden_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace parley::schemas {
namespace {

using testing::Roll;
using testing::same;

constexpr auto kRequests = std::variant_size_v<decltype(Request::what)>;
constexpr auto kReplies = std::variant_size_v<decltype(Reply::what)>;
constexpr auto kEvents = std::variant_size_v<decltype(ChannelEvent::what)>;
constexpr auto kGossip = std::variant_size_v<decltype(Gossip::what)>;
constexpr auto kBeforeSnapshots = kRequests + kReplies + kEvents + kGossip;
constexpr auto kKinds = kBeforeSnapshots + 2;
const MonoTime kArrived{seconds(77)};
const NodeAddress kHere{NodeId{0xA}, Incarnation{7}};
const NodeAddress kThere{NodeId{0xB}, Incarnation{9}};

NodeAddress some_node(Roll& roll) { return {NodeId{1 + roll.below(9)}, Incarnation{roll.below(9)}}; }

Gossip some_gossip(Roll& roll, std::size_t kind) {
  Gossip gossip;
  roll.fill(gossip.wall_ms);
  roll.fill(gossip.cluster);
  roll.fill(gossip.data);
  roll.fill(gossip.refutation);
  roll.fill(gossip.rumours);
  for (auto& rumour : gossip.rumours) {
    rumour.about = some_node(roll);
    if (roll.below(2) == 0) rumour.by = some_node(roll);
    if (rumour.record && roll.below(2) == 0) rumour.record->charter.backs = some_node(roll);
  }
  roll.fill(gossip.what, kind);
  if (auto* ping = std::get_if<Ping>(&gossip.what)) ping->target = some_node(roll);
  if (auto* probe = std::get_if<ProbeFor>(&gossip.what)) probe->target = some_node(roll);
  return gossip;
}

// The place that a kind had among all when there were fewer, so that the golden files stay as they were made.
std::size_t first_place_of(std::size_t kind) {
  constexpr std::size_t kFirstRequests = 32, kFirstReplies = 21;
  if (kind < kRequests) return kind < kFirstRequests ? kind : 1'000 + kind;
  if (kind < kRequests + kReplies) {
    const auto reply = kind - kRequests;
    return reply < kFirstReplies ? kFirstRequests + reply : 2'000 + reply;
  }
  return kFirstRequests + kFirstReplies + (kind - kRequests - kReplies);
}

Envelope some_envelope(std::size_t kind, std::uint64_t seed) {
  constexpr std::size_t kFirstKinds = 58;
  Roll roll(seed * kFirstKinds + first_place_of(kind));
  Envelope envelope{.from = kHere, .to = kThere};
  if (roll.below(2) == 0) {
    envelope.shard = ShardId{static_cast<std::uint16_t>(roll.below(64))};
    envelope.term = Term{roll.below(1'000)};
  }
  if (kind < kRequests) {
    auto& request = envelope.what.emplace<Request>();
    roll.fill(request.from);
    roll.fill(request.what, kind);
  } else if (kind < kRequests + kReplies) {
    auto& reply = envelope.what.emplace<Reply>();
    roll.fill(reply.to);
    roll.fill(reply.what, kind - kRequests);
  } else if (kind == kBeforeSnapshots) {
    roll.fill(envelope.what.emplace<SnapshotAsk>());
  } else if (kind == kBeforeSnapshots + 1) {
    roll.fill(envelope.what.emplace<SnapshotPart>());
  } else if (kind >= kRequests + kReplies + kEvents) {
    envelope.what = some_gossip(roll, kind - kRequests - kReplies - kEvents);
  } else {
    Delivery delivery;
    roll.fill(delivery.hubs);
    ChannelEvent event;
    roll.fill(event.channel);
    roll.fill(event.except);
    roll.fill(event.what, kind - kRequests - kReplies);
    delivery.event = std::make_shared<const ChannelEvent>(std::move(event));
    envelope.what = std::move(delivery);
  }
  return envelope;
}

bool travels(const Envelope& envelope) {
  const auto* reply = std::get_if<Reply>(&envelope.what);
  return reply == nullptr ||
         (!std::holds_alternative<ApplicationAnswer>(reply->what) && !std::holds_alternative<LedAnew>(reply->what));
}

// Fields of values beside each other; the node of an address is the envelope's.
bool equal(const Envelope& a, const Envelope& b) {
  if (a.from != b.from || a.to != b.to || a.shard != b.shard || a.term != b.term) return false;
  if (a.what.index() != b.what.index()) return false;
  if (const auto* request = std::get_if<Request>(&a.what)) {
    const auto& other = std::get<Request>(b.what);
    return same(request->from, other.from) && same(request->what, other.what);
  }
  if (const auto* reply = std::get_if<Reply>(&a.what)) {
    const auto& other = std::get<Reply>(b.what);
    return same(reply->to, other.to) && same(reply->what, other.what);
  }
  if (const auto* gossip = std::get_if<Gossip>(&a.what)) return *gossip == std::get<Gossip>(b.what);
  if (const auto* batch = std::get_if<RaftBatch>(&a.what)) return *batch == std::get<RaftBatch>(b.what);
  if (const auto* news = std::get_if<ReplicaNews>(&a.what)) return *news == std::get<ReplicaNews>(b.what);
  if (const auto* ask = std::get_if<SnapshotAsk>(&a.what)) {
    return *ask == std::get<SnapshotAsk>(b.what) && same(*ask, std::get<SnapshotAsk>(b.what));
  }
  if (const auto* part = std::get_if<SnapshotPart>(&a.what)) {
    return *part == std::get<SnapshotPart>(b.what) && same(*part, std::get<SnapshotPart>(b.what));
  }
  const auto& delivery = std::get<Delivery>(a.what);
  const auto& other = std::get<Delivery>(b.what);
  return same(delivery.hubs, other.hubs) && same(delivery.event->channel, other.event->channel) &&
         same(delivery.event->except, other.event->except) && same(delivery.event->what, other.event->what);
}

std::string name_of(std::size_t kind) {
  if (kind < kRequests) return fmt::format("request_{:02}", kind);
  if (kind < kRequests + kReplies) return fmt::format("reply_{:02}", kind - kRequests);
  if (kind >= kBeforeSnapshots) return kind == kBeforeSnapshots ? "snapshot_ask" : "snapshot_part";
  if (kind >= kRequests + kReplies + kEvents) {
    return fmt::format("gossip_{:02}", kind - kRequests - kReplies - kEvents);
  }
  return fmt::format("event_{:02}", kind - kRequests - kReplies);
}

TEST(Envelope, WhateverItHoldsArrivesAsItWasSaid) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      const auto envelope = some_envelope(kind, seed);
      const auto bytes = encode_envelope(envelope);
      ASSERT_EQ(bytes.ok(), travels(envelope)) << name_of(kind) << " seed " << seed;
      if (!bytes) {
        EXPECT_EQ(bytes.error().code, Errc::bad_request);
        continue;
      }
      const auto back = decode_envelope(*bytes, kArrived);
      ASSERT_TRUE(back.ok()) << name_of(kind) << " seed " << seed << ": " << back.error().message;
      ASSERT_TRUE(equal(envelope, *back)) << name_of(kind) << " seed " << seed;
    }
  }
}

TEST(Envelope, AddressesAreOfTheNodesThatItSays) {
  const NodeAddress somebody{NodeId{0xC}, Incarnation{1}};
  Request request{ReplyTo{{HubId{3}, SocketId{4}, somebody}, 5, 6, Origin{7}}, GetChannel{ChannelKey("a", "b")}};
  const auto asked = decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = request}), kArrived);
  ASSERT_TRUE(asked.ok());
  const auto& from = std::get<Request>(asked->what).from;
  EXPECT_EQ(from.node, kHere) << "nobody speaks for another node";
  EXPECT_EQ(from.hub, HubId{3});
  EXPECT_EQ(from.session, SocketId{4});
  EXPECT_EQ(from.ticket, 5U);
  EXPECT_EQ(from.life, 6U);
  EXPECT_EQ(from.origin, Origin{7});
  const auto answered =
      decode_envelope(*encode_envelope({.from = kThere, .to = kHere, .what = Reply{from, Done{2}}}), kArrived);
  ASSERT_TRUE(answered.ok());
  EXPECT_EQ(std::get<Reply>(answered->what).to.node, kHere);
}

TEST(Envelope, WhatWasAcceptedIsAcceptedOnArrivalHere) {
  Publish publish{.channel = ChannelKey("a", "b"), .event = "e", .data = "d", .accepted = MonoTime{seconds(1)}};
  const auto asked =
      decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, publish}}), kArrived);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(std::get<Publish>(std::get<Request>(asked->what).what).accepted, kArrived);
  const auto event = std::make_shared<const ChannelEvent>(ChannelEvent{
      ChannelKey("a", "b"), ChannelEvent::Published{std::make_shared<const Publication>()}, {}, MonoTime{seconds(1)}});
  const auto told = decode_envelope(
      *encode_envelope({.from = kHere, .to = kThere, .what = Delivery{{HubId{0}, HubId{9}}, event}}), kArrived);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(std::get<Delivery>(told->what).event->accepted, kArrived);
}

TEST(Envelope, IsForOneProcessOrForWhicheverTheNodeHas) {
  Envelope envelope{.from = kHere, .to = kThere};
  EXPECT_TRUE(envelope.is_for(kThere));
  EXPECT_FALSE(envelope.is_for(kHere));
  EXPECT_FALSE(envelope.is_for({kThere.node, Incarnation{10}}));
  envelope.to.incarnation = {};
  EXPECT_TRUE(envelope.is_for({kThere.node, Incarnation{10}}));
}

TEST(Envelope, AnErrorKeepsItsNameAndOneOfALaterReleaseIsInternal) {
  for (const auto& row : all_errors()) {
    const Error error{row.code, "why", {}, 0xB};
    const auto back =
        decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Reply{{}, Refused{error}}}), kArrived);
    ASSERT_TRUE(back.ok());
    const auto& refused = std::get<Refused>(std::get<Reply>(back->what).what);
    EXPECT_EQ(refused.error.code, row.code);
    EXPECT_EQ(refused.error.message, "why");
    EXPECT_EQ(refused.error.leader, 0xBU);
  }
  auto bytes =
      *encode_envelope({.from = kHere, .to = kThere, .what = Reply{{}, Refused{make_error(Errc::overloaded, "m")}}});
  bytes.replace(bytes.find("overloaded"), 10, "overheated");
  const auto back = decode_envelope(bytes, kArrived);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<Refused>(std::get<Reply>(back->what).what).error.code, Errc::internal);
}

// ---- bounds ----

TEST(Envelope, IsRefusedWhenItIsTooLargeOnBothSides) {
  const Publish publish{.channel = ChannelKey("a", "b"), .event = "e", .data = std::string(10'000, 'x')};
  const Envelope envelope{.from = kHere, .to = kThere, .what = Request{{}, publish}};
  const auto bytes = encode_envelope(envelope);
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(encode_envelope(envelope, bytes->size()).ok());
  EXPECT_EQ(encode_envelope(envelope, bytes->size() - 1).error().code, Errc::too_large);
  EXPECT_TRUE(decode_envelope(*bytes, kArrived, bytes->size()).ok());
  EXPECT_EQ(decode_envelope(*bytes, kArrived, bytes->size() - 1).error().code, Errc::too_large);
}

TEST(Envelope, NamesAndListsHaveAnEnd) {
  const auto ask = [](std::vector<std::string> ids) {
    return encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, GetUsers{"a", std::move(ids)}}});
  };
  EXPECT_TRUE(ask({std::string(16'384, 'x')}).ok());
  EXPECT_EQ(ask({std::string(16'385, 'x')}).error().code, Errc::too_large);
  EXPECT_TRUE(ask(std::vector<std::string>(131'072)).ok());
  EXPECT_EQ(ask(std::vector<std::string>(131'073)).error().code, Errc::too_large);
}

TEST(Envelope, WhatCopiesAShardHasBoundsOfItsOwn) {
  const auto ask = [](std::size_t key_bytes) {
    return encode_envelope({.from = kHere,
                            .to = kThere,
                            .what = SnapshotAsk{.cursor = {SnapshotFamily::state, std::string(key_bytes, 'k'), 0}}});
  };
  EXPECT_TRUE(ask(16'384).ok());
  EXPECT_EQ(ask(16'385).error().code, Errc::too_large);
  const auto part = [](std::size_t rows, std::size_t key_bytes, std::size_t value_bytes) {
    SnapshotPart said;
    const SnapshotRow row{SnapshotFamily::history, std::string(key_bytes, 'k'), std::string(value_bytes, 'v')};
    said.cursor.key = std::string(16'384, 'k');
    said.rows.assign(rows, row);
    return encode_envelope({.from = kHere, .to = kThere, .what = std::move(said)});
  };
  // What fits into a part fits into a message, whatever its rows are like.
  const SnapshotLimits limits;
  EXPECT_TRUE(part(1, 100, limits.part_bytes_max - 100 - kSnapshotRowBytes).ok());
  EXPECT_TRUE(part(limits.part_bytes_max / (1 + kSnapshotRowBytes), 1, 0).ok());
  EXPECT_TRUE(part(limits.part_bytes_max / (2 + kSnapshotRowBytes), 1, 1).ok());
  EXPECT_EQ(part(1, 1, limits.message_bytes_max).error().code, Errc::too_large);
  EXPECT_EQ(part(1, 16'385, 0).error().code, Errc::too_large);
  const auto refused = [](auto what) {
    return !decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = std::move(what)}), kArrived).ok();
  };
  EXPECT_TRUE(refused(SnapshotAsk{.kind = static_cast<SnapshotAsk::Kind>(3)}));
  EXPECT_TRUE(refused(SnapshotAsk{.cursor = {static_cast<SnapshotFamily>(2), "", 0}}));
  EXPECT_TRUE(refused(SnapshotPart{.rows = {{static_cast<SnapshotFamily>(2), "k", "v"}}}));
  EXPECT_FALSE(refused(SnapshotPart{.rows = {{SnapshotFamily::state, "k", "v"}}}));
}

std::uint64_t word_at(const std::string& bytes, std::size_t word) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + 8 * word, 8);
  return value;
}
void put_word(std::string& bytes, std::size_t word, std::uint64_t value) {
  std::memcpy(bytes.data() + 8 * word, &value, 8);
}
bool points_to_text(std::uint64_t word) { return (word & 3U) == 1U && ((word >> 32) & 7U) == 2U; }

// A list of names that are one and the same long text: a small message that would become a large one when it is read.
TEST(Envelope, WhatPointsToTheSamePartAgainAndAgainIsRefused) {
  constexpr std::size_t kNames = 50;  // so few that the message has one segment
  std::vector<std::string> ids(kNames, "y");
  ids.front() = std::string(600, 'x');
  auto bytes = *encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, GetUsers{"a", ids}}});
  ASSERT_TRUE(decode_envelope(bytes, kArrived).ok());
  std::size_t first = 0;
  for (std::size_t run = 0; run < kNames; ++first) {
    ASSERT_LT(first, bytes.size() / 8);
    run = points_to_text(word_at(bytes, first)) ? run + 1 : 0;
  }
  first -= kNames;
  const auto pointer = word_at(bytes, first);
  for (std::size_t i = 1; i < kNames; ++i) {  // the offset is counted from behind each pointer
    const auto offset = (static_cast<std::uint32_t>(pointer) >> 2U) - static_cast<std::uint32_t>(i);
    put_word(bytes, first + i, (pointer & 0xFFFFFFFF00000000U) | ((offset << 2U) | 1U));
  }
  const auto read = decode_envelope(bytes, kArrived);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST(Envelope, GossipHasBoundsOfItsOwn) {
  const auto say = [](std::size_t rumours, const NodeRecord& record) {
    Gossip gossip;
    for (std::size_t i = 0; i < rumours; ++i) gossip.rumours.push_back({.about = kHere, .record = record});
    return encode_envelope({.from = kHere, .to = kThere, .what = std::move(gossip)});
  };
  EXPECT_TRUE(say(64, {}).ok());
  EXPECT_EQ(say(65, {}).error().code, Errc::too_large);
  EXPECT_TRUE(say(1, {.name = std::string(64, 'x'), .host = std::string(255, 'x')}).ok());
  EXPECT_EQ(say(1, {.name = std::string(65, 'x')}).error().code, Errc::too_large);
  EXPECT_EQ(say(1, {.host = std::string(256, 'x')}).error().code, Errc::too_large);
  EXPECT_EQ(say(1, {.zone = std::string(65, 'x')}).error().code, Errc::too_large);
  EXPECT_EQ(say(1, {.version = std::string(65, 'x')}).error().code, Errc::too_large);
  EXPECT_EQ(say(64, {.host = std::string(255, 'x')}).error().code, Errc::too_large) << "16 KiB are enough for gossip";
  EXPECT_FALSE(
      decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Gossip{.rumours = {{}}}}), kArrived).ok())
      << "a rumour about nobody";
  const Gossip odd{.rumours = {{.about = kHere, .state = static_cast<NodeState>(4)}}};
  EXPECT_FALSE(decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = odd}), kArrived).ok());
}

TEST(Envelope, WhatIsToBecomeOfNodesTravelsWithTheirRecords) {
  NodeRecord record{.name = "a", .draining = true};
  for (std::size_t i = 0; i < ClusterLimits{}.removed_max; ++i) {
    record.removed.push_back({NodeId{~0ULL - i}, -5 + static_cast<std::int64_t>(i)});
  }
  for (std::size_t i = 0; i < ClusterLimits{}.drain_orders_max; ++i) record.orders.push_back({kThere, i % 2 == 0, 7});
  const auto say = [](const NodeRecord& said) {
    return encode_envelope(
        {.from = kHere, .to = kThere, .what = Gossip{.rumours = {{.about = kHere, .record = said}}}});
  };
  const auto bytes = say(record);
  ASSERT_TRUE(bytes.ok());
  const auto back = decode_envelope(*bytes, kArrived);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(std::get<Gossip>(back->what).rumours.at(0).record, record);
  auto more = record;
  more.removed.push_back({NodeId{1}, 1});
  EXPECT_EQ(say(more).error().code, Errc::too_large);
  more = record;
  more.orders.push_back({kHere, true, 1});
  EXPECT_EQ(say(more).error().code, Errc::too_large);
}

// What claims more of a name or of rumours than it may, as no node of ours says it, is refused by who reads it.
TEST(Envelope, GossipThatBreaksItsBoundsIsRefusedByTheReader) {
  const Gossip gossip{.rumours = {{.about = kHere, .record = NodeRecord{.name = std::string(64, 'x')}}}};
  auto bytes = *encode_envelope({.from = kHere, .to = kThere, .what = gossip});
  ASSERT_TRUE(decode_envelope(bytes, kArrived).ok());
  bool lengthened = false;
  for (std::size_t word = 0; word < bytes.size() / 8; ++word) {
    const auto value = word_at(bytes, word);
    if (!points_to_text(value) || (value >> 35U) != 65) continue;  // 64 bytes and a zero
    put_word(bytes, word, value + (std::uint64_t{1} << 35U));
    lengthened = true;
  }
  ASSERT_TRUE(lengthened);
  const auto read = decode_envelope(bytes, kArrived);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message.find("too long"), std::string::npos) << read.error().message;
}

// ---- damage ----

TEST(Envelope, WithoutItsEndItIsRefused) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const auto bytes = encode_envelope(some_envelope(kind, 1));
    if (!bytes) continue;
    for (std::size_t length = 0; length < bytes->size(); ++length) {
      ASSERT_FALSE(decode_envelope(bytes->substr(0, length), kArrived).ok()) << name_of(kind) << " at " << length;
    }
    EXPECT_FALSE(decode_envelope(*bytes + std::string(8, '\0'), kArrived).ok()) << name_of(kind);
  }
}

// Whatever one flipped bit makes of it, it is a value that can be said again, or an error.
TEST(Envelope, WhatReplicasSayComesBackOrIsRefused) {
  const std::vector<decltype(Envelope::what)> said{
      RaftBatch{std::string("a\0b", 3)}, RaftBatch{},
      ReplicaNews{.led = {{ShardId{3}, Term{4}}, {ShardId{63}, Term{1'000'000'000'000}, true}},
                  .members = {{ShardId{5}, ReplicaId{7}, Term{8}}},
                  .strangers = {{ShardId{6}, ReplicaId{~0ULL}, Term{9}}}},
      ReplicaNews{}};
  for (const auto& what : said) {
    const Envelope envelope{.from = kHere, .to = kThere, .what = what};
    auto bytes = encode_envelope(envelope);
    ASSERT_TRUE(bytes.ok());
    const auto back = decode_envelope(*bytes, kArrived);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_TRUE(equal(envelope, *back));
    for (std::size_t bit = 0; bit < 8 * bytes->size(); ++bit) {
      auto& byte = (*bytes)[bit / 8];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      if (const auto other = decode_envelope(*bytes, kArrived)) { EXPECT_TRUE(encode_envelope(*other).ok()) << bit; }
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    }
  }
  const auto nobody =
      encode_envelope({.from = kHere, .to = kThere, .what = ReplicaNews{.members = {{ShardId{1}, {}, {}}}}});
  ASSERT_TRUE(nobody.ok());
  EXPECT_EQ(decode_envelope(*nobody, kArrived).error().code, Errc::corrupt);
}

TEST(Envelope, WithAFlippedBitItIsAnErrorOrSomethingElseThatCanBeSaid) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    auto bytes = encode_envelope(some_envelope(kind, 2));
    if (!bytes) continue;
    for (std::size_t bit = 0; bit < 8 * bytes->size(); ++bit) {
      auto& byte = (*bytes)[bit / 8];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      if (const auto back = decode_envelope(*bytes, kArrived)) {
        const auto again = encode_envelope(*back);
        ASSERT_TRUE(again.ok()) << name_of(kind) << " bit " << bit;
        const auto third = decode_envelope(*again, kArrived);
        ASSERT_TRUE(third.ok() && equal(*back, *third)) << name_of(kind) << " bit " << bit;
      }
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    }
  }
}

// Every half word once with a number that stands for nothing: kinds, enumerations, lengths, pointers.
TEST(Envelope, KindsOfALaterReleaseAreNamedAsSuch) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const auto bytes = encode_envelope(some_envelope(kind, 3));
    if (!bytes) continue;
    bool newer = false;
    for (std::size_t at = 0; at + 2 <= bytes->size(); at += 2) {
      auto changed = *bytes;
      changed.replace(at, 2, "\xE7\x03");
      const auto back = decode_envelope(changed, kArrived);
      newer = newer || (!back && back.error().code == Errc::newer_schema &&
                        back.error().message.find("later release knows") != std::string::npos);
    }
    EXPECT_TRUE(newer) << name_of(kind);
  }
}

TEST(Envelope, NumbersThatStandForNothingAreRefused) {
  const auto refused = [](auto what) {
    return !decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, std::move(what)}}),
                            kArrived)
                .ok();
  };
  const ChannelKey channel("a", "b");
  EXPECT_TRUE(refused(Unsubscribe{.channel = channel, .reason = static_cast<LeaveReason>(3)}));
  EXPECT_TRUE(refused(Publish{.channel = channel, .kind = static_cast<DataKind>(2)}));
  EXPECT_TRUE(refused(SignIn{.via = static_cast<Via>(3)}));
  EXPECT_TRUE(refused(SetActivity{.status = static_cast<UserStatus>(3)}));
  EXPECT_TRUE(refused(GetHistory{.channel = channel, .direction = static_cast<Direction>(2)}));
  EXPECT_TRUE(refused(GetChannel{ChannelKey()}));
  EXPECT_TRUE(refused(GetChannel{ChannelKey("a", "b/c")}));
  EXPECT_TRUE(refused(GetChannel{ChannelKey("a", std::string_view("b\0c", 3))}));
  EXPECT_FALSE(refused(GetChannel{channel}));
}

// They are added to times, and subtracted from them.
TEST(Envelope, DurationsOfWhichTimeWouldOverflowAreRefused) {
  const auto repeat = [](milliseconds after) {
    const Publish publish{.channel = ChannelKey("a", "b"), .once = "x", .once_repeat = after};
    return decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, publish}}), kArrived);
  };
  EXPECT_TRUE(repeat(milliseconds(0xFFFF'FFFF)).ok());
  EXPECT_EQ(repeat(milliseconds(0x1'0000'0000)).error().code, Errc::corrupt);
  EXPECT_EQ(repeat(milliseconds(-1)).error().code, Errc::corrupt);
  // Ours to say: of a client that was silent for longer it makes no difference.
  const SignOut out{.user = {"a", "ann"}, .silent_for = milliseconds::max()};
  const auto said =
      decode_envelope(*encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, out}}), kArrived);
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(std::get<SignOut>(std::get<Request>(said->what).what).silent_for.count(), 0xFFFF'FFFF);
  auto bytes = *encode_envelope({.from = kHere, .to = kThere, .what = Request{{}, out}});
  const std::string most("\xFF\xFF\xFF\xFF\0\0\0\0", 8);
  ASSERT_NE(bytes.find(most), std::string::npos);
  bytes.replace(bytes.find(most), 8, std::string("\0\0\0\0\0\0\0\x80", 8));
  EXPECT_EQ(decode_envelope(bytes, kArrived).error().code, Errc::corrupt);
}

TEST(Envelope, OfNoVersionOrALaterOneIsRefusedAsIsOneFromNobody) {
  const Envelope envelope{.from = kHere, .to = kThere, .what = Request{{}, GetChannel{ChannelKey("a", "b")}}};
  auto bytes = *encode_envelope(envelope);
  // The version is the first field of the root, which stands behind the frame's head and its own pointer.
  auto& version = bytes[16];
  ASSERT_EQ(version, 1);
  version = 2;
  EXPECT_EQ(decode_envelope(bytes, kArrived).error().code, Errc::newer_schema);
  version = 0;
  EXPECT_EQ(decode_envelope(bytes, kArrived).error().code, Errc::corrupt);
  version = 1;
  EXPECT_TRUE(decode_envelope(bytes, kArrived).ok());
  EXPECT_FALSE(decode_envelope(*encode_envelope({.from = {}, .to = kThere, .what = envelope.what}), kArrived).ok());
  EXPECT_FALSE(decode_envelope(*encode_envelope({.from = kHere, .to = {}, .what = envelope.what}), kArrived).ok());
}

// ---- the bytes ----

// One file a kind: what this release says, the next one understands. A kind's number in its file's name is its place in
// core/request.h, where kinds are only added at the end.
TEST(Envelope, BytesOfEachKindAreThoseThatWereRecorded) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const auto envelope = some_envelope(kind, 4);
    const auto bytes = encode_envelope(envelope);
    if (!bytes) continue;
    const auto back = decode_envelope(testing::golden("peer/" + name_of(kind), *bytes), kArrived);
    ASSERT_TRUE(back.ok()) << name_of(kind);
    EXPECT_TRUE(equal(envelope, *back)) << name_of(kind);
  }
}

}  // namespace
}  // namespace parley::schemas

#pragma once
// What a client or an API caller asks of the node, and what the node answers. The protocols make
// Requests out of packets; the gateway takes them to channel and user actors; Replies come back to
// the hub that asked. Plain values; move them.

#include "core/publication.h"
#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace parley {

// Who gets the answer. `session` exists for a client's session; otherwise `ticket` names a waiting
// HTTP request of that hub. Replies to a session or ticket that is gone are dropped by the hub.
struct ReplyTo {
  HubId hub;
  SocketId session;
  std::uint64_t ticket = 0;
};

// Where a subscriber wants to start.
struct ResumeFrom {
  std::optional<Position> since;  // own clients: exactly what came after this
  std::string client_id;          // stock clients with a client id: since the position it confirmed
  std::uint32_t rewind = 0;       // else: the newest N publications
};

struct Subscribe {
  ChannelKey channel;
  SubscriptionId subscription;  // chosen by the session; stale answers are told apart by it
  MemberPtr member;             // presence channels only
  ResumeFrom resume;
};

enum class LeaveReason : std::uint8_t { unsubscribed, closed_by_client, connection_lost };

struct Unsubscribe {
  ChannelKey channel;
  SubscriptionId subscription;
  LeaveReason reason = LeaveReason::unsubscribed;
  std::string client_id;  // with a cursor: kept when the connection was lost, dropped when left on purpose
};

struct Publish {
  ChannelKey channel;
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  SocketId except;
  std::string user_id;
  bool client_event = false;
  std::string idempotency_key;  // empty: none. A second publish with it gets the first one's result
  std::string once;             // signature of the request: a second publish with it is `replayed`
  bool wants_reply = true;
  bool wants_counts = false;    // fill ChannelInfo in the reply
  std::uint64_t ack = 0;        // echoed
  MonoTime accepted;
};

// A stock client with a client id has received everything up to here (it answered a later ping).
struct Confirm {
  ChannelKey channel;
  std::string client_id;
  Offset offset;
};

struct SignIn {
  UserKey user;
  std::string user_info;               // JSON text, may be empty
  std::vector<std::string> watchlist;  // ids of the same app
};
struct SignOut {
  UserKey user;
  std::vector<std::string> watchlist;
  LeaveReason reason = LeaveReason::connection_lost;
};
struct TerminateUser { UserKey user; };

struct GetChannel { ChannelKey channel; };
struct GetMembers { ChannelKey channel; };
struct ListChannels { std::string app; std::string prefix; };

enum class Direction : std::uint8_t { forward, backward };
struct GetHistory {
  ChannelKey channel;
  std::optional<Position> since;    // exclusive; forward: older bound, backward: newer bound
  std::optional<WallTime> from_time;  // inclusive
  std::optional<WallTime> to_time;    // exclusive
  std::size_t limit = 100;
  Direction direction = Direction::forward;
};
struct DeletePublication { ChannelKey channel; Position position; };
struct DeleteHistory { ChannelKey channel; };
struct ListActors { std::size_t limit = 1'000; };  // for the console and operators

struct Request {
  ReplyTo from;
  std::variant<Subscribe, Unsubscribe, Publish, Confirm, SignIn, SignOut, TerminateUser, GetChannel, GetMembers,
               ListChannels, GetHistory, DeletePublication, DeleteHistory, ListActors>
      what;
};

// ---- answers ----

enum class ResumeOutcome : std::uint8_t {
  none,      // nothing was asked
  complete,  // everything since the asked position follows (maybe nothing)
  gap,       // what lies between is not kept any more; what is kept follows
};

struct Subscribed {
  ChannelKey channel;
  SubscriptionId subscription;
  RosterPtr roster;            // presence channels only; includes the new member
  Position position;           // newest; exists on durable channels only
  ResumeOutcome resume = ResumeOutcome::none;
  Offset gap_after;            // gap: the client's position …
  Offset gap_before;           // … and the first offset that is still there (or the next one)
  bool catching_up = false;    // Missed answers follow, until one with `last`
  bool cache_channel = false;
  PublicationPtr cached;       // cache channels: the stored event, or null for a cache miss
  std::uint64_t subscription_count = 0;
};
struct SubscribeRefused { ChannelKey channel; SubscriptionId subscription; Error error; };

// Publications between the resumed position and the position in Subscribed, in order.
struct Missed {
  ChannelKey channel;
  SubscriptionId subscription;
  std::vector<PublicationPtr> publications;
  bool last = false;
  std::optional<Error> error;  // the history could not be read: announce a gap
};

struct ChannelInfo {
  ChannelKey channel;
  std::uint64_t subscriptions = 0;
  std::uint64_t users = 0;
  bool presence = false;
  bool cache_channel = false;
  PublicationPtr cached;
  std::int64_t cache_ttl_seconds = 0;
  Position position;
};

struct Published {
  ChannelKey channel;
  std::uint64_t ack = 0;
  Position position;
  bool duplicate = false;  // the idempotency key was known: position is the first one's
  std::optional<ChannelInfo> counts;
};
struct PublishRefused { ChannelKey channel; std::uint64_t ack = 0; Error error; };

struct WatchlistChanged {  // to a signed-in session
  std::vector<std::string> online;
  std::vector<std::string> offline;
};
struct Terminated {};  // close the session: 4009

struct Members { std::vector<MemberPtr> members; bool presence = true; };
struct ChannelList { std::vector<ChannelInfo> channels; };
struct HistoryPage {
  ChannelKey channel;
  std::vector<PublicationPtr> publications;  // in the asked direction
  Position newest;
  Offset oldest;        // first offset that is kept
  bool gap = false;     // `since` lies before `oldest`, or in another epoch
  bool more = false;
};
struct Done { std::uint64_t count = 0; };
struct ActorInfo {
  std::string kind;
  std::string name;
  std::uint64_t mailbox = 0;
  std::uint64_t messages = 0;  // since it started
  std::string last_error;
};
struct ActorList { std::vector<ActorInfo> actors; };
struct Refused { Error error; };

struct Reply {
  ReplyTo to;
  std::variant<Subscribed, SubscribeRefused, Missed, Published, PublishRefused, WatchlistChanged, Terminated,
               ChannelInfo, Members, ChannelList, HistoryPage, Done, ActorList, Refused>
      what;
};

}  // namespace parley

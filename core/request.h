#pragma once
// What a client or an API caller asks of the node, and what the node answers. The protocols make
// Requests out of packets; the gateway takes them to channel and user actors; Replies come back to
// the hub that asked. Plain values; move them.

#include "core/address.h"
#include "core/client_origin.h"
#include "core/notice.h"
#include "core/publication.h"
#include "core/result.h"
#include "core/user.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace parley {

// Who gets the answer. `session` exists for a client's session, which may number what it asks; otherwise `ticket` names
// a waiting HTTP request of that hub. Replies to a session or ticket that is gone are dropped by the hub.
struct ReplyTo : SessionAddress {
  ReplyTo() = default;
  explicit ReplyTo(const SessionAddress& address, std::uint64_t ticket_in = 0, std::uint32_t life_in = 0,
                   Origin origin_in = {})
      : SessionAddress(address), ticket(ticket_in), life(life_in), origin(origin_in) {}

  std::uint64_t ticket = 0;
  std::uint32_t life = 0;  // which of the sessions that had this id one after another; 0: whichever has it
  Origin origin{};         // where a session's client is: what it makes the node hold counts to that share
};

// Where a subscriber wants to start.
struct ResumeFrom {
  std::optional<Position> since;  // own clients: exactly what came after this
  std::string client_id;          // stock clients with a client id: since the position it confirmed
  std::uint32_t rewind = 0;       // else: the newest N publications
  std::size_t page_bytes = 0;     // of what comes with the answer; 0: as configured
  bool no_page = false;           // nothing comes with the answer: it is asked for
};

struct Subscribe {
  ChannelKey channel;
  SubscriptionId subscription;  // chosen by the session; stale answers are told apart by it
  MemberPtr member;             // presence channels only
  ResumeFrom resume;
  std::string user_id;  // whom the session speaks for on this channel; may be empty
};

enum class LeaveReason : std::uint8_t { unsubscribed, closed_by_client, connection_lost };

struct Unsubscribe {
  ChannelKey channel;
  SubscriptionId subscription;
  LeaveReason reason = LeaveReason::unsubscribed;
  std::string client_id;  // with a cursor: kept when the connection was lost, dropped when left on purpose
};

// A subscriber that catches up has room for more of what it missed. Answered Missed.
struct MoreMissed {
  ChannelKey channel;
  SubscriptionId subscription;
  Position after;         // it was sent everything up to here
  std::size_t bytes = 0;  // about so many; 0: as configured
};

// `from` without a hub's session or ticket, and wants_reply off: published by the node itself.
struct Publish {
  ChannelKey channel;
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  SocketId except;
  std::string user_id;
  IdForm id_form = IdForm::text;  // of user_id
  bool client_event = false;
  bool transient = false;       // never kept, whatever the channel's rule; dropped when nobody listens
  std::string idempotency_key;  // empty: none. A second publish with it gets the first one's result
  std::string key_scope;        // whose key that is (core/command.h); empty: the application's
  std::string once;             // signature of the request: a second publish with it is `replayed`,
  milliseconds once_repeat{0};  // unless it comes this soon after the first
  bool wants_reply = true;
  bool wants_counts = false;  // fill ChannelInfo in the reply
  std::uint64_t ack = 0;      // echoed
  MonoTime accepted;
};

// A stock client with a client id has received everything up to here (it answered a later ping).
struct Confirm {
  ChannelKey channel;
  std::string client_id;
  Offset offset;
  Epoch epoch{};  // that the offset is of; 0: before the channel's first publication
};

// What is told about a connection to those who look after users.
struct ConnectionAbout {
  std::string address;  // the client's, proxies taken into account
  std::string client;   // library and version, as `js 8.6.0`; may be empty
  WallTime connected;
};

// A session speaks for a user from now on. Again for the same user: with new facts (a newer token).
struct SignIn {
  UserKey user;
  std::string user_info;                            // JSON text, may be empty
  std::vector<std::string> watchlist;               // ids of the same app
  Via via = Via::signature;                         // signature or token
  std::optional<std::vector<std::string>> domains;  // nothing: none were named, what is known stays
  std::optional<WallTime> token_issued;             // Via::token
  ConnectionAbout about;
  IdForm id_form = IdForm::text;
};
// The session no longer speaks for the user: it ended.
struct SignOut {
  UserKey user;
  std::vector<std::string> watchlist;
  LeaveReason reason = LeaveReason::connection_lost;
  milliseconds silent_for{0};  // since something was last heard of the client
};
// The session became a member of a presence channel as this user, or left one and lives on.
struct JoinedAs {
  UserKey user;
  std::string user_info;
  std::string channel;
  ConnectionAbout about;
  IdForm id_form = IdForm::text;
};
struct LeftAs {
  UserKey user;
  std::string channel;
};
// Is anybody looking? From a session that speaks for the user.
struct SetActivity {
  UserKey user;
  UserStatus status = UserStatus::online;  // online or away
};
struct TerminateUser {
  UserKey user;
  bool revoke_tokens = false;  // connection tokens issued until now are refused from now on
};
// Takes a user off one channel, on all connections; until a time it may not come back.
struct KickUser {
  UserKey user;
  std::string channel;
  WallTime until;  // 0: it may come back at once
};
struct BanUser {
  UserKey user;
  WallTime until;      // 0: lifts a ban
  std::string reason;  // told to the user
};
// Ends the connections and takes the user's record and its places in domains away; blocks stay.
struct ForgetUser {
  UserKey user;
};
struct GetUsers {
  std::string app;
  std::vector<std::string> ids;
};  // answered in the asked order
struct GetSessions {
  UserKey user;
};
struct ListUsers {
  std::string app;
  std::optional<UserStatus> status;  // only these
  std::string after;                 // `next` of the page before
  std::size_t limit = 100;
};
struct ListDomain {
  std::string app;
  std::string domain;
  std::string after;
  std::size_t limit = 100;
  std::string echo;  // comes back in the answer
};

struct ListWebhooks {
  std::string app;
};  // empty: of all applications
struct ListDeadNotices {
  std::string target;
  std::string after;
  std::size_t limit = 100;
};
// Dead letters of a target: sent again, or dropped. No ids: all of them.
struct ReplayNotices {
  std::string target;
  std::vector<std::string> ids;
  bool drop = false;
};

struct GetChannel {
  ChannelKey channel;
};
struct GetMembers {
  ChannelKey channel;
};
struct ListChannels {
  std::string app;
  std::string prefix;
};

enum class Direction : std::uint8_t { forward, backward };
struct GetHistory {
  ChannelKey channel;
  std::optional<Position> since;      // exclusive; forward: older bound, backward: newer bound
  std::optional<WallTime> from_time;  // inclusive
  std::optional<WallTime> to_time;    // exclusive
  std::size_t limit = 100;
  Direction direction = Direction::forward;
  std::size_t bytes_max = 0;  // the page ends here, with `more`; 0: as the node's pages do
};
struct DeletePublication {
  ChannelKey channel;
  Position position;
};
struct DeleteHistory {
  ChannelKey channel;
};
struct ListActors {
  std::size_t limit = 1'000;
};  // for the console and operators

// What a session needs to be taken up again, kept in the log under a secret name until a time. Again: replaces.
struct KeepSession {
  std::string app;
  std::string key;     // secret, unguessable; chosen by the asker: 1 to kSessionKeyBytesMax printable characters
  std::string record;  // opaque bytes
  WallTime expires;
  bool wants_reply = false;  // Done (count 1) once stored, or Refused
};
inline constexpr std::size_t kSessionKeyBytesMax = 256;
// Reads a kept session and removes it, in one step: of two who ask, one gets it. Answered SessionTaken, always.
struct TakeSession {
  std::string app;
  std::string key;
};
// Not answered.
struct DropSession {
  std::string app;
  std::string key;
};

// Who is here already, said by a hub to a channel that has another leader now: nobody is answered, and neither members
// nor the backend are told of who was here all the time. `from` is the hub.
struct Announce {
  struct Subscription {
    SocketId session;
    SubscriptionId subscription;
    MemberPtr member;        // presence channels only
    std::uint64_t came = 0;  // as the leader before said in Subscribed
    std::string user_id;     // as in Subscribe, and the client's id
    std::string client_id;
  };
  ChannelKey channel;
  std::vector<Subscription> subscriptions;
  // Durable channels: what was told here last; one that does not exist: nothing was ever published, as far as is known
  // here. What the channel told since, by the leader before or this one, is still to come (Behind).
  std::optional<Position> told;
};
// The same of a session that speaks for a user, to the user: as it stands, so that nothing seems to change.
struct AnnounceUser {
  UserKey user;
  std::string user_info;
  IdForm id_form = IdForm::text;
  bool signed_in = false;  // else it is there as a member alone
  Via via = Via::presence;
  std::optional<WallTime> token_issued;  // Via::token
  UserStatus activity = UserStatus::online;
  std::vector<std::string> channels;  // presence channels joined as the user
  ConnectionAbout about;
};

struct Request {
  ReplyTo from;
  std::variant<Subscribe, Unsubscribe, MoreMissed, Publish, Confirm, SignIn, SignOut, JoinedAs, LeftAs, SetActivity,
               TerminateUser, KickUser, BanUser, ForgetUser, GetUsers, GetSessions, ListUsers, ListDomain, ListWebhooks,
               ListDeadNotices, ReplayNotices, GetChannel, GetMembers, ListChannels, GetHistory, DeletePublication,
               DeleteHistory, ListActors, KeepSession, TakeSession, DropSession, Announce, AnnounceUser>
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
  RosterPtr roster;   // presence channels only; includes the new member
  Position position;  // newest; exists on durable channels only
  ResumeOutcome resume = ResumeOutcome::none;
  Offset gap_after;          // gap: the client's position …
  Offset gap_before;         // … and the first offset that is still there (or the next one)
  bool catching_up = false;  // Missed answers follow, until one with `last`
  Position from;             // catching up: what follows comes after this
  bool cache_channel = false;
  PublicationPtr cached;  // cache channels: the stored event, or null for a cache miss
  std::uint64_t subscription_count = 0;
  std::uint64_t came = 0;  // presence channels: the member's place in the order of the roster, to be announced
};
struct SubscribeRefused {
  ChannelKey channel;
  SubscriptionId subscription;
  Error error;
};

// A page of what a subscriber missed, in order. The first comes by itself after Subscribed, each other one is asked for
// by MoreMissed. With the last one it has everything that the channel has told: what is told later comes live.
struct Missed {
  ChannelKey channel;
  SubscriptionId subscription;
  std::vector<PublicationPtr> publications;
  Position reached;   // everything up to here is in this page or was before it
  Offset gap_before;  // > 0: before these is a gap, which ends before this offset: it is not kept any more
  bool last = false;
  std::optional<Error> error;        // the page could not be read; last: nor will it, announce a gap. Else ask again
  std::shared_ptr<const void> held;  // its part of the node's bound on what is on its way; let go of when it is sent
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
struct PublishRefused {
  ChannelKey channel;
  std::uint64_t ack = 0;
  Error error;
};

struct WatchlistChanged {  // to a signed-in session
  std::vector<std::string> online;
  std::vector<std::string> offline;
};
struct Terminated {
  Error error;
};  // close the session with it: terminated or banned
// The session is taken off this channel.
struct Kicked {
  ChannelKey channel;
  Error error;
};

struct UserList {
  std::vector<UserAbout> users;
  std::string next;  // for the next page; empty: this was the last
  std::string echo;  // of ListDomain
};
// The application was asked whether a session may join a channel. Not from the actors: net asked.
struct ApplicationAnswer {
  std::string channel;
  bool allowed = false;
  std::string channel_data;  // presence channels: JSON text; may be empty
  Error error;               // when it is not allowed
};
struct UserSession {
  SocketId socket;
  Via via = Via::signature;
  UserStatus activity = UserStatus::online;
  std::vector<std::string> channels;  // presence channels joined as the user
  ConnectionAbout about;
};
struct SessionList {
  UserAbout user;
  std::vector<UserSession> sessions;
};

// How the delivery to one target goes.
struct WebhookAbout {
  std::string target;
  std::string app;
  std::string url;
  bool configured = true;       // false: notices are left of a target that is not configured any more
  std::uint64_t waiting = 0;    // notices stored and not acknowledged, in flight included
  std::uint64_t in_flight = 0;  // requests
  std::uint64_t delivered = 0;  // notices, since the start
  std::uint64_t failures = 0;   // requests in a row
  std::string last_failure;     // readable; of the newest request that failed
  std::uint64_t dead = 0;
};
struct WebhookList {
  std::vector<WebhookAbout> webhooks;
};
struct DeadNoticeList {
  std::vector<DeadNotice> notices;
  std::string next;
};

struct Members {
  std::vector<MemberPtr> members;
  bool presence = true;
};
struct ChannelList {
  std::vector<ChannelInfo> channels;
};
struct HistoryPage {
  ChannelKey channel;
  std::vector<PublicationPtr> publications;  // in the asked direction
  Position newest;
  Offset oldest;     // first offset that is kept
  bool gap = false;  // `since` lies before `oldest`, or in another epoch
  bool more = false;
};
struct Done {
  std::uint64_t count = 0;
};
struct ActorInfo {
  std::string kind;
  std::string name;
  std::uint64_t mailbox = 0;
  std::uint64_t messages = 0;  // since it started
  std::string last_error;
};
struct ActorList {
  std::vector<ActorInfo> actors;
};
struct SessionTaken {
  std::string key;
  std::optional<std::string> record;  // nothing: not kept, expired, taken, or see `error`
  std::optional<Error> error;         // it could not be asked; whether the record is still there is unknown
  WallTime expires;                   // of the record: who gives it back does it until then
};
struct Refused {
  Error error;
};

// ---- to a hub, of what it announced ----

// It was not kept, and neither was what the hub said of that shard before: it is to announce the shard again.
struct AnnounceRefused {
  ChannelKey channel;  // or the user's place
};
// Publications were told that the hub has not told: those who listen there ask for them (MoreMissed).
struct Behind {
  ChannelKey channel;
  Position newest;  // of the channel. From a hub to its session: what was told there last
};
// Who is present, now that all hubs had time to say so: what the hub's clients know otherwise it tells them.
struct RosterIs {
  ChannelKey channel;
  RosterPtr roster;
};

// These shards have other leaders now, or ones that can be reached again: they do not know who is here, and what they
// were asked before is not answered any more. To a session from its hub, as ApplicationAnswer: it does not travel.
struct LedAnew {
  std::vector<ShardId> shards;  // sorted
  std::uint16_t shard_count = 0;
  [[nodiscard]] bool holds(const ChannelKey& place) const {
    return std::binary_search(shards.begin(), shards.end(), shard_of(place, shard_count));
  }
};

struct Reply {
  ReplyTo to;
  std::variant<Subscribed, SubscribeRefused, Missed, Published, PublishRefused, WatchlistChanged, Terminated, Kicked,
               ApplicationAnswer, UserList, SessionList, WebhookList, DeadNoticeList, ChannelInfo, Members, ChannelList,
               HistoryPage, Done, ActorList, SessionTaken, Refused, AnnounceRefused, Behind, RosterIs, LedAnew>
      what;
};

}  // namespace parley

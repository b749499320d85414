#pragma once
// What actors send each other. Node-local: between nodes only envelopes travel. Each carries values
// or handles that may be moved out by its one receiver.

#include "actors/channel/channel.h"
#include "actors/credit.h"
#include "cluster/shard.h"
#include "core/command.h"
#include "core/request.h"

#include <caf/all.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace parley::actors {

// Who leads a shard, from the log thread: to the router, the shard's actor and the webhook actor.
struct Leading {
  ShardId shard;
  Term term;
};
struct Following {
  ShardId shard;
  std::optional<cluster::ShardLeader> leader;
};

// to the router
struct Incoming {
  std::vector<Request> requests;
  Credit credit;  // for each of them
};
struct ChannelIdle {
  ChannelKey channel;
  std::uint64_t handled = 0;
};  // may I sleep?
struct Untold {
  Effect effect;
};                 // stored although its write failed, or by somebody else's proposal
struct LeftOpen {  // of a shard that this node leads now: what is to be done first
  ShardId shard;
  Term term;
  Result<cluster::Unfinished> found;
};
struct ReadLeftOpen {  // to itself: it could not be read before
  ShardId shard;
  Term term;
};
struct TakenUp {  // the same, of what is led from the start
  struct InShard {
    ShardId shard;
    Term term;
    cluster::Unfinished open;
  };
  std::vector<InShard> shards;
};
struct UserIdle {
  UserKey user;
  std::uint64_t handled = 0;
};  // may I sleep?
struct ChannelDescribed {
  std::uint64_t list = 0;
  ChannelInfo info;
};

// to a channel actor
struct ToChannel {
  Request request;
  Credit credit;
};
struct Opened {
  Result<DurableState> state;
};
struct Applied {
  std::vector<std::pair<CommandToken, Effect>> effects;
};
struct NotApplied {
  std::vector<CommandToken> tokens;
  Error error;
};
struct HistoryRead {
  std::uint64_t read = 0;
  Result<HistoryPage> page;
};
struct Reserved {
  std::uint64_t read = 0;
  std::shared_ptr<const void> held;
};
struct CursorRead {
  std::uint64_t read = 0;
  Result<CursorFound> offset;
};
struct Describe {
  std::uint64_t list = 0;
};
struct Sleep {};
struct Deposed {  // another node leads the shard: what waits is refused, and the actor ends
  Error why;
};
struct Reconfigured {
  SettingsPtr settings;
};
struct NodeUp {  // to the router: it can be reached
  NodeAddress node;
};
struct NodeGone {  // to the router, and on to all that may know sessions of that process
  NodeAddress node;
};
struct Tick {};

// to a shard actor
struct Propose {
  caf::actor origin;
  CommandToken token = 0;
  Command command;
  WaitForDisk wait = WaitForDisk::yes;
};
struct ToShard {  // about a kept session; its place was checked
  Request request;
  Credit credit;
};
struct Gathered {};  // to itself: what stood in the mailbox before it goes into one entry
struct EntryApplied {
  cluster::EntryToken entry = 0;
  std::vector<Effect> effects;
};
struct EntryRefused {
  cluster::EntryToken entry = 0;
  Error error;
};

// to a user actor
struct ToUser {
  Request request;
  Credit credit;
};
struct UserOpened {
  Result<UserAbout> about;
};
struct Attend {};  // the record was left open by the process before

// to the watchlists actor
struct ToWatchlists {
  Request request;
  Credit credit;
};

// to the webhook actor
struct NoticesFound {  // in shards that are led here now: what is stored there
  struct InShard {
    ShardId shard;
    Term term;
    std::vector<NoticeRow> rows;
    std::map<std::string, std::uint64_t> dead;
  };
  std::vector<InShard> shards;
};
struct NoticesStored {
  ShardId shard;
  std::vector<NoticeRow> rows;
  std::vector<std::uint64_t> died;
};
struct ToWebhooks {
  Request request;
  Credit credit;
};

}  // namespace parley::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Leading)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Following)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Deposed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NodeUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NodeGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Incoming)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ChannelIdle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Untold)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ChannelDescribed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ToChannel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NotApplied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::HistoryRead)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Reserved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::CursorRead)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Describe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Sleep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Reconfigured)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Propose)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ToShard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Gathered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::EntryApplied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::EntryRefused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::LeftOpen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ReadLeftOpen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::TakenUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::UserIdle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ToUser)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::UserOpened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::Attend)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ToWatchlists)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NoticesFound)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::NoticesStored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(parley::actors::ToWebhooks)

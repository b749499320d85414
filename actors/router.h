#pragma once
// Takes requests to their actors: wakes channel and user actors, lets idle ones sleep, answers what
// concerns many of them. One for a node; owns the channel and user actors' handles.

#include "actors/actor_context.h"
#include "actors/held_requests.h"
#include "actors/messages.h"
#include "actors/shares.h"

#include <caf/all.hpp>

#include <unordered_map>

namespace parley::actors {

class Router final : public caf::event_based_actor {
 public:
  Router(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats,
         std::shared_ptr<ActorStats> watchlists_stats, std::shared_ptr<ActorStats> webhooks_stats);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  struct Awake {
    caf::actor actor;
    std::shared_ptr<ActorStats> stats;
    std::uint64_t sent = 0;  // requests; an actor sleeps only when it has handled them all
    bool others = false;     // another node's may be among them
    Origin origin;           // of a channel: whose client brought it up, if one did
  };
  struct Listing {  // a ListChannels that waits for the channels' answers
    ReplyTo from;
    std::size_t waiting = 0;
    ChannelList list;
  };

  struct Role {
    bool leads = false;                          // and has read what was left open
    Term term;                                   // in which it leads, or is about to
    std::optional<cluster::ShardLeader> leader;  // while another node does, as far as is known
    [[nodiscard]] std::optional<NodeId> leading_node() const {
      return leader ? std::optional(leader->node) : std::nullopt;
    }
    [[nodiscard]] bool is_read() const { return !leads && term.value > 0; }  // what was left open is
  };
  void lead(const Leading& message);
  void read_left_open(ShardId shard, Term term);
  void left_open(LeftOpen& message);
  [[nodiscard]] bool about_to_lead(ShardId shard, Term term) const;
  void take_up(TakenUp message);
  void follow(const Following& message);
  [[nodiscard]] Status leads(const ChannelKey& place) const;
  // Of a place that is not led here: takes it to the leader, or says who that is.
  void refer(const ChannelKey& place, Request& request);
  void route_held(ShardId shard);
  void ask_to_announce(const ChannelKey& place, const Request& request);
  void announce_anew(std::vector<ShardId> shards);
  [[nodiscard]] Status leads_all() const;  // of what is asked of all shards together
  void route(Request& request);
  void to_channel(const ChannelKey& channel, Request& request);
  [[nodiscard]] Status may_wake(const Request& request, const ChannelKey& channel) const;  // one that sleeps
  void sleeps(const ChannelKey& channel, const Awake& awake);
  [[nodiscard]] bool is_others(const Request& request) const;  // another node's
  bool to_watchlists(const Request& request);                  // false: refused
  void to_user(const UserKey& user, Request& request);
  void refuse(const Request& request, const Error& error);
  void to_webhooks(Request& request);
  void to_shard(Request& request);
  [[nodiscard]] Status may_keep(const Request& request);
  void read_users(const Request& request, const GetUsers& ask);
  void list_users(const Request& request, const ListUsers& ask);
  void list_domain(const Request& request, const ListDomain& ask);
  void list_channels(const Request& request, const ListChannels& ask);
  void list_actors(const ReplyTo& from, const ListActors& ask);
  Awake& wake(const ChannelKey& channel);
  Awake& wake_user(const UserKey& user);
  std::function<void(Result<cluster::UserPage>)> answer_page(const ReplyTo& from, std::string echo = {});

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  std::shared_ptr<ActorStats> watchlists_stats_;
  std::shared_ptr<ActorStats> webhooks_stats_;
  Credit credit_;  // of the request that is being routed
  SettingsPtr settings_;
  std::size_t mailbox_max_ = 0;
  ChannelShares channel_shares_;
  WriteShares kept_shares_;
  std::vector<Role> roles_;                         // by ShardId
  HeldRequests held_;                               // of shards that are about to be led
  std::unordered_map<ChannelKey, Awake> channels_;  // of shards that are led here, as the users below
  std::unordered_map<UserKey, Awake> users_;
  std::unordered_map<std::uint64_t, Listing> listings_;
  std::uint64_t next_listing_ = 1;
};

}  // namespace parley::actors

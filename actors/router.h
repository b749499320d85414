#pragma once
// Takes requests to their actors: wakes channel actors, lets idle ones sleep, answers what concerns
// many of them. One for a node; owns the channel actors' handles.

#include "actors/actor_context.h"
#include "actors/messages.h"

#include <caf/all.hpp>

#include <unordered_map>

namespace parley::actors {

class Router final : public caf::event_based_actor {
 public:
  Router(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats,
         std::shared_ptr<ActorStats> users_stats);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  struct Awake {
    caf::actor actor;
    std::shared_ptr<ActorStats> stats;
    std::uint64_t sent = 0;  // requests; an actor sleeps only when it has handled them all
  };
  struct Listing {  // a ListChannels that waits for the channels' answers
    ReplyTo from;
    std::size_t waiting = 0;
    ChannelList list;
  };

  void route(Request& request);
  void to_channel(const ChannelKey& channel, Request& request);
  void to_users(Request& request);
  void refuse(const Request& request, const Error& error);
  void list_channels(const ReplyTo& from, const ListChannels& ask);
  void list_actors(const ReplyTo& from, const ListActors& ask);
  Awake& wake(const ChannelKey& channel);

  std::shared_ptr<ActorContext> context_;
  std::shared_ptr<ActorStats> stats_;
  std::shared_ptr<ActorStats> users_stats_;
  std::size_t mailbox_max_ = 0;
  std::unordered_map<ChannelKey, Awake> channels_;
  std::unordered_map<std::uint64_t, Listing> listings_;
  std::uint64_t next_listing_ = 1;
};

}  // namespace parley::actors

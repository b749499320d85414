#include "actors/router.h"

#include "actors/channel/channel_actor.h"
#include "actors/people/user_actor.h"
#include "actors/refusal.h"
#include "actors/session_command.h"

namespace parley::actors {
namespace {

constexpr auto kReadAgain = seconds(1);  // what was left open could not be read

bool open_to_all(const ChannelKey& channel) { return !channel_traits(channel.name()).needs_auth; }

}  // namespace

Router::Router(caf::actor_config& config, std::shared_ptr<ActorContext> context, std::shared_ptr<ActorStats> stats,
               std::shared_ptr<ActorStats> watchlists_stats, std::shared_ptr<ActorStats> webhooks_stats)
    : event_based_actor(config),
      context_(std::move(context)),
      stats_(std::move(stats)),
      watchlists_stats_(std::move(watchlists_stats)),
      webhooks_stats_(std::move(webhooks_stats)),
      settings_(context_->settings.current()),
      mailbox_max_(settings_->limits.mailbox_messages_max),
      roles_(context_->shards->count()) {}

caf::behavior Router::make_behavior() {
  return {
      [this](Incoming& message) {
        context_->taken_out(*stats_);
        for (auto& request : message.requests) {
          credit_ = message.credit.split();
          route(request);
          credit_.give_back();  // where it did not go on with the request
        }
      },
      [this](const Leading& message) { lead(message); },
      [this](LeftOpen& message) { left_open(message); },
      [this](const ReadLeftOpen& message) {
        if (about_to_lead(message.shard, message.term)) read_left_open(message.shard, message.term);
      },
      [this](TakenUp& message) { take_up(std::move(message)); },
      [this](const Following& message) { follow(message); },
      [this](const NodeUp& message) {
        std::vector<ShardId> led;
        for (std::uint16_t i = 0; i < roles_.size(); ++i) {
          if (roles_[i].leading_node() == message.node.node) led.push_back(ShardId{i});
        }
        if (!led.empty()) announce_anew(std::move(led));
      },
      [this](const NodeGone& message) {
        for (auto& [key, awake] : channels_) {
          if (awake.others) send(awake.actor, message);
        }
        for (auto& [key, awake] : users_) {
          if (awake.others) send(awake.actor, message);
        }
        send(context_->watchlists, message);
        held_.node_gone(message.node);
        std::erase_if(listings_, [&](const auto& row) { return row.second.from.node == message.node; });
      },
      [this](const ChannelIdle& message) {
        const auto place = channels_.find(message.channel);
        if (place == channels_.end() || place->second.sent != message.handled) return;
        // Nothing is on its way to it, and nothing can be: only we send requests.
        send(place->second.actor, Sleep{});
        sleeps(place->first, place->second);
        channels_.erase(place);
      },
      [this](const UserIdle& message) {
        const auto place = users_.find(message.user);
        if (place == users_.end() || place->second.sent != message.handled) return;
        send(place->second.actor, Sleep{});
        users_.erase(place);
      },
      [this](Untold& message) {
        const auto place = channels_.find(message.effect.channel);
        if (place == channels_.end()) return;  // asleep: whoever wakes it reads the history
        Applied told;
        told.effects.emplace_back(CommandToken{0}, std::move(message.effect));
        send(place->second.actor, std::move(told));
      },
      [this](ChannelDescribed& message) {
        const auto place = listings_.find(message.list);
        if (place == listings_.end()) return;
        auto& listing = place->second;
        if (message.info.subscriptions > 0) listing.list.channels.push_back(std::move(message.info));
        if (--listing.waiting > 0) return;
        context_->reply({listing.from, std::move(listing.list)});
        listings_.erase(place);
      },
      [this](const Reconfigured& message) {
        settings_ = message.settings;
        mailbox_max_ = settings_->limits.mailbox_messages_max;
        for (auto& [key, awake] : channels_) send(awake.actor, message);
        for (auto& [key, awake] : users_) send(awake.actor, message);
        for (const auto& shard : context_->shard_actors) send(shard, message);
        send(context_->webhooks, message);
      },
  };
}

void Router::on_exit() {
  for (auto& [key, awake] : channels_) send_exit(awake.actor, caf::exit_reason::user_shutdown);
  channels_.clear();
  for (auto& [key, awake] : users_) send_exit(awake.actor, caf::exit_reason::user_shutdown);
  users_.clear();
}

// Nobody is served before it is known what the leader before left open: bans, and whose end is still to be told.
void Router::lead(const Leading& message) {
  auto& role = roles_[message.shard.value];
  if (role.leads && role.term == message.term) return;
  role = {false, message.term, std::nullopt};
  read_left_open(message.shard, message.term);
}

// Else the lead was lost meanwhile, or gained in another term.
bool Router::about_to_lead(ShardId shard, Term term) const {
  const auto& role = roles_[shard.value];
  return !role.leads && role.term == term;
}

void Router::read_left_open(ShardId shard, Term term) {
  context_->shards->read_unfinished(shard, [self = caf::actor(this), shard, term](Result<cluster::Unfinished> found) {
    caf::anon_send(self, LeftOpen{shard, term, std::move(found)});
  });
}

void Router::left_open(LeftOpen& message) {
  if (!about_to_lead(message.shard, message.term)) return;
  if (!message.found) {
    context_->failed(*stats_, message.found.error().message);
    return delayed_send(this, kReadAgain, ReadLeftOpen{message.shard, message.term});
  }
  context_->know(message.shard, *message.found);
  announce_anew({message.shard});
  TakenUp taken;
  taken.shards.push_back({message.shard, message.term, std::move(*message.found)});
  take_up(std::move(taken));
}

void Router::take_up(TakenUp message) {
  // Of what was led from the start something may have been gained anew since.
  std::erase_if(message.shards, [&](const auto& one) { return roles_[one.shard.value].term > one.term; });
  NoticesFound notices;
  for (auto& [shard, term, open] : message.shards) {
    roles_[shard.value] = {true, term, std::nullopt};
    auto& found = notices.shards.emplace_back(NoticesFound::InShard{shard, term, {}, std::move(open.dead)});
    for (auto& waiting : open.notices) found.rows.push_back(std::move(waiting.row));
  }
  send(context_->webhooks, std::move(notices));
  for (const auto& one : message.shards) {
    // Also those with blocks only: what has ended is forgotten then.
    for (const auto& [user, record] : one.open.users) send(wake_user(user).actor, Attend{});
  }
  for (const auto& one : message.shards) {
    for (const auto& channel : one.open.channels) send(wake(channel).actor, Attend{});
  }
  for (const auto& one : message.shards) route_held(one.shard);
}

// Whoever leads now. Its own watchlists have heard of it when it came.
void Router::route_held(ShardId shard) {
  for (auto& request : held_.take(shard)) {
    if (const auto* in = std::get_if<SignIn>(&request.what)) {
      to_user(in->user, request);
    } else if (const auto* out = std::get_if<SignOut>(&request.what)) {
      to_user(out->user, request);
    } else {
      route(request);
    }
  }
}

// Its channels and users are the next leader's to wake. Nothing is on its way to them behind this: only we send.
void Router::follow(const Following& message) {
  const auto before = std::exchange(roles_[message.shard.value], Role{false, {}, message.leader});
  if (message.leader && (before.leads || before.leader != message.leader)) announce_anew({message.shard});
  const Deposed deposed{not_leader(roles_[message.shard.value].leading_node())};
  const auto count = context_->shards->count();
  std::erase_if(channels_, [&](const auto& row) {
    if (shard_of(row.first, count) != message.shard) return false;
    send(row.second.actor, deposed);
    sleeps(row.first, row.second);
    return true;
  });
  std::erase_if(users_, [&](const auto& row) {
    if (shard_of(user_place(row.first), count) != message.shard) return false;
    send(row.second.actor, deposed);
    return true;
  });
  route_held(message.shard);
}

Status Router::leads(const ChannelKey& place) const {
  const auto& role = roles_[shard_of(place, context_->shards->count()).value];
  if (role.leads) return {};
  return not_leader(role.leading_node());
}

// To the hubs here. What they say comes back behind whatever they asked before.
void Router::announce_anew(std::vector<ShardId> shards) {
  const LedAnew anew{std::move(shards), context_->shards->count()};
  for (const auto& hub : context_->hubs) hub->push(anew);
}

// What was referred once is not again: two nodes may each take the other for the leader.
void Router::refer(const ChannelKey& place, Request& request) {
  const auto shard = shard_of(place, context_->shards->count());
  const auto& role = roles_[shard.value];
  if (role.is_read() && !may_be_refused(request)) {
    credit_.give_back();  // what is held has a bound of its own
    const auto from = request.from;
    if (!held_.hold(shard, std::move(request))) ask_to_announce(place, {from, {}});
    return;
  }
  if (context_->peers == nullptr || !role.leader || is_others(request)) {
    // Of our hubs nothing is missed: they announce anew when it is known who leads.
    if (is_others(request) && !may_be_refused(request)) ask_to_announce(place, request);
    return refuse(request, not_leader(role.leading_node()));
  }
  credit_.give_back();  // before the answer: it is that node's line from here on
  auto asked = request;
  const auto sent =
      context_->peers->ask({role.leader->node, {}}, cluster::ShardTerm{shard, role.leader->term}, std::move(asked));
  // Neither its hub nor the leader would know that it is missing.
  if (!sent && sent.error().code == Errc::overloaded && !may_be_refused(request)) {
    context_->peers->drop({role.leader->node, {}});
  }
  // That it cannot be reached says nothing about what was asked for.
  if (!sent) refuse(request, sent.error().code == Errc::not_found ? not_leader(role.leading_node()) : sent.error());
}

void Router::ask_to_announce(const ChannelKey& place, const Request& request) {
  context_->reply({ReplyTo(request.from.of_hub()), AnnounceRefused{place}});
}

Status Router::leads_all() const {
  const auto other = std::find_if(roles_.begin(), roles_.end(), [](const Role& role) { return !role.leads; });
  if (other == roles_.end()) return {};
  return not_leader(other->leading_node());
}

void Router::route(Request& request) {
  struct Destination {
    Router& router;
    Request& request;
    void operator()(const Subscribe& what) const { router.to_channel(what.channel, request); }
    void operator()(const Unsubscribe& what) const { router.to_channel(what.channel, request); }
    void operator()(const Publish& what) const { router.to_channel(what.channel, request); }
    void operator()(const MoreMissed& what) const { router.to_channel(what.channel, request); }
    void operator()(const Confirm& what) const { router.to_channel(what.channel, request); }
    void operator()(const GetChannel& what) const { router.to_channel(what.channel, request); }
    void operator()(const GetMembers& what) const { router.to_channel(what.channel, request); }
    void operator()(const GetHistory& what) const { router.to_channel(what.channel, request); }
    void operator()(const DeletePublication& what) const { router.to_channel(what.channel, request); }
    void operator()(const DeleteHistory& what) const { router.to_channel(what.channel, request); }
    void operator()(const SignIn& what) const {
      if (router.is_others(request) || router.to_watchlists(request)) router.to_user(what.user, request);
    }
    void operator()(const SignOut& what) const {
      if (router.is_others(request) || router.to_watchlists(request)) router.to_user(what.user, request);
    }
    void operator()(const JoinedAs& what) const { router.to_user(what.user, request); }
    void operator()(const LeftAs& what) const { router.to_user(what.user, request); }
    void operator()(const SetActivity& what) const { router.to_user(what.user, request); }
    void operator()(const TerminateUser& what) const { router.to_user(what.user, request); }
    void operator()(const KickUser& what) const { router.to_user(what.user, request); }
    void operator()(const BanUser& what) const { router.to_user(what.user, request); }
    void operator()(const ForgetUser& what) const { router.to_user(what.user, request); }
    void operator()(const GetSessions& what) const { router.to_user(what.user, request); }
    void operator()(const GetUsers& what) const { router.read_users(request, what); }
    void operator()(const ListUsers& what) const { router.list_users(request, what); }
    void operator()(const ListDomain& what) const { router.list_domain(request, what); }
    void operator()(const ListWebhooks&) const { router.to_webhooks(request); }
    void operator()(const ListDeadNotices&) const { router.to_webhooks(request); }
    void operator()(const ReplayNotices&) const { router.to_webhooks(request); }
    void operator()(const ListChannels& what) const { router.list_channels(request, what); }
    void operator()(const ListActors& what) const { router.list_actors(request.from, what); }
    void operator()(const KeepSession&) const { router.to_shard(request); }
    void operator()(const TakeSession&) const { router.to_shard(request); }
    void operator()(const DropSession&) const { router.to_shard(request); }
    void operator()(const Announce& what) const { router.to_channel(what.channel, request); }
    void operator()(const AnnounceUser& what) const { router.to_user(what.user, request); }
  };
  std::visit(Destination{*this, request}, request.what);
}

Router::Awake& Router::wake(const ChannelKey& channel) {
  auto [place, added] = channels_.try_emplace(channel);
  auto& awake = place->second;
  if (added) {
    awake.stats = std::make_shared<ActorStats>();
    awake.stats->kind = actor_kind(channel_traits(channel.name()).kind);
    awake.stats->name = channel.text();
    awake.actor = home_system().spawn<ChannelActor, caf::lazy_init>(context_, channel, awake.stats);
  }
  return awake;
}

void Router::to_channel(const ChannelKey& channel, Request& request) {
  const bool woken = !channels_.contains(channel);
  if (woken) {
    if (!leads(channel)) return refer(channel, request);
    if (const auto* publish = std::get_if<Publish>(&request.what); publish != nullptr && publish->transient) {
      // Nobody is woken for what is not kept and nobody hears.
      if (publish->wants_reply) context_->reply({request.from, Published{.channel = channel, .ack = publish->ack}});
      return;
    }
    if (const auto allowed = may_wake(request, channel); !allowed) return refuse(request, allowed.error());
  }
  auto& awake = wake(channel);
  if (woken && request.from.origin.exists()) {
    awake.origin = request.from.origin;
    channel_shares_.add(awake.origin, open_to_all(channel));
  }
  if (awake.stats->mailbox.load(std::memory_order_relaxed) >= mailbox_max_ && may_be_refused(request)) {
    return refuse(request, make_error(Errc::overloaded, "the channel's queue is full"));
  }
  ++awake.sent;
  awake.others = awake.others || is_others(request);
  context_->came_in(*awake.stats);
  send(awake.actor, ToChannel{std::move(request), std::move(credit_)});
}

// What clients ask for wakes only so many channels: anybody can invent names.
Status Router::may_wake(const Request& request, const ChannelKey& channel) const {
  const auto origin = request.from.origin;
  if (!origin.exists() || !may_be_refused(request)) return {};
  const auto why = channel_shares_.refuses(origin, open_to_all(channel), settings_->limits);
  if (!why) return {};
  if (*why == Errc::over_capacity) return make_error(*why, "the node has as many channels as it may");
  context_->metrics.share_refusals("channels").add();
  return make_error(*why, "the clients of this address have as many channels as they may");
}

void Router::sleeps(const ChannelKey& channel, const Awake& awake) {
  if (awake.origin.exists()) channel_shares_.remove(awake.origin, open_to_all(channel));
}

// Its own node has told its watchlists.
bool Router::is_others(const Request& request) const {
  return request.from.node.exists() && request.from.node != context_->self;
}

bool Router::to_watchlists(const Request& request) {
  if (watchlists_stats_->mailbox.load(std::memory_order_relaxed) >= mailbox_max_ && may_be_refused(request)) {
    refuse(request, make_error(Errc::overloaded, "the sign-in queue is full"));
    return false;
  }
  context_->came_in(*watchlists_stats_);
  send(context_->watchlists, ToWatchlists{request, credit_});  // it is two now
  return true;
}

Router::Awake& Router::wake_user(const UserKey& user) {
  auto [place, added] = users_.try_emplace(user);
  auto& awake = place->second;
  if (added) {
    awake.stats = std::make_shared<ActorStats>();
    awake.stats->kind = ActorKind::user_status;
    awake.stats->name = user.app + "/" + user.id;
    awake.actor = home_system().spawn<UserActor, caf::lazy_init>(context_, user, awake.stats);
  }
  return awake;
}

void Router::to_user(const UserKey& user, Request& request) {
  if (!users_.contains(user)) {
    if (!leads(user_place(user))) return refer(user_place(user), request);
  }
  auto& awake = wake_user(user);
  if (awake.stats->mailbox.load(std::memory_order_relaxed) >= mailbox_max_ && may_be_refused(request)) {
    return refuse(request, make_error(Errc::overloaded, "the user's queue is full"));
  }
  ++awake.sent;
  awake.others = awake.others || is_others(request);
  context_->came_in(*awake.stats);
  send(awake.actor, ToUser{std::move(request), std::move(credit_)});
}

void Router::to_webhooks(Request& request) {
  if (webhooks_stats_->mailbox.load(std::memory_order_relaxed) >= mailbox_max_) {
    return refuse(request, make_error(Errc::overloaded, "the webhooks' queue is full"));
  }
  context_->came_in(*webhooks_stats_);
  send(context_->webhooks, ToWebhooks{std::move(request), std::move(credit_)});
}

void Router::to_shard(Request& request) {
  const auto place = place_of_session(request);
  if (!place) return refuse(request, make_error(Errc::bad_request, "the session's key is not valid"));
  if (!leads(*place)) return refer(*place, request);
  if (const auto allowed = may_keep(request); !allowed) {
    auto& keep = std::get<KeepSession>(request.what);
    if (keep.wants_reply) return refuse(request, allowed.error());
    // The last word of a session that ended. Without room for it nothing is kept: what stands there was to live longer.
    context_->metrics.kept_sessions_refused(info(allowed.error().code).name).add();
    DropSession drop{std::move(keep.app), std::move(keep.key)};
    request.what = std::move(drop);
  }
  const auto shard = shard_of(*place, context_->shards->count()).value;
  auto& stats = *context_->shard_stats[shard];
  if (stats.mailbox.load(std::memory_order_relaxed) >= mailbox_max_ && may_be_refused(request)) {
    return refuse(request, make_error(Errc::overloaded, "the shard's queue is full"));
  }
  context_->came_in(stats);
  send(context_->shard_actors[shard], ToShard{std::move(request), std::move(credit_)});
}

// What is kept of sessions goes through the log: a client that opens them and goes, again and again, writes no more
// than its address may have kept.
Status Router::may_keep(const Request& request) {
  const auto* keep = std::get_if<KeepSession>(&request.what);
  const auto origin = request.from.origin;
  if (keep == nullptr || !origin.exists()) return {};
  const auto window = std::max(settings_->socketio.recovery_window, seconds(1));
  const auto bytes = keep->record.size() + keep->key.size();
  if (kept_shares_.take(origin, bytes, settings_->limits.kept_sessions_bytes_per_address_max, window,
                        context_->clock.now())) {
    return {};
  }
  context_->metrics.share_refusals("kept_sessions").add();
  return make_error(Errc::over_capacity, "the clients of this address had as many sessions kept as they may");
}

// Answers on the reader thread. What is stored is what was told: no user actor need be asked.
void Router::read_users(const Request& request, const GetUsers& ask) {
  std::vector<UserKey> users;
  users.reserve(ask.ids.size());
  for (const auto& id : ask.ids) {
    users.push_back({ask.app, id});
    if (const auto led = leads(user_place(users.back())); !led) return refuse(request, led.error());
  }
  context_->shards->read_users(std::move(users),
                               [context = context_, from = request.from](Result<std::vector<UserAbout>> found) {
                                 if (!found) return context->reply({from, Refused{found.error()}});
                                 context->reply({from, UserList{std::move(*found), {}, {}}});
                               });
}

void Router::list_users(const Request& request, const ListUsers& ask) {
  if (const auto led = leads_all(); !led) return refuse(request, led.error());
  context_->shards->list_users(ask, answer_page(request.from));
}

void Router::list_domain(const Request& request, const ListDomain& ask) {
  if (const auto led = leads_all(); !led) return refuse(request, led.error());  // its people are in many shards
  context_->shards->list_domain(ask, answer_page(request.from, ask.echo));
}

std::function<void(Result<cluster::UserPage>)> Router::answer_page(const ReplyTo& from, std::string echo) {
  return [context = context_, from, echo = std::move(echo)](Result<cluster::UserPage> page) {
    if (!page) return context->reply({from, Refused{page.error()}});
    context->reply({from, UserList{std::move(page->users), std::move(page->next), echo}});
  };
}

void Router::refuse(const Request& request, const Error& error) { context_->refuse(request, error); }

void Router::list_channels(const Request& request, const ListChannels& ask) {
  if (const auto led = leads_all(); !led) return refuse(request, led.error());  // a part would look like all
  const auto& from = request.from;
  const auto id = next_listing_++;
  Listing listing{.from = from};
  for (auto& [key, awake] : channels_) {
    if (key.app() != ask.app || !key.name().starts_with(ask.prefix)) continue;
    send(awake.actor, Describe{id});
    ++listing.waiting;
  }
  if (listing.waiting == 0) return context_->reply({from, ChannelList{}});
  listings_.emplace(id, std::move(listing));
}

void Router::list_actors(const ReplyTo& from, const ListActors& ask) {
  ActorList list;
  const auto add = [&](ActorStats& stats) {
    if (list.actors.size() >= ask.limit) return;
    const MutexLock lock(stats.error_mutex);
    list.actors.push_back({to_text(stats.kind), stats.name, stats.mailbox, stats.messages, stats.last_error});
  };
  add(*stats_);
  add(*watchlists_stats_);
  add(*webhooks_stats_);
  for (const auto& shard : context_->shard_stats) add(*shard);
  for (const auto& [key, awake] : channels_) add(*awake.stats);
  for (const auto& [key, awake] : users_) add(*awake.stats);
  context_->reply({from, std::move(list)});
}

}  // namespace parley::actors

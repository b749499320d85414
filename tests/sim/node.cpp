#include "tests/sim/node.h"

#include "core/check.h"
#include "tests/sim/channel_shell.h"

namespace parley::sim {

namespace {

constexpr std::uint16_t kHubs = 2;

template <class What>
const ChannelKey* channel_of(const What& what) {
  if constexpr (requires { what.channel.name(); }) {
    return &what.channel;
  } else {
    return nullptr;
  }
}

}  // namespace

Node::Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const SettingsSource& settings, NodeWatch& watch,
           Scheduler::Owner alive)
    : scheduler_(scheduler),
      plan_(plan),
      settings_(settings),
      watch_(watch),
      alive_(std::move(alive)),
      factory_(net::make_pusher_sessions(pusher_)),
      from_users_(kHubs),
      shards_(scheduler, plan, disk, *this, alive_),
      shard_shells_(plan.shards) {
  for (std::uint16_t i = 0; i < kHubs; ++i) {
    to_router_.push_back(std::make_unique<Lane>());
    hubs_.push_back(std::make_unique<Hub>(scheduler, plan, HubId{i}, [this, i](Request request) {
      to_router_[i]->post(scheduler_, hop(), alive_,
                          [this, request = std::move(request)]() mutable { route(std::move(request)); });
    }));
    hubs_.back()->on_ticket([this](Reply& answer) {
      const auto found = tickets_.find(answer.to.ticket);
      if (found == tickets_.end()) return;
      const auto done = std::move(found->second);
      tickets_.erase(found);
      done(answer);
    });
  }
}

Node::~Node() = default;

Status Node::start() { return shards_.start(); }

nanoseconds Node::hop() {
  if (scheduler_.chance(plan_.slow_actors)) return scheduler_.between(milliseconds(1), milliseconds(40));
  return scheduler_.between(microseconds(1), microseconds(80));
}

// ---- the edge ----

void Node::accept(const std::shared_ptr<Connection>& connection, std::string_view path) {
  const SocketId socket{scheduler_.dice().next() | 1};
  auto outcome = factory_->accept({.path = path, .query = "protocol=7&client=sim&version=1", .socket = socket});
  auto* accepted = std::get_if<net::Accepted>(&outcome);
  CHECK(accepted != nullptr);
  auto& hub = *hubs_[scheduler_.below(kHubs)];
  auto session = std::make_shared<ServerSession>(hub, connection, socket, std::move(accepted->protocol));
  connection->attach(session);
  hub.add(session);
  session->open();
}

void Node::publish(Publish publish, std::function<void(Reply&)> answered) {
  const auto ticket = ++last_ticket_;
  tickets_.emplace(ticket, std::move(answered));
  publish.accepted = scheduler_.now();
  hubs_[0]->submit({ReplyTo{{HubId{0}, {}}, ticket}, std::move(publish)});
}

void Node::push(Lane& lane, HubId hub, actors::HubMessage message) {
  lane.post(scheduler_, hop(), alive_,
            [to = hubs_[hub.value].get(), message = std::move(message)]() mutable { to->handle(message); });
}

// ---- the router (actors/router.cpp) ----

void Node::route(Request request) {
  const auto* channel = std::visit([](const auto& what) { return channel_of(what); }, request.what);
  if (channel == nullptr) {
    to_users_.post(scheduler_, hop(), alive_, [this, request = std::move(request)] { to_users(request); });
    return;
  }
  const ChannelKey key = *channel;
  to_channel(key, std::move(request));
}

void Node::to_channel(const ChannelKey& key, Request request) {
  auto& awake = channels_[key];
  if (awake.shell == nullptr) {
    awake.shell = std::make_shared<ChannelShell>(*this, key);
    awake.shell->begin();
  }
  ++awake.sent;
  awake.lane.post(scheduler_, hop(), awake.shell, [to = awake.shell.get(), request = std::move(request)]() mutable {
    to->request(std::move(request));
  });
}

void Node::untold(Effect effect) {
  const auto place = channels_.find(effect.channel);
  if (place == channels_.end()) return;
  auto& awake = place->second;
  awake.lane.post(scheduler_, hop(), awake.shell, [to = awake.shell.get(), effect = std::move(effect)] {
    to->applied({{CommandToken{0}, effect}});
  });
}

void Node::may_sleep(const ChannelKey& channel, std::uint64_t handled) {
  const auto place = channels_.find(channel);
  if (place == channels_.end()) return;
  if (place->second.sent != handled && plan_.bug != Bug::asleep_too_early) return;
  scheduler_.note("asleep", channel.text());
  channels_.erase(place);
}

// ---- watchlists (actors/people/watchlists_actor.cpp) ----

void Node::to_users(const Request& request) {
  const auto now = scheduler_.now();
  if (const auto* in = std::get_if<SignIn>(&request.what)) users_.sign_in(request.from, *in, now);
  if (const auto* out = std::get_if<SignOut>(&request.what)) {
    users_.sign_out(request.from, *out, now + settings_.current()->rule_for("user." + out->user.id).presence_grace);
  }
  schedule_users();
}

void Node::schedule_users() {
  const auto wait = users_tick_.wish(users_.deadline(), scheduler_.now());
  if (!wait) return;
  scheduler_.after(*wait, alive_, [this] {
    users_tick_.came();
    users_.tick(scheduler_.now());
    schedule_users();
  });
}

void Node::reply(Reply reply) {
  const auto hub = reply.to.hub;
  push(from_users_[hub.value], hub, std::move(reply));
}

// ---- shards (actors/shard_actor.cpp) ----

void Node::propose(ShardId shard, Proposal proposal) {
  shard_shells_[shard.value].waiting.push_back(std::move(proposal));
  propose_waiting(shard);
}

void Node::propose_waiting(ShardId id) {
  auto& shard = shard_shells_[id.value];
  if (shard.waiting.empty() || !shard.in_flight.empty()) return;
  std::vector<Command> commands;
  std::vector<Origin> origins;
  auto sync = storage::Sync::no;
  while (!shard.waiting.empty()) {
    auto& next = shard.waiting.front();
    if (next.wait == actors::WaitForDisk::yes) sync = storage::Sync::yes;
    origins.push_back(std::move(next.origin));
    commands.push_back(std::move(next.command));
    shard.waiting.pop_front();
  }
  const auto entry = shard.next_entry++;
  shard.in_flight.emplace(entry, std::move(origins));
  shard.to_log.post(scheduler_, nanoseconds(0), alive_,
                    [this, id, entry, commands = std::move(commands), sync]() mutable {
                      shards_.propose(id, entry, std::move(commands), sync);
                    });
}

void Node::on_applied(ShardId id, cluster::EntryToken entry, std::vector<Effect> effects) {
  for (const auto& effect : effects) {
    if (const auto* appended = std::get_if<Effect::Appended>(&effect.what)) {
      scheduler_.note("applied", effect.channel.text() + " " + position_text(appended->publication->position) +
                                     " in entry " + std::to_string(entry));
    }
  }
  shard_shells_[id.value].from_log.post(
      scheduler_, hop(), alive_, [this, id, entry, effects = std::move(effects)]() mutable {
        auto& shard = shard_shells_[id.value];
        const auto place = shard.in_flight.find(entry);
        if (place == shard.in_flight.end()) {  // found in the log after the disk had failed
          for (auto& effect : effects) {
            if (!std::holds_alternative<Effect::Appended>(effect.what)) continue;
            shard.to_router.post(scheduler_, hop(), alive_,
                                 [this, effect = std::move(effect)]() mutable { untold(std::move(effect)); });
          }
          return;
        }
        const auto origins = std::move(place->second);
        shard.in_flight.erase(place);
        propose_waiting(id);
        CHECK(origins.size() == effects.size() || plan_.bug == Bug::replay_skipped);
        std::vector<std::pair<std::shared_ptr<ChannelShell>, std::vector<std::pair<CommandToken, Effect>>>> parcels;
        for (std::size_t i = 0; i < origins.size(); ++i) {
          auto channel = origins[i].channel.lock();
          if (channel == nullptr) continue;
          const auto parcel =
              std::find_if(parcels.begin(), parcels.end(), [&](const auto& one) { return one.first == channel; });
          auto& into = parcel == parcels.end()
                           ? parcels.emplace_back(channel, std::vector<std::pair<CommandToken, Effect>>())
                           : *parcel;
          into.second.emplace_back(origins[i].token, std::move(effects[i]));
        }
        for (auto& [channel, parcel] : parcels) {
          channel->from_shard().post(scheduler_, hop(), channel,
                                     [to = channel.get(), told = std::move(parcel)] { to->applied(told); });
        }
      });
}

void Node::on_refused(ShardId id, cluster::EntryToken entry, Error error) {
  shard_shells_[id.value].from_log.post(scheduler_, hop(), alive_, [this, id, entry, error = std::move(error)] {
    auto& shard = shard_shells_[id.value];
    const auto place = shard.in_flight.find(entry);
    if (place == shard.in_flight.end()) return;
    const auto origins = std::move(place->second);
    shard.in_flight.erase(place);
    for (const auto& origin : origins) {
      const auto channel = origin.channel.lock();
      if (channel == nullptr) continue;
      channel->from_shard().post(scheduler_, hop(), channel,
                                 [to = channel.get(), token = origin.token, error] { to->refused(token, error); });
    }
    propose_waiting(id);
  });
}

}  // namespace parley::sim

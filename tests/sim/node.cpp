#include "tests/sim/node.h"

#include "core/check.h"
#include "tests/sim/receiver.h"

namespace parley::sim {

namespace {

constexpr std::uint16_t kHubs = 2;

class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(const Scheduler& scheduler) : scheduler_(scheduler) {}
  MonoTime now() const override { return scheduler_.now(); }
  WallTime wall() const override { return scheduler_.wall(); }

 private:
  const Scheduler& scheduler_;
};

class Dice final : public Random {
 public:
  explicit Dice(Scheduler& scheduler) : scheduler_(scheduler) {}
  std::uint64_t next() override { return scheduler_.dice().next(); }

 private:
  Scheduler& scheduler_;
};

// A process's open disk: what it still writes after its end does not arrive.
class OpenDisk final : public storage::Store {
 public:
  OpenDisk(Disk& disk, const Process& process) : disk_(disk), process_(process) {}
  Status write(const storage::WriteBatch& batch, storage::Sync sync) override {
    if (!process_.alive()) return make_error(Errc::storage_unavailable, "the process is gone");
    return disk_.write(batch, sync);
  }
  Result<std::optional<std::string>> get(storage::Family family, std::string_view key) const override {
    return disk_.get(family, key);
  }
  Status scan(storage::Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
              const storage::Visitor& visit) const override {
    return disk_.scan(family, from, to, order, visit);
  }
  Result<std::unique_ptr<storage::StoreView>> view() const override { return disk_.view(); }
  std::uint64_t approximate_bytes(storage::Family family, std::string_view from, std::string_view to) const override {
    return disk_.approximate_bytes(family, from, to);
  }
  Status recover() override { return disk_.recover(); }
  std::uint64_t size_bytes() const override { return disk_.size_bytes(); }

 private:
  Disk& disk_;
  const Process& process_;
};

// Each crash is one of the machine.
constexpr const char* kNoBoot = "";

}  // namespace

class Node::Inbox final : public actors::HubInbox {
 public:
  Inbox(Node& node, std::uint16_t hub) : node_(node), hub_(hub) {}
  void push(actors::HubMessage message) override {
    if (node_.process_.alive()) node_.push(HubId{hub_}, std::move(message));
  }

 private:
  Node& node_;
  std::uint16_t hub_;
};

// Where the hubs' requests go in, in the order in which the channels will handle them.
class Node::Door final : public actors::Gateway {
 public:
  explicit Door(Node& node) : node_(node) {}
  SessionAddress attach(std::shared_ptr<actors::HubInbox> inbox) override {
    return node_.backend_.gateway().attach(std::move(inbox));
  }
  void submit(std::vector<Request>&& requests) override {
    if (node_.process_.alive()) node_.submit(std::move(requests));
  }

 private:
  Node& node_;
};

Node::Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const Settings& settings, NodeWatch& watch,
           Receiver& receiver, std::optional<Among> among)
    : scheduler_(scheduler),
      plan_(plan),
      watch_(watch),
      receiver_(receiver),
      process_(scheduler, plan),
      env_{.clock = std::make_shared<VirtualClock>(scheduler),
           .random = std::make_shared<Dice>(scheduler),
           .open_store = [this, &disk](const server::DataConfig&) -> Result<std::unique_ptr<storage::Store>> {
             return std::unique_ptr<storage::Store>(std::make_unique<OpenDisk>(disk, process_));
           },
           .boot = kNoBoot,
           .end_process = [this] { superseded_ = true; },
           .executor = &process_},
      backend_(env_, settings),
      door_(std::make_unique<Door>(*this)),
      sessions_(backend_.settings(), backend_.metrics(), backend_.revocations()),
      pusher_(net::make_pusher_sessions(sessions_)),
      socketio_(std::make_shared<net::EngineService>(sessions_, *env_.random)) {
  if (!among) return;
  config_.settings = settings;
  config_.cluster = among->config;
  env_.open_transport = [this, &network = among->network, machine = among->machine](const NodeAddress& self) {
    return Result<std::unique_ptr<cluster::Transport>>(network.open(machine, self, process_));
  };
  others_ = std::make_unique<server::OtherNodes>(env_, config_, backend_);
  others_->prepare(env_);
}

Node::~Node() { process_.kill(); }

Status Node::start() {
  if (const auto opened = backend_.open({}, *this); !opened) return opened;
  if (others_) {
    if (const auto opened = others_->open(); !opened) return opened;
  }
  const net::HubWorld world{.clock = *env_.clock,
                            .metrics = backend_.metrics(),
                            .gateway = *door_,
                            .settings = backend_.settings(),
                            .encoders = {&pusher_encoder_, &socketio_encoder_, &socketio_plain_encoder_}};
  for (std::uint16_t i = 0; i < kHubs; ++i) {
    auto& edge = hubs_.emplace_back();
    edge.hub = std::make_unique<Hub>(scheduler_, plan_, process_, world);
    edge.hub->real().set_address(door_->attach(std::make_shared<Inbox>(*this, i)));
  }
  if (others_) {
    backend_.meet_others();
    others_->start();
  }
  return {};
}

// ---- the edge ----

void Node::accept(const std::shared_ptr<Connection>& connection, const Address& to) {
  const SocketId socket{scheduler_.dice().next() | 1};
  auto& hub = *hubs_[scheduler_.below(kHubs)].hub;
  net::SessionFactory* factory = pusher_.get();
  if (socketio_->serves(to.path)) factory = socketio_.get();
  auto outcome = factory->accept({.path = to.path, .query = to.query, .socket = socket, .hub = &hub.real()});
  auto* accepted = std::get_if<net::Accepted>(&outcome);
  CHECK(accepted != nullptr);
  auto session = std::make_shared<ServerSession>(hub, connection, socket, std::move(*accepted));
  connection->attach(session, process_.life());
  hub.add(session);
  session->open();
}

void Node::ask(decltype(Request::what) what, std::function<void(Reply&)> answered) {
  if (auto* publish = std::get_if<Publish>(&what)) publish->accepted = scheduler_.now();
  auto& hub = *hubs_.front().hub;
  hub.turn([&] { hub.real().ask({.from = {}, .what = std::move(what)}, std::move(answered)); });
}

void Node::submit(std::vector<Request>&& requests) {
  for (const auto& request : requests) watch_.channel_asked(request);
  backend_.gateway().submit(std::move(requests));
}

void Node::push(HubId id, actors::HubMessage message) {
  watch(message);
  if (is_lost(message)) return;
  auto& edge = hubs_[id.value];
  auto* lane = &edge.out;
  const auto post = [&](actors::HubMessage what) {
    lane->post(scheduler_, process_.hop(), process_.life(), std::move(what),
               [to = edge.hub.get()](actors::HubMessage& came) { to->handle(came); });
  };
  if (auto* reply = std::get_if<Reply>(&message)) {
    if (plan_.bug == Bug::answers_overtake) lane = &edge.answers;
    auto* subscribed = std::get_if<Subscribed>(&reply->what);
    if (subscribed != nullptr && plan_.bug == Bug::gap_too_far && subscribed->resume == ResumeOutcome::gap) {
      ++subscribed->gap_before.value;
    }
    auto* missed = std::get_if<Missed>(&reply->what);
    if (missed != nullptr && plan_.bug == Bug::last_page_too_early && !missed->error) missed->last = true;
  }
  post(std::move(message));
}

void Node::announce_anew(ShardId shard) {
  for (std::uint16_t i = 0; i < hubs_.size(); ++i) push(HubId{i}, LedAnew{{shard}, plan_.shards});
}

void Node::lose(ShardId shard, milliseconds how_long) {
  lost_until_[shard] = scheduler_.now() + how_long;
  scheduler_.after(how_long, process_.life(), [this, shard] {
    lost_until_.erase(shard);
    announce_anew(shard);
  });
}

// What is lost must be found out by the hub.
bool Node::is_lost(const actors::HubMessage& message) const {
  const auto* event = std::get_if<ChannelEventPtr>(&message);
  if (event == nullptr || !lost_until_.contains(shard_of((*event)->channel, plan_.shards))) return false;
  if (const auto* published = std::get_if<ChannelEvent::Published>(&(*event)->what)) {
    return published->publication->position.exists();
  }
  return std::holds_alternative<ChannelEvent::Gap>((*event)->what);
}

void Node::watch(const actors::HubMessage& message) {
  if (std::holds_alternative<LedAnew>(message)) return;
  if (const auto* reply = std::get_if<Reply>(&message)) {
    watch_.channel_answers(*reply);
    if (const auto* subscribed = std::get_if<Subscribed>(&reply->what); subscribed != nullptr && subscribed->cached) {
      watch_.channel_tells(subscribed->channel, *subscribed->cached);
    }
    if (const auto* missed = std::get_if<Missed>(&reply->what)) {
      for (const auto& publication : missed->publications) watch_.channel_tells(missed->channel, *publication);
    }
    return;
  }
  const auto& event = *std::get<ChannelEventPtr>(message);
  if (const auto* published = std::get_if<ChannelEvent::Published>(&event.what)) {
    watch_.channel_tells(event.channel, *published->publication);
  }
  const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&event.what);
  if (removed != nullptr) watch_.member_removed(event.channel, removed->user_id);
}

void Node::post(actors::WebhookPost post, std::function<void(actors::WebhookOutcome)> done) {
  if (!process_.alive()) return;
  auto answer = receiver_.take(post.notices);
  const auto number = ++last_post_;
  posts_.emplace(number, std::move(done));
  scheduler_.after(answer.after, process_.life(), [this, number, outcome = std::move(answer.outcome)] {
    auto place = posts_.find(number);
    const auto told = std::move(place->second);
    posts_.erase(place);
    told(outcome);
  });
}

}  // namespace parley::sim

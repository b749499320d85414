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

Node::Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const Settings& settings, NodeWatch& watch,
           Receiver& receiver)
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
           .executor = &process_},
      backend_(env_, settings),
      sessions_(backend_.settings(), backend_.metrics(), backend_.revocations()),
      factory_(net::make_pusher_sessions(sessions_)) {}

Node::~Node() { process_.kill(); }

Status Node::start() {
  if (const auto opened = backend_.open({}, *this); !opened) return opened;
  for (std::uint16_t i = 0; i < kHubs; ++i) {
    auto& edge = hubs_.emplace_back();
    const auto address = backend_.gateway().attach(std::make_shared<Inbox>(*this, i));
    edge.hub = std::make_unique<Hub>(scheduler_, plan_, address,
                                     [this, id = address.hub](Request request) { submit(id, std::move(request)); });
    edge.hub->on_ticket([this](Reply& reply) { answer(reply); });
  }
  return {};
}

// ---- the edge ----

void Node::accept(const std::shared_ptr<Connection>& connection, std::string_view path) {
  const SocketId socket{scheduler_.dice().next() | 1};
  auto outcome = factory_->accept({.path = path, .query = "protocol=7&client=sim&version=1", .socket = socket});
  auto* accepted = std::get_if<net::Accepted>(&outcome);
  CHECK(accepted != nullptr);
  auto& hub = *hubs_[scheduler_.below(kHubs)].hub;
  auto session = std::make_shared<ServerSession>(hub, connection, socket, std::move(accepted->protocol));
  connection->attach(session);
  hub.add(session);
  session->open();
}

void Node::ask(decltype(Request::what) what, std::function<void(Reply&)> answered) {
  const auto ticket = ++last_ticket_;
  tickets_.emplace(ticket, std::move(answered));
  if (auto* publish = std::get_if<Publish>(&what)) publish->accepted = scheduler_.now();
  auto& hub = *hubs_.front().hub;
  hub.submit({ReplyTo{hub.address_of({}), ticket}, std::move(what)});
}

void Node::answer(Reply& reply) {
  const auto found = tickets_.find(reply.to.ticket);
  if (found == tickets_.end()) return;
  const auto done = std::move(found->second);
  tickets_.erase(found);
  done(reply);
}

// The end of a turn of the hub's loop.
void Node::submit(HubId hub, Request request) {
  hubs_[hub.value].in.post(scheduler_, process_.hop(), process_.life(), std::move(request), [this](Request& asked) {
    watch_.channel_asked(asked);
    std::vector<Request> turn;
    turn.push_back(std::move(asked));
    backend_.gateway().submit(std::move(turn));
  });
}

void Node::push(HubId id, actors::HubMessage message) {
  auto& edge = hubs_[id.value];
  auto* lane = &edge.out;
  const auto post = [&](actors::HubMessage what) {
    lane->post(scheduler_, process_.hop(), process_.life(), std::move(what),
               [to = edge.hub.get()](actors::HubMessage& came) { to->handle(came); });
  };
  if (auto* reply = std::get_if<Reply>(&message)) {
    watch_.channel_answers(*reply);
    if (plan_.bug == Bug::answers_overtake) lane = &edge.answers;
    auto* subscribed = std::get_if<Subscribed>(&reply->what);
    if (subscribed != nullptr && plan_.bug == Bug::gap_too_far && subscribed->resume == ResumeOutcome::gap) {
      ++subscribed->gap_before.value;
    }
    auto* missed = std::get_if<Missed>(&reply->what);
    if (missed != nullptr && plan_.bug == Bug::last_page_too_early && !missed->error) missed->last = true;
  } else {
    const auto& event = *std::get<ChannelEventPtr>(message);
    const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&event.what);
    if (removed != nullptr) watch_.member_removed(event.channel, removed->user_id);
    if (plan_.bug == Bug::published_twice && scheduler_.chance(0.02)) post(std::get<ChannelEventPtr>(message));
  }
  post(std::move(message));
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

#include "tests/sim/peer_network.h"

#include "core/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace parley::sim {

namespace {

constexpr std::string_view kHost = "machine-";
constexpr milliseconds kListenEvery{500};

std::size_t machine_of(const cluster::PeerPlace& place) {
  CHECK(place.host.starts_with(kHost));
  return std::stoul(place.host.substr(kHost.size()));
}

}  // namespace

class PeerNetwork::End final : public cluster::Transport {
 public:
  End(PeerNetwork& network, std::size_t machine, NodeAddress self, Process& process)
      : network_(network), machine_(machine), self_(self), process_(process) {
    CHECK(network_.ends_[machine] == nullptr);
    network_.ends_[machine] = this;
    network_.last_[machine] = self;
  }
  ~End() override { stop(); }

  void start(cluster::PeerListener& listener) override {
    listener_ = &listener;
    dial_later();
  }
  void dial(std::vector<cluster::PeerPlace> places) override {
    places_.clear();
    for (const auto& place : places) {
      if (machine_of(place) != machine_) places_.insert(machine_of(place));
    }
  }
  cluster::Sent send(NodeId to, std::string bytes, cluster::Lane lane) override {
    return listener_ == nullptr ? cluster::Sent::unreachable : network_.send(*this, to, std::move(bytes), lane);
  }
  void drop(NodeId to) override {
    for (const auto& link : network_.links_of(machine_)) {
      const auto side = link->side_of(machine_);
      if (link->ids[side] == self_ && link->ids[1 - side].node == to) network_.end(link, side, true);
    }
  }
  void stop() override {
    if (network_.ends_[machine_] != this) return;
    network_.ends_[machine_] = nullptr;
    listener_ = nullptr;
    network_.gone(*this);
  }
  [[nodiscard]] std::uint16_t port() const override { return 1; }
  void set_cluster(std::uint64_t cluster) override { cluster_ = cluster; }

  [[nodiscard]] std::size_t machine() const { return machine_; }
  [[nodiscard]] const NodeAddress& self() const { return self_; }
  [[nodiscard]] Scheduler::Owner life() const { return process_.life(); }
  [[nodiscard]] bool listens() const { return listener_ != nullptr; }
  [[nodiscard]] std::uint64_t cluster() const { return cluster_; }
  cluster::PeerListener& listener() { return *listener_; }

 private:
  void dial_later() {
    auto& scheduler = network_.scheduler_;
    scheduler.after(scheduler.between(milliseconds(50), milliseconds(1'500)), process_.life(), [this] {
      if (listener_ == nullptr) return;
      for (const auto machine : places_) network_.dial(*this, machine);
      dial_later();
    });
  }

  PeerNetwork& network_;
  const std::size_t machine_;
  const NodeAddress self_;
  Process& process_;
  cluster::PeerListener* listener_ = nullptr;
  std::set<std::size_t> places_;
  std::uint64_t cluster_ = 0;
};

PeerNetwork::PeerNetwork(Scheduler& scheduler, const Plan& plan, std::size_t machines)
    : scheduler_(scheduler), plan_(plan), ends_(machines), last_(machines), off_(machines) {}

std::string PeerNetwork::place_of(std::size_t machine) { return fmt::format("{}{}:1", kHost, machine); }

std::unique_ptr<cluster::Transport> PeerNetwork::open(std::size_t machine, NodeAddress self, Process& process) {
  return std::make_unique<End>(*this, machine, self, process);
}

// ---- ways ----

MonoTime PeerNetwork::closed_until(std::size_t from, std::size_t to) const {
  const auto found = closed_until_.find({from, to});
  return found == closed_until_.end() ? MonoTime{} : found->second;
}

bool PeerNetwork::is_open(std::size_t from, std::size_t to) const {
  return !off_[from] && !off_[to] && scheduler_.now() >= closed_until(from, to);
}

void PeerNetwork::close_way(std::size_t from, std::size_t to, nanoseconds how_long) {
  scheduler_.note("a way is closed", fmt::format("{} to {}", from, to));
  auto& until = closed_until_[{from, to}];
  until = std::max(until, scheduler_.now() + how_long);
}

void PeerNetwork::open_all_ways() {
  for (auto& [way, until] : closed_until_) until = std::min(until, scheduler_.now());
}

nanoseconds PeerNetwork::latency() {
  if (scheduler_.chance(plan_.slow_network)) return scheduler_.between(milliseconds(20), milliseconds(400));
  return scheduler_.between(microseconds(50), milliseconds(3));
}

// ---- links ----

std::vector<PeerNetwork::LinkPtr> PeerNetwork::links_of(std::size_t machine) const {
  std::vector<LinkPtr> mine;
  for (const auto& [pair, link] : links_) {
    if (pair.first == machine || pair.second == machine) mine.push_back(link);
  }
  return mine;
}

void PeerNetwork::dial(End& from, std::size_t to) {
  const auto place = links_.find(pair_of(from.machine(), to));
  if (place != links_.end()) {
    const auto link = place->second;
    // What a process that is gone has left here is found out at the latest now.
    const auto side = link->side_of(from.machine());
    if (!link->over() && end_of(*link, 1 - side) == nullptr && is_open(from.machine(), to) &&
        is_open(to, from.machine())) {
      end(link, side, true);
    }
    return;
  }
  if (!is_open(from.machine(), to) || !is_open(to, from.machine())) return;
  if (ends_[to] == nullptr) return refuse(from, to);
  scheduler_.after(latency(), from.life(), [this, a = from.machine(), to] { connect(a, to); });
}

void PeerNetwork::refuse(End& from, std::size_t to) {
  if (!last_[to].exists()) return;
  scheduler_.after(latency(), from.life(), [this, &from, who = last_[to]] {
    if (from.listens()) from.listener().on_peer_closed(who);
  });
}

void PeerNetwork::connect(std::size_t from, std::size_t to) {
  const auto pair = pair_of(from, to);
  auto* a = ends_[from];
  auto* b = ends_[to];
  if (a == nullptr || b == nullptr || !a->listens() || !b->listens() || links_.contains(pair)) return;
  if (!is_open(from, to) || !is_open(to, from)) return;
  if (a->cluster() != 0 && b->cluster() != 0 && a->cluster() != b->cluster()) {
    return a->listener().on_peer_refused("it is of another cluster");
  }
  auto link = std::make_shared<Link>();
  link->machines = {from, to};
  link->ids = {a->self(), b->self()};
  link->heard = {scheduler_.now(), scheduler_.now()};
  links_[pair] = link;
  scheduler_.note("link", fmt::format("{} and {}", from, to));
  for (const std::size_t side : {0, 1}) {
    scheduler_.after(microseconds(5), (side == 0 ? a : b)->life(), [this, link, side] {
      auto* me = end_of(*link, side);
      if (me != nullptr && !link->told_down[side]) me->listener().on_peer_up(link->ids[1 - side]);
    });
  }
  listen(link);
}

PeerNetwork::End* PeerNetwork::end_of(const Link& link, std::size_t side) const {
  auto* there = ends_[link.machines[side]];
  return there != nullptr && there->listens() && there->self() == link.ids[side] ? there : nullptr;
}

cluster::Sent PeerNetwork::send(End& from, NodeId to, std::string bytes, cluster::Lane lane) {
  CHECK(bytes.size() <= PeerLimits{}.message_bytes_max);
  for (const auto& link : links_of(from.machine())) {
    const auto side = link->side_of(from.machine());
    if (link->ids[side] != from.self() || link->ids[1 - side].node != to || link->told_down[side]) continue;
    if (link->ended[side]) return cluster::Sent::unreachable;
    auto& pipe = link->pipes[side];
    if (pipe.bytes + bytes.size() > PeerLimits{}.queue_bytes_max) return cluster::Sent::full;
    const auto index = static_cast<std::size_t>(lane);
    pipe.bytes += bytes.size();
    pipe.waiting[index].push_back(std::move(bytes));
    pipe.lanes[index].post(scheduler_, latency(), link, [this, link, side, index] { deliver(link, side, index); });
    return cluster::Sent::taken;
  }
  return cluster::Sent::unreachable;
}

void PeerNetwork::deliver(const LinkPtr& link, std::size_t from, std::size_t lane) {
  const auto to = 1 - from;
  auto* receiver = end_of(*link, to);
  auto& pipe = link->pipes[from];
  if (receiver == nullptr || link->ended[to] || pipe.waiting[lane].empty()) return;
  auto later = closed_until(link->machines[from], link->machines[to]);
  later = std::max(later, scheduler_.frozen_until(receiver->life()));
  if (later > scheduler_.now()) {
    // A way that is opened early is not waited for to the end.
    later = std::min(later, scheduler_.now() + milliseconds(50));
    return pipe.lanes[lane].post(scheduler_, later - scheduler_.now(), link,
                                 [this, link, from, lane] { deliver(link, from, lane); });
  }
  auto bytes = std::move(pipe.waiting[lane].front());
  pipe.waiting[lane].pop_front();
  pipe.bytes -= bytes.size();
  link->heard[to] = scheduler_.now();
  receiver->listener().on_message(link->ids[from], std::move(bytes));
}

// Who hears nothing for too long ends it.
void PeerNetwork::listen(const LinkPtr& link) {
  scheduler_.after(kListenEvery, link, [this, link = std::weak_ptr(link)] {
    const auto mine = link.lock();
    for (const std::size_t side : {0, 1}) {
      auto* me = end_of(*mine, side);
      if (mine->ended[side] || me == nullptr || scheduler_.frozen_until(me->life()) > scheduler_.now()) continue;
      auto* other = end_of(*mine, 1 - side);
      const bool speaks = other != nullptr && !mine->ended[1 - side] &&
                          scheduler_.frozen_until(other->life()) <= scheduler_.now() &&
                          is_open(mine->machines[1 - side], mine->machines[side]);
      if (speaks) mine->heard[side] = scheduler_.now();
      if (scheduler_.now() - mine->heard[side] > LinkLimits{}.silence_max) end(mine, side, true);
    }
    if (!mine->over()) listen(mine);
  });
}

void PeerNetwork::break_a_link() {
  if (links_.empty()) return;
  auto place = links_.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(scheduler_.below(links_.size())));
  const auto link = place->second;
  end(link, scheduler_.below(2), true);
}

void PeerNetwork::end(const LinkPtr& link, std::size_t side, bool told) {
  if (std::exchange(link->ended[side], true)) return;
  scheduler_.note("link ends", fmt::format("{} to {}", link->machines[side], link->machines[1 - side]));
  if (told) {
    tell_down(link, side, false, scheduler_.between(microseconds(1), milliseconds(1)));
  } else {
    link->told_down[side] = true;
    if (link->over()) links_.erase(pair_of(link->machines[0], link->machines[1]));
  }
  const auto other = 1 - side;
  if (link->ended[other]) return;
  if (end_of(*link, other) == nullptr) return end(link, other, false);
  if (!is_open(link->machines[side], link->machines[other])) return;  // silence will tell
  scheduler_.after(latency(), link, [this, link, other] {
    if (std::exchange(link->ended[other], true)) return;
    tell_down(link, other, true, nanoseconds(0));
  });
}

void PeerNetwork::tell_down(const LinkPtr& link, std::size_t side, bool closed, nanoseconds after) {
  scheduler_.after(after, link, [this, link, side, closed] {
    if (std::exchange(link->told_down[side], true)) return;
    auto* me = end_of(*link, side);
    if (link->over()) links_.erase(pair_of(link->machines[0], link->machines[1]));
    if (me == nullptr) return;
    if (closed) me->listener().on_peer_closed(link->ids[1 - side]);
    me->listener().on_peer_down(link->ids[1 - side]);
  });
}

// A process has ended: its kernel closes what it had.
void PeerNetwork::gone(End& end_in) {
  for (const auto& link : links_of(end_in.machine())) {
    const auto side = link->side_of(end_in.machine());
    if (link->ids[side] == end_in.self()) end(link, side, false);
  }
}

}  // namespace parley::sim

#include "tests/membership/world.h"

#include "cluster/membership/swim.h"
#include "core/check.h"
#include "schemas/peer/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>

namespace parley::membership {
namespace {

using cluster::Instant;
using cluster::MemberEvent;
using cluster::Swim;

Bug g_bug = Bug::none;

constexpr milliseconds kDeadSeen{20'000};  // of one that vanished: the long time, and a round of probes
// Of the transport: nothing came for so long, and the link ends.
constexpr milliseconds kSilenceMax{3'000};
constexpr milliseconds kAgree{40'000};  // twice what was ever seen

struct Process {
  NodeAddress address;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<Swim> swim;
  bool running = true;
  MonoTime paused_until{};
  std::deque<std::function<void()>> held;
  std::uint64_t wake = 0;
};

struct Slot {
  std::unique_ptr<Process> process;
  Charter stored;
  std::uint64_t incarnations = 0;
  std::int64_t skew_ms = 0;
  bool wants_data = false;
  bool left = false;
  // What this observer said of processes: the refutation at which each was dead; left is final.
  std::map<NodeAddress, std::uint32_t> dead;
  std::set<NodeAddress> left_ones;
};

struct Side {
  NodeAddress peer;
  bool up = false;
};
struct Pair {
  Side side[2];  // of the lower slot, of the higher one
  std::uint64_t generation = 0;
  MonoTime last[2];  // arrivals, towards the lower, towards the higher: the order is kept
};

class World {
 public:
  explicit World(const Run& run) : run_(run), random_(run.seed * 977 + static_cast<std::uint64_t>(run.profile)) {}

  Outcome play() {
    begin();
    switch (run_.profile) {
      case Profile::any:
        play_any();
        break;
      case Profile::pauses:
        start_all();
        pause_one_after_another(false);
        break;
      case Profile::loss:
        start_all();
        loss_percent_ = 20;
        delay_max_ = milliseconds(30);
        go(run_.time);
        break;
      case Profile::broken_link:
        start_all();
        go(milliseconds(5'000));
        cut_both(0, 1, true);
        disconnect(0, 1, random_.below(2) == 0);
        // Others answer for each of them.
        go(milliseconds(2'000));
        suspected_ = 0;
        go(milliseconds(30'000));
        if (suspected_ > 0) violate("others answer for who has no link", fmt::format("{} suspicions", suspected_));
        pause_one_after_another(true);
        break;
      case Profile::kills:
      case Profile::vanishes:
        play_kills();
        break;
      case Profile::founding:
        play_founding();
        break;
      case Profile::asleep:
        play_asleep();
        break;
      case Profile::partition:
        play_partition();
        break;
      case Profile::flapping:
        play_flapping();
        break;
      case Profile::crowd:
        play_crowd();
        break;
      case Profile::kCount:
        break;
    }
    for (auto& slot : slots_) {
      if (!slot.process) continue;
      add_counts(*slot.process);
    }
    return outcome_;
  }

 private:
  // ---- what happens ----

  void begin() {
    no_false_deaths_ = run_.profile == Profile::pauses || run_.profile == Profile::loss ||
                       run_.profile == Profile::broken_link || run_.profile == Profile::kills ||
                       run_.profile == Profile::vanishes;
    const auto least = run_.profile == Profile::broken_link ? 4U : 3U;
    const auto nodes = run_.nodes > 0 ? static_cast<std::size_t>(run_.nodes) : least + random_.below(10 - least);
    slots_.resize(nodes);
    loss_percent_ = 0;
    delay_max_ = milliseconds(1 + random_.below(20));
    for (auto& slot : slots_) slot.skew_ms = static_cast<std::int64_t>(random_.below(2'000)) - 1'000;
    at(milliseconds(100), [this] { redial(); });
    if (run_.load) at(milliseconds(1'000), [this] { change_load(); });
  }

  void start_all() {
    expect_ = slots_.size();
    for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
    connect_all();
    go(milliseconds(3'000));
  }

  void pause_one_after_another(bool any_length) {
    const auto until = now_ + run_.time;
    while (now_ < until && !outcome_.violation) {
      const auto who = random_.below(slots_.size());
      pause(who, milliseconds(any_length ? 500 + random_.below(4'501) : 5'000));
      go(milliseconds(7'000 + random_.below(3'000)));  // long enough for links to be there again
    }
  }

  void play_any() {
    expect_ = slots_.size() / 2 + 1 + random_.below(slots_.size() - slots_.size() / 2);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      at(milliseconds(random_.below(2'000)), [this, i] { start(i); });
    }
    go(milliseconds(8'000));
    check_one_cluster();
    for (auto& slot : slots_) slot.wants_data = random_.below(2) == 0;
    const auto until = now_ + run_.time;
    while (now_ < until && !outcome_.violation) {
      go(milliseconds(500 + random_.below(5'000)));
      fault();
    }
    calm();
  }

  void fault() {
    ++outcome_.faults;
    const auto a = random_.below(slots_.size());
    const auto b = (a + 1 + random_.below(slots_.size() - 1)) % slots_.size();
    switch (random_.below(12)) {
      case 0:
        if (running(a) && count_running() > 2) end(a, random_.below(3) == 0);
        return;
      case 1:
      case 2:
        if (!running(a)) start(a);
        return;
      case 3:
      case 4:
        if (running(a)) pause(a, milliseconds(500 + random_.below(4'501)));
        return;
      case 5: {  // a partition
        std::vector<bool> side(slots_.size());
        for (std::size_t i = 0; i < side.size(); ++i) side[i] = random_.below(2) == 0;
        const auto until = now_ + milliseconds(2'000 + random_.below(20'000));
        for (std::size_t i = 0; i < side.size(); ++i) {
          for (std::size_t j = i + 1; j < side.size(); ++j) {
            if (side[i] != side[j]) cut_for_a_time(i, j, until, true);
          }
        }
        return;
      }
      case 6:
        return cut_for_a_time(a, b, now_ + milliseconds(2'000 + random_.below(15'000)), false);
      case 7:
        loss_percent_ = random_.below(21);
        return;
      case 8:
        delay_max_ = milliseconds(1 + random_.below(60));
        return;
      case 9:
        return disconnect(a, b, random_.below(2) == 0);
      case 10:
        if (running(a) && count_running() > 3) leave(a);
        return;
      case 11:
        if (slots_.size() < 9) {
          slots_.emplace_back();
          start(slots_.size() - 1);
        }
        return;
    }
  }

  void cut_for_a_time(std::size_t a, std::size_t b, MonoTime until, bool both) {
    cuts_.insert({a, b});
    if (both) cuts_.insert({b, a});
    at(until - now_, [this, a, b] {
      cuts_.erase({a, b});
      cuts_.erase({b, a});
    });
    // The kernel gives up at some time, or not before it heals.
    if (random_.below(2) == 0) at(milliseconds(random_.below(10'000)), [this, a, b] { break_link(a, b); });
  }
  void break_link(std::size_t a, std::size_t b) {
    if (is_cut(a, b)) disconnect(a, b, false);
  }

  void calm() {
    loss_percent_ = 0;
    delay_max_ = milliseconds(10);
    cuts_.clear();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (running(i) && paused(i)) resume(i);
    }
    const auto from = now_;
    auto limit = kAgree;
    // Whoever came back from the dead again and again waits before it does so once more.
    for (const auto& [who, count] : deaths_of_living_) {
      if (count > 1) limit = kAgree + milliseconds(33'000);
    }
    std::string why = "?";
    while (!outcome_.violation && now_ - from <= limit && !why.empty()) {
      go(milliseconds(250));
      why = disagreement();
    }
    if (!why.empty()) return violate("agreement", why);
    outcome_.agreed = std::chrono::duration_cast<milliseconds>(now_ - from);
    check_one_cluster();
    // What is to be told has been told, and nothing is believed otherwise any more.
    go(milliseconds(60'000));
    if (why = disagreement(); !why.empty()) return violate("agreement lasts", why);
    riders_ = 0;
    go(milliseconds(5'000));
    if (riders_ > 0) violate("rumours end", fmt::format("{} rumours go round in calm", riders_));
  }

  void play_kills() {
    start_all();
    const auto until = now_ + run_.time;
    while (now_ < until && !outcome_.violation) {
      go(milliseconds(2'000 + random_.below(3'000)));
      const auto who = random_.below(slots_.size());
      const auto victim = slots_[who].process->address;
      const auto from = now_;
      end(who, run_.profile == Profile::vanishes);
      while (now_ - from <= kDeadSeen && !all_know(victim)) go(milliseconds(10));
      if (!all_know(victim)) return violate("detection", fmt::format("{} is not dead after 20 s", victim.node.value));
      outcome_.detections.push_back(std::chrono::duration_cast<milliseconds>(now_ - from));
      go(milliseconds(500));
      start(who);
      go(milliseconds(3'000));
      if (auto why = disagreement(); !why.empty()) violate("return", why);
    }
  }

  // Bit by bit: links come in any order. Where more than half are expected, there is one id, ever.
  void play_founding() {
    const auto n = slots_.size();
    expect_ = 1 + random_.below(n);
    const bool with_data = random_.below(4) == 0;
    const bool surely_one = expect_ > n / 2;
    no_redial_ = true;
    delay_max_ = milliseconds(1 + random_.below(400));
    for (std::size_t i = 0; i < n; ++i) {
      at(milliseconds(random_.below(3'000)), [this, i] { start(i); });
      slots_[i].wants_data = with_data && random_.below(2) == 0;
      for (std::size_t j = i + 1; j < n; ++j) {
        at(milliseconds(3'000 + random_.below(3'000)), [this, i, j] { connect(i, j); });
        at(milliseconds(random_.below(6'000)), [this, i, j] { connect(i, j); });
      }
    }
    go(milliseconds(15'000));
    if (surely_one && outcome_.ids != 1) {
      violate("one cluster", fmt::format("{} of {} are expected, and {} ids were made", expect_, n, outcome_.ids));
    }
    if (surely_one || !with_data) {
      check_one_cluster();
    } else {
      // Some hold data of two clusters: then each of them stays what it is, and says so.
      for (const auto& [node, cluster] : data_of_) {
        const auto& slot = slots_[node];
        if (slot.process->swim->self().record.charter.cluster != cluster) violate("data", "a node with data went over");
      }
      std::set<ClusterId> clusters;
      for (const auto& [node, cluster] : data_of_) clusters.insert(cluster);
      if (clusters.size() > 1 && outcome_.refusals == 0)
        violate("refusal", "two clusters with data, and nobody says so");
    }
  }

  void play_asleep() {
    redial_every_ = milliseconds(2'000);
    start_all();
    const auto until = now_ + run_.time;
    while (now_ < until && !outcome_.violation) {
      const auto who = random_.below(slots_.size());
      asleep_ = who;
      pause(who, milliseconds(12'000 + random_.below(10'000)));
      go(milliseconds(40'000));
      if (auto why = disagreement(); !why.empty()) violate("return", why);
      deaths_of_living_.clear();
      go(milliseconds(60'000));
    }
  }

  void play_partition() {
    start_all();
    const auto left = 1 + random_.below(slots_.size() - 1);
    for (std::size_t i = 0; i < left; ++i) {
      for (std::size_t j = left; j < slots_.size(); ++j) cut_both(i, j, true);
    }
    // Who hears of nobody doubts itself first, and takes longer.
    const auto from = now_;
    const auto parted = [&] {
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        for (std::size_t j = 0; j < slots_.size(); ++j) {
          const auto* member = (i < left) != (j < left) ? slots_[i].process->swim->find(node_of(j)) : nullptr;
          if (member != nullptr && member->lives()) return false;
        }
      }
      return true;
    };
    while (!parted() && now_ - from < milliseconds(60'000)) go(milliseconds(500));
    if (!parted()) violate("silence", "a minute after the partition somebody lives on the other side");
    calm();
  }

  void play_flapping() {
    start_all();
    const auto until = now_ + run_.time;
    while (now_ < until && !outcome_.violation) {
      for (std::size_t i = 1; i < slots_.size(); ++i) {
        cut_both(0, i, true);
        disconnect(0, i, true);
      }
      go(milliseconds(2'500));
      cuts_.clear();
      go(milliseconds(1'500));
    }
    // Each time that it is cut off all others hold it for dead. It comes back with pauses that grow.
    const auto flaps = ups_of_[0];
    const auto most = (slots_.size() - 1) * (3 + 6 + static_cast<std::size_t>(run_.time / seconds(32)));
    if (flaps > most) violate("flapping", fmt::format("{} returns, {} at most are in order", flaps, most));
    calm();
  }

  void play_crowd() {
    limits_.members_max = 6;
    limits_.remembered_max = 4;
    timing_.remember = milliseconds(20'000);
    expect_ = 3;
    const auto until = now_ + run_.time;
    for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
    while (now_ < until && !outcome_.violation) {
      const auto a = random_.below(slots_.size());
      if (running(a) && count_running() > 2) {
        random_.below(2) == 0 ? leave(a) : end(a, false);
      } else {
        slots_.emplace_back();
        slots_.back().stored = stored_somewhere();
        start(slots_.size() - 1);
      }
      go(milliseconds(200 + random_.below(1'500)));
      for (const auto& slot : slots_) {
        if (!slot.process || !slot.process->running) continue;
        std::size_t living = 1;
        std::size_t others = 0;
        for (const auto& seen : slot.process->swim->others()) ++(seen.member.lives() ? living : others);
        if (living > limits_.members_max) violate("bounds", fmt::format("{} members", living));
        if (others > limits_.remembered_max) violate("bounds", fmt::format("{} are remembered", others));
        // Each row of the table has at most a link, a rumour, a place in the round and a probe; links of others beside.
        const auto most = 4 * (limits_.members_max + limits_.remembered_max) + 2 * slots_.size() + 300;
        if (slot.process->swim->elements() > most) violate("bounds", "more elements than rows");
      }
    }
    go(milliseconds(60'000));
    for (auto& slot : slots_) {
      if (!slot.process || !slot.process->running) continue;
      for (const auto& seen : slot.process->swim->others()) {
        if (!seen.member.lives()) violate("forgotten", "who died a minute ago is remembered");
      }
    }
  }

  // ---- nodes ----

  bool running(std::size_t i) const { return slots_[i].process && slots_[i].process->running; }
  bool paused(std::size_t i) const { return slots_[i].process->paused_until > now_; }
  std::size_t count_running() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i) count += running(i) ? 1 : 0;
    return count;
  }
  static NodeId node_of(std::size_t slot) { return NodeId{100 + slot}; }
  static std::size_t slot_of(NodeId node) { return node.value - 100; }
  Instant instant(std::size_t i) const {
    const auto ms = std::chrono::duration_cast<milliseconds>(now_.time_since_epoch()).count();
    return {now_, {1'760'000'000'000 + ms + slots_[i].skew_ms}};
  }
  Charter stored_somewhere() const {
    for (const auto& slot : slots_) {
      if (slot.stored.cluster.value != 0) return slot.stored;
    }
    return {};
  }

  void start(std::size_t i) {
    if (running(i)) return;
    auto& slot = slots_[i];
    if (slot.process) add_counts(*slot.process);
    auto process = std::make_unique<Process>();
    process->address = {node_of(i), Incarnation{++slot.incarnations}};
    process->random = std::make_unique<SeededRandom>(random_.next());
    NodeRecord record;
    record.name = fmt::format("node-{}", i);
    record.host = fmt::format("10.0.0.{}", i);
    record.port = 6201;
    record.zone = "zone-a";
    record.version = "0.2.0";
    record.charter = slot.stored;
    record.charter.expect = static_cast<std::uint16_t>(expect_);
    process->swim = std::make_unique<Swim>(process->address, record, *process->random, instant(i), timing_, limits_);
    slot.process = std::move(process);
    slot.dead.clear();
    slot.left_ones.clear();
    slot.left = false;
    trace("starts", i);
    after(i);
  }

  void end(std::size_t i, bool silently) {
    trace(silently ? "vanishes" : "is killed", i);
    auto& process = *slots_[i].process;
    process.running = false;
    ended_[process.address] = process.swim->self().refutation;
    // Of a machine without power the links end in silence; of a program that hangs, whose transport goes on, not even
    // so.
    const auto until_silent = random_.below(2) == 0 ? kSilenceMax : milliseconds(60'000);
    for (std::size_t j = 0; j < slots_.size(); ++j) {
      if (j == i) continue;
      auto& pair = pair_of(i, j);
      const bool told = !silently && !is_cut(i, j);
      const auto generation = pair.generation;
      own_side(pair, i, j).up = false;
      const auto address = process.address;
      at(told ? milliseconds(1 + random_.below(20)) : until_silent,
         [this, i, j, generation, address, told] { side_down(j, i, generation, address, told); });
    }
  }

  void leave(std::size_t i) {
    trace("leaves", i);
    if (paused(i)) return;
    slots_[i].left = true;
    slots_[i].process->swim->leave(instant(i));
    after(i);
    const auto incarnation = slots_[i].process->address.incarnation;
    at(milliseconds(1'000), [this, i, incarnation] {
      if (running(i) && slots_[i].process->address.incarnation == incarnation) end(i, false);
    });
  }

  void pause(std::size_t i, milliseconds time) {
    if (paused(i)) return;
    trace(fmt::format("stands still for {} ms", time.count()), i);
    slots_[i].process->paused_until = now_ + time;
    const auto address = slots_[i].process->address;
    // Others end links on which nothing comes.
    for (std::size_t j = 0; time > kSilenceMax && j < slots_.size(); ++j) {
      if (j == i) continue;
      at(kSilenceMax, [this, i, j, address, generation = pair_of(i, j).generation] {
        if (running(i) && slots_[i].process->address == address && paused(i)) {
          side_down(j, i, generation, address, false);
          side_down(i, j, generation, own_side(pair_of(i, j), i, j).peer, true);
        }
      });
    }
    at(time, [this, i, address] {
      if (running(i) && slots_[i].process->address == address && slots_[i].process->paused_until <= now_) resume(i);
    });
  }
  // Everything at once.
  void resume(std::size_t i) {
    auto& process = *slots_[i].process;
    process.paused_until = now_;
    if (random_.below(2) == 0) {
      process.swim->tick(instant(i));
      after(i);
    }
    auto held = std::move(process.held);
    process.held.clear();
    for (auto& input : held) input();
    process.swim->tick(instant(i));
    after(i);
  }

  // To that process, when it does not stand still.
  void input(std::size_t i, NodeAddress address, std::function<void(Swim&)> what) {
    auto& slot = slots_[i];
    if (!slot.process || !slot.process->running || slot.process->address != address) return;
    if (slot.process->paused_until > now_) {
      slot.process->held.push_back([this, i, address, what] { input(i, address, what); });
      return;
    }
    what(*slot.process->swim);
    after(i);
  }

  void after(std::size_t i) {
    auto& slot = slots_[i];
    auto& process = *slot.process;
    for (auto& message : process.swim->take_messages()) transmit(i, message);
    for (const auto& event : process.swim->take_events()) check(i, event);
    const auto due = process.swim->due();
    const auto wake = ++process.wake;
    if (due == cluster_never()) return;
    const auto address = process.address;
    const auto late = std::chrono::microseconds(random_.below(2'000));
    at(std::max<MonoTime::duration>(due - now_, {}) + late, [this, i, address, wake] {
      if (!running(i) || slots_[i].process->address != address || slots_[i].process->wake != wake) return;
      if (paused(i)) return;  // resume() ticks
      slots_[i].process->swim->tick(instant(i));
      after(i);
    });
  }
  static MonoTime cluster_never() { return kNever; }

  void change_load() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!running(i) || paused(i)) continue;
      auto record = slots_[i].process->swim->self().record;
      record.connections = static_cast<std::uint32_t>(random_.below(100'000));
      slots_[i].process->swim->set_own(record);
      after(i);
    }
    at(milliseconds(1'000), [this] { change_load(); });
  }

  // ---- network ----

  Pair& pair_of(std::size_t a, std::size_t b) { return pairs_[{std::min(a, b), std::max(a, b)}]; }
  static Side& own_side(Pair& pair, std::size_t self, std::size_t other) { return pair.side[self < other ? 0 : 1]; }
  bool is_cut(std::size_t a, std::size_t b) const { return cuts_.contains({a, b}) || cuts_.contains({b, a}); }
  void cut_both(std::size_t a, std::size_t b, bool cut) {
    if (!cut) {
      cuts_.erase({a, b});
      cuts_.erase({b, a});
      return;
    }
    cuts_.insert({a, b});
    cuts_.insert({b, a});
  }

  bool linked(std::size_t a, std::size_t b) {
    auto& pair = pair_of(a, b);
    return pair.side[0].up && pair.side[1].up && own_side(pair, a, b).peer == slots_[b].process->address &&
           own_side(pair, b, a).peer == slots_[a].process->address;
  }
  void connect(std::size_t a, std::size_t b) {
    if (!running(a) || !running(b) || paused(a) || paused(b) || is_cut(a, b) || linked(a, b)) return;
    auto& pair = pair_of(a, b);
    ++pair.generation;
    for (const auto& [self, other] : {std::pair(a, b), std::pair(b, a)}) {
      auto& side = own_side(pair, self, other);
      const auto address = slots_[self].process->address;
      if (side.up) {
        input(self, address, [this, self, peer = side.peer](Swim& swim) { swim.link_down(peer, instant(self)); });
      }
      side = {slots_[other].process->address, true};
      input(self, address, [this, self, peer = side.peer](Swim& swim) { swim.link_up(peer, instant(self)); });
    }
  }
  void connect_all() {
    for (std::size_t a = 0; a < slots_.size(); ++a) {
      for (std::size_t b = a + 1; b < slots_.size(); ++b) connect(a, b);
    }
  }
  void redial() {
    for (std::size_t a = 0; a < slots_.size(); ++a) {
      for (std::size_t b = a + 1; b < slots_.size(); ++b) {
        if (!no_redial_ && running(a) && running(b) && !linked(a, b) && random_.below(3) > 0) connect(a, b);
      }
    }
    at(redial_every_, [this] { redial(); });
  }
  void disconnect(std::size_t a, std::size_t b, bool closed) {
    auto& pair = pair_of(a, b);
    const auto generation = pair.generation;
    for (const auto& [self, other] : {std::pair(a, b), std::pair(b, a)}) {
      const auto peer = own_side(pair, self, other).peer;
      at(milliseconds(random_.below(5)), [this, self = self, other = other, generation, peer, closed] {
        side_down(self, other, generation, peer, closed);
      });
    }
  }
  void side_down(std::size_t self, std::size_t other, std::uint64_t generation, NodeAddress peer, bool closed) {
    auto& pair = pair_of(self, other);
    auto& side = own_side(pair, self, other);
    if (pair.generation != generation || !side.up || side.peer != peer) return;
    side.up = false;
    if (!slots_[self].process) return;
    input(self, slots_[self].process->address, [this, self, peer, closed](Swim& swim) {
      if (closed) swim.link_closed(peer, instant(self));
      swim.link_down(peer, instant(self));
    });
  }

  void transmit(std::size_t from, const cluster::Outgoing& message) {
    ++outcome_.messages;
    const auto to = slot_of(message.to.node);
    const auto& sender = slots_[from].process->address;
    if (!std::holds_alternative<Sync>(message.gossip.what)) riders_ += message.gossip.rumours.size();
    auto gossip = message.gossip;
    if (run_.measure || random_.below(64) == 0) {
      const auto bytes = schemas::encode_envelope({.from = sender, .to = message.to, .what = message.gossip});
      if (!bytes) return violate("a message's bounds", bytes.error().message);
      outcome_.bytes += bytes->size();
      outcome_.largest = std::max<std::uint64_t>(outcome_.largest, bytes->size());
      auto back = schemas::decode_envelope(*bytes, now_);
      if (!back) return violate("the wire", back.error().message);
      gossip = std::get<Gossip>(std::move(back->what));
    }
    if (!running(to) || cuts_.contains({from, to}) || random_.below(100) < loss_percent_) return;
    auto& pair = pair_of(from, to);
    if (!own_side(pair, from, to).up || own_side(pair, from, to).peer != message.to) return;
    auto& last = pair.last[to < from ? 0 : 1];
    const auto arrival = std::max(
        last,
        now_ + std::chrono::microseconds(100 + random_.below(1'000U * static_cast<unsigned>(delay_max_.count()))));
    last = arrival;
    at(arrival - now_,
       [this, from, to, sender, peer = message.to, generation = pair.generation, gossip = std::move(gossip)] {
         auto& link = pair_of(from, to);
         const auto& side = own_side(link, to, from);
         if (link.generation != generation || !side.up || side.peer != sender) return;
         input(to, peer, [this, to, sender, gossip](Swim& swim) { swim.receive(sender, gossip, instant(to)); });
       });
  }

  // ---- what must hold ----

  void violate(std::string_view invariant, std::string what) {
    if (outcome_.violation) return;
    outcome_.violation = fmt::format("{} at {} ms: {}", invariant,
                                     std::chrono::duration_cast<milliseconds>(now_.time_since_epoch()).count(), what);
  }

  bool lives(const NodeAddress& address) const {
    const auto& slot = slots_[slot_of(address.node)];
    return slot.process && slot.process->running && slot.process->address == address && !slot.left;
  }

  void check(std::size_t i, const MemberEvent& event) {
    auto& slot = slots_[i];
    const auto& who = event.member.address;
    mix(i, static_cast<std::uint64_t>(event.kind), who.node.value);
    if (run_.print) {
      fmt::print("{:>8} {}: event {} of {}.{} r{} {}\n",
                 std::chrono::duration_cast<milliseconds>(now_.time_since_epoch()).count(), i,
                 static_cast<int>(event.kind), slot_of(who.node), who.incarnation.value, event.member.refutation,
                 event.text);
    }
    switch (event.kind) {
      case MemberEvent::Kind::up: {
        ++ups_of_[slot_of(who.node)];
        if (slot.left_ones.contains(who)) violate("who left stays away", fmt::format("{} at {}", who.node.value, i));
        const auto dead = slot.dead.find(who);
        if (dead == slot.dead.end()) return;
        if (event.member.refutation <= dead->second) {
          violate("the dead return by contradiction alone", fmt::format("node {} at node {}", slot_of(who.node), i));
        }
        const auto& process = *slots_[slot_of(who.node)].process;
        const auto said = process.address == who ? process.swim->self().refutation : ended_[who];
        if (event.member.refutation > said) violate("nobody contradicts for another", fmt::format("at node {}", i));
        return;
      }
      case MemberEvent::Kind::suspect:
        ++suspected_;
        return;
      case MemberEvent::Kind::dead:
        slot.dead[who] = event.member.refutation;
        if (!lives(who)) return;
        ++outcome_.false_deaths;
        ++deaths_of_living_[slot_of(who.node)];
        if (no_false_deaths_ || (asleep_ && *asleep_ != slot_of(who.node)))
          violate("nobody dies who lives", fmt::format("node {} at node {}", slot_of(who.node), i));
        return;
      case MemberEvent::Kind::left:
        slot.left_ones.insert(who);
        if (lives(who)) violate("only who leaves has left", fmt::format("node {} at node {}", slot_of(who.node), i));
        return;
      case MemberEvent::Kind::charter: {
        const auto& charter = event.member.record.charter;
        slot.stored = {charter.cluster, charter.data, {}, 0, charter.expect};
        if (charter.cluster.value != 0 && ids_.insert(charter.cluster).second) ++outcome_.ids;
        if (charter.cluster.value != 0 && slot.wants_data && !data_of_.contains(i)) {
          data_of_[i] = charter.cluster;
          slot.process->swim->set_data();
          slot.stored.data = true;
        }
        return;
      }
      case MemberEvent::Kind::stranger:
        ++outcome_.refusals;
        if (event.text.find("node-") == std::string::npos) violate("a refusal names", event.text);
        return;
      case MemberEvent::Kind::superseded:
        violate("nobody is another", fmt::format("node {}", i));
        return;
      default:
        return;
    }
  }

  bool all_know(const NodeAddress& victim) const {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!running(i) || paused(i)) continue;
      const auto* member = slots_[i].process->swim->find(victim.node);
      if (member != nullptr && member->address == victim && member->lives()) return false;
    }
    return true;
  }

  std::string disagreement() const {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!running(i) || slots_[i].left) continue;
      const auto& swim = *slots_[i].process->swim;
      for (const auto& seen : swim.others()) {
        const auto& member = seen.member;
        if (member.lives() && !lives(member.address)) {
          return fmt::format("at {} lives {}.{}, who does not", i, slot_of(member.address.node),
                             member.address.incarnation.value);
        }
      }
      for (std::size_t j = 0; j < slots_.size(); ++j) {
        if (j == i || !running(j) || slots_[j].left) continue;
        const auto* member = swim.find(node_of(j));
        if (member == nullptr) return fmt::format("{} does not know {}", i, j);
        if (member->address != slots_[j].process->address || member->state != NodeState::alive) {
          return fmt::format("at {} node {} is {}, of process {}, refutation {}; it lives", i, j,
                             to_text(member->state), member->address.incarnation.value, member->refutation);
        }
        const auto& self = slots_[j].process->swim->self();
        if (!run_.load && member->record != self.record) return fmt::format("{} has an old record of {}", i, j);
        const auto offset = seen_offset(swim, node_of(j));
        if (offset && std::abs(*offset - (slots_[j].skew_ms - slots_[i].skew_ms)) > 100) {
          return fmt::format("{} is wrong about the clock of {}: {} ms", i, j, *offset);
        }
      }
    }
    return {};
  }
  static std::optional<std::int64_t> seen_offset(const Swim& swim, NodeId node) {
    for (const auto& seen : swim.others()) {
      if (seen.member.address.node == node) return seen.clock_offset_ms;
    }
    return std::nullopt;
  }

  void check_one_cluster() {
    std::set<ClusterId> ids;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (running(i) && !slots_[i].left) ids.insert(slots_[i].process->swim->self().record.charter.cluster);
    }
    if (ids.size() != 1 || ids.begin()->value == 0) {
      violate("one cluster", fmt::format("{} ids among those who see each other", ids.size()));
    }
  }

  // ---- time ----

  void at(MonoTime::duration in, std::function<void()> what) { queue_.push({now_ + in, ++sequence_, std::move(what)}); }
  void go(milliseconds time) {
    const auto until = now_ + time;
    outcome_.node_seconds += static_cast<double>(count_running()) * static_cast<double>(time.count()) / 1'000;
    while (!queue_.empty() && queue_.top().at <= until && !outcome_.violation) {
      auto event = queue_.top();
      queue_.pop();
      now_ = event.at;
      event.what();
    }
    now_ = until;
  }
  void mix(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    for (const auto value : {a, b, c, static_cast<std::uint64_t>(now_.time_since_epoch().count())}) {
      outcome_.trace = (outcome_.trace ^ value) * 0x100000001b3ULL;
    }
  }
  void trace(std::string_view what, std::size_t who) {
    if (run_.print) {
      fmt::print("{:>8} {} {}\n", std::chrono::duration_cast<milliseconds>(now_.time_since_epoch()).count(), who, what);
    }
  }
  void add_counts(const Process& process) {
    outcome_.suspicions += process.swim->counts().suspicions;
    outcome_.refutations += process.swim->counts().refutations;
  }

  struct Event {
    MonoTime at;
    std::uint64_t sequence;
    std::function<void()> what;
    bool operator>(const Event& other) const { return std::tie(at, sequence) > std::tie(other.at, other.sequence); }
  };

  const Run run_;
  SeededRandom random_;
  MonoTime now_{seconds(1'000)};
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::deque<Slot> slots_;
  std::map<std::pair<std::size_t, std::size_t>, Pair> pairs_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;  // from, to
  std::uint64_t loss_percent_ = 0;
  milliseconds delay_max_{1};
  std::size_t expect_ = 1;
  bool no_false_deaths_ = false;
  bool no_redial_ = false;
  milliseconds redial_every_{250};
  std::optional<std::size_t> asleep_;
  std::uint64_t riders_ = 0;
  std::uint64_t suspected_ = 0;
  cluster::SwimTiming timing_;
  ClusterLimits limits_;
  std::map<NodeAddress, std::uint32_t> ended_;
  std::map<std::size_t, std::size_t> deaths_of_living_, ups_of_;
  std::map<std::size_t, ClusterId> data_of_;
  std::set<ClusterId> ids_;
  Outcome outcome_;
};

}  // namespace

bool planted(Bug bug) { return g_bug == bug; }
void plant(Bug bug) { g_bug = bug; }

const char* to_text(Profile profile) {
  switch (profile) {
    case Profile::any:
      return "any";
    case Profile::pauses:
      return "pauses";
    case Profile::loss:
      return "loss";
    case Profile::broken_link:
      return "broken_link";
    case Profile::kills:
      return "kills";
    case Profile::vanishes:
      return "vanishes";
    case Profile::founding:
      return "founding";
    case Profile::asleep:
      return "asleep";
    case Profile::partition:
      return "partition";
    case Profile::flapping:
      return "flapping";
    case Profile::crowd:
      return "crowd";
    case Profile::kCount:
      break;
  }
  return "";
}

const char* to_text(Bug bug) {
  static constexpr const char* kNames[] = {"none",
                                           "backed_at_once",
                                           "closed_is_silent",
                                           "comebacks_unbounded",
                                           "data_gives_way",
                                           "dead_return",
                                           "dead_not_asked",
                                           "death_believed_at_once",
                                           "elsewhere_ignored",
                                           "link_not_looked_at",
                                           "newer_process_ignored",
                                           "pause_not_noticed",
                                           "refutation_not_raised",
                                           "relay_keeps_answer",
                                           "remembered_for_ever",
                                           "rumours_never_end",
                                           "round_ends_probes"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Bug::kCount));
  return kNames[static_cast<std::size_t>(bug)];
}

Outcome simulate(const Run& run) { return World(run).play(); }

}  // namespace parley::membership

// The log's part with replicas on other nodes.
#include "cluster/raft_log_others.h"

#include "cluster/placement/spare.h"
#include "core/limits.h"
#include "core/log.h"
#include "storage/keys.h"

#include <algorithm>
#include <utility>

namespace parley::cluster {
namespace {

constexpr milliseconds kTick{100};
constexpr milliseconds kPlanEvery{1'000};
constexpr milliseconds kPlanWhileMoving{200};
// A replica answers: it was heard of within an election timeout.
constexpr milliseconds kAnswersWithin{2'000};
// A leader that is older than this has told a majority what it has committed, or would not lead any more.
constexpr milliseconds kSureAfter{5'000};
constexpr milliseconds kStrangerEvery{1'000};
constexpr milliseconds kRepeatEvery{1'000};
// What a leader said of who is needed counts so long: it says it again at each kRepeatEvery.
constexpr milliseconds kSparedFor{3'000};
// What is known of who is needed is looked at with each tick; an older answer is none.
constexpr milliseconds kNeedsFor{5'000};

}  // namespace

RaftLog::Others::Others(RaftLog& by, const RaftLogConfig::Others& config, storage::Store& store)
    : log(by),
      random(*config.random),
      post(*config.peers, by.metrics_, [this] { log.wake(); }),
      planner(config.rules, by.shard_count_),
      source({}, store, *config.random),
      fetch({}, store),
      shards(by.shard_count_) {}

std::chrono::nanoseconds RaftLog::Others::step(bool) {
  tick_due = true;  // one that is missed while the disk is busy is not made up for
  log.wake();
  return kTick;
}

void RaftLog::Others::begin_leading(ShardId id, MonoTime now) {
  auto& shard = shards[id.value];
  shard.heard.clear();
  shard.copies.clear();
  shard.led_since = now;
}

// ---- from elsewhere in the node ----

void RaftLog::start(Executor& executor) {
  if (others_ == nullptr) return;
  count_leaders();  // before anybody asks
  others_->running = executor.add("parley-ticks", *others_);
  others_->running->start();
}

void RaftLog::stop() {
  if (others_ != nullptr && others_->running != nullptr) others_->running->stop();
}

ReplicaListener* RaftLog::listener() { return others_ == nullptr ? nullptr : &others_->post; }

void RaftLog::see(placement::Picture picture) {
  if (others_ == nullptr) return;
  const bool drains = std::any_of(picture.nodes.begin(), picture.nodes.end(), [this](const auto& sighting) {
    return sighting.node == config_.self && sighting.intent == placement::Intent::drain;
  });
  {
    const MutexLock lock(others_->mutex);
    others_->picture = std::move(picture);
  }
  if (others_->draining.exchange(drains) == drains) return;
  others_->plan_now = true;  // leads are waited for
  wake();
}

bool RaftLog::wait_until_handed_over(milliseconds at_most) {
  if (others_ == nullptr) return true;
  MutexLock lock(others_->mutex);
  return others_->handed_over.wait_for(lock, at_most, [this] { return led_ == 0 && unled_ == 0; });
}

std::optional<std::vector<ShardId>> RaftLog::shards_that_need_this_node() const {
  if (others_ == nullptr) return std::nullopt;
  const MutexLock lock(others_->mutex);
  if (!others_->needs_known || clock_.now() - *others_->needs_known > kNeedsFor) return std::nullopt;
  return others_->needs;
}

void RaftLog::found() {
  if (others_ == nullptr) return;
  {
    const MutexLock lock(others_->mutex);
    others_->found = true;
    others_->give_up = false;  // the last word counts
  }
  wake();
}

void RaftLog::give_up() {
  if (others_ == nullptr) return;
  {
    const MutexLock lock(others_->mutex);
    others_->give_up = true;
    others_->found = false;
  }
  wake();
}

void RaftLog::pause_moves(bool pause) {
  if (others_ != nullptr) others_->paused = pause;
}

// ---- what came in ----

void RaftLog::take_in() {
  auto inputs = others_->post.take();
  for (auto& input : inputs) {
    if (!set_) return;
    if (auto* messages = std::get_if<std::vector<RaftToShard>>(&input.what)) {
      take_messages(input.from, *messages);
    } else if (const auto* news = std::get_if<ReplicaNews>(&input.what)) {
      take_news(input.from, *news);
    } else if (const auto* ask = std::get_if<SnapshotAsk>(&input.what)) {
      // Who asks is the replica there, as far as is known here.
      if (ask->shard.value < shard_count_ && shards_[ask->shard.value].places.node_of(ask->from) == input.from.node) {
        others_->source.ask(*ask, clock_.now());
      }
    } else if (const auto* part = std::get_if<SnapshotPart>(&input.what)) {
      take_part(*part);
    } else {
      take_link(input.from, std::get<ReplicaPost::Link>(input.what).up);
    }
  }
  if (set_) take_orders();
  if (set_ && others_->plan_now.exchange(false)) plan();
  if (set_ && others_->tick_due.exchange(false)) run_tick();
  if (set_) run_copies();
}

void RaftLog::take_messages(const NodeAddress& from, std::vector<RaftToShard>& messages) {
  for (auto& [id, message] : messages) {
    if (!set_) return;
    if (id.value < shard_count_) take_message(from, id, message);
  }
}

void RaftLog::take_message(const NodeAddress& from, ShardId id, RaftMessage& message) {
  auto& shard = shards_[id.value];
  auto& others = others_->shards[id.value];
  auto* group = set_->group(id);
  if (group == nullptr) return;
  // Whoever joins is told nothing yet of where the others are.
  const auto& members = group->membership();
  if (!shard.places.node_of(message.from) && (members.voters.empty() || members.has(message.from)) &&
      shard.places.places().size() < RaftLimits{}.places_max) {
    shard.places.place(message.from, from.node);
  }
  if (shard.role == raft::Role::leader) {
    const auto now = clock_.now();
    if (group->membership().has(message.from)) {
      others.heard[message.from] = now;
    } else if (shard.led.value != 0 && now - others.led_since >= kSureAfter &&
               now - others.told_stranger >= kStrangerEvery) {
      others.told_stranger = now;
      others_->post.news(from.node).strangers.push_back({id, message.from, shard.term});
    }
  }
  if (message.kind == RaftKind::append && others_->fetch.restoring(id)) return;
  if (message.kind == RaftKind::snapshot) {
    const bool begins = !others_->fetch.restoring(id) || others_->fetch.stuck(id);
    if (begins && others_->fetch.under_way() >= config_.others->rules.moves_max && group->would_restore(message)) {
      metrics_.snapshots_put_off.add();
      return others_->fetch.put_off(id, message);
    }
    if (group->would_restore(message)) {
      storage::WriteBatch batch;
      if (const auto begun = others_->fetch.begin(id, message, clock_.now(), batch); !begun) {
        log_warn("a shard's state cannot be copied", {{"shard", id.value}, {"error", begun.error().message}});
      }
      (void)group->want_snapshot(false);
      (void)write_now(batch, storage::Sync::no);
      return;
    }
    others_->fetch.not_needed(id, message);
  }
  set_->step(id, message);
}

void RaftLog::take_part(const SnapshotPart& part) {
  if (part.shard.value >= shard_count_) return;
  storage::WriteBatch batch;
  (void)others_->fetch.part(part, clock_.now(), batch);  // what is wrong is asked for again
  if (write_now(batch, storage::Sync::no)) take_restored(part.shard);
}

void RaftLog::take_restored(ShardId id) {
  auto* group = set_->group(id);
  if (group == nullptr || !others_->fetch.restoring(id)) return;
  const auto now = group->status();
  const auto message = others_->fetch.ready(id, {now.term, now.leader, now.applied});
  if (!message) return;
  storage::WriteBatch batch;
  if (group->would_restore(*message) || !others_->fetch.reached(id, now.applied, batch)) {
    set_->step(id, *message);
  } else if (write_now(batch, storage::Sync::no)) {
    auto read = read_places(id);
    if (read) read = owner_.on_state_replaced(id, std::nullopt);
    if (!read) fail(read.error());
  }
}

void RaftLog::take_news(const NodeAddress& from, const ReplicaNews& news) {
  for (const auto& led : news.led) {
    if (led.shard.value >= shard_count_) continue;
    auto& leader = others_->shards[led.shard.value].leader;
    if (led.term < leader.term) continue;
    const bool known = led.term == leader.term && leader.node == from.node;
    leader = {from.node, led.term, led.spares, clock_.now()};
    if (known) continue;
    const auto& shard = shards_[led.shard.value];
    if (shard.led.value == 0 || shard.led < led.term) owner_.on_following(led.shard, ShardLeader(from.node, led.term));
  }
  const auto known = [&](const ReplicaOnNode& one) { return one.shard.value < shard_count_; };
  for (const auto& one : news.members) {
    if (!known(one)) continue;
    // One that was removed before it could vote never speaks, so that nobody tells it: it makes room here.
    if (auto* group = set_->group(one.shard); group != nullptr) {
      const bool votes = group->membership().votes(group->self());
      if (group->self() == one.replica || one.term < group->status().term || votes) continue;
      others_->to_erase.push_back(one.shard);
    }
    others_->to_make.push_back(one);
  }
  for (const auto& one : news.strangers) {
    auto* group = known(one) ? set_->group(one.shard) : nullptr;
    // A leader of the past may not know that it was added since.
    if (group == nullptr || group->self() != one.replica || one.term < group->status().term) continue;
    if (shards_[one.shard.value].role != raft::Role::leader) others_->to_erase.push_back(one.shard);
  }
}

void RaftLog::take_link(const NodeAddress& peer, bool up) {
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const ShardId id{i};
    const auto& shard = shards_[i];
    if (up) {
      if (shard.led.value != 0) others_->post.news(peer.node).led.push_back(led_news(id, peer.node));
      continue;
    }
    if (shard.role != raft::Role::leader) continue;
    for (const auto& [replica, node] : shard.places.places()) {
      if (node != peer.node) continue;
      if (auto* group = set_->group(id)) (void)group->report_unreachable(replica);
    }
  }
}

// ---- replicas come and go ----

bool RaftLog::write_now(const storage::WriteBatch& batch, storage::Sync sync) {
  if (batch.empty()) return true;
  if (const auto written = store_.write(batch, sync); !written) {
    fail(written.error());
    return false;
  }
  return true;
}

// Nothing of a replica may be on its way to the disk when it goes, or when another one comes in its place.
void RaftLog::take_orders() {
  if (in_flight_ > 0) return;
  bool found = false;
  bool give_up = false;
  {
    const MutexLock lock(others_->mutex);
    found = others_->found;
    give_up = others_->give_up;
  }
  if (give_up) {
    for (std::uint16_t i = 0; i < shard_count_; ++i) {
      if (set_ && set_->group(ShardId{i}) != nullptr) erase_replica(ShardId{i});
    }
    storage::WriteBatch done;
    done.remove(storage::Family::state, storage::keys::founded());
    done.remove(storage::Family::state, storage::keys::giving_up());
    if (!set_ || !write_now(done, storage::Sync::yes)) return;
    const MutexLock lock(others_->mutex);
    others_->give_up = false;
  }
  for (const auto id : std::exchange(others_->to_erase, {})) {
    if (set_) erase_replica(id);
  }
  for (const auto& one : std::exchange(others_->to_make, {})) {
    if (set_) make_replica(one);
  }
  if (!found || !set_) return;
  const auto may = may_found();
  if (!may) return fail(may.error());
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    if (set_->group(ShardId{i}) != nullptr) return others_->founded();
  }
  if (!*may) return others_->founded();
  if (const auto founded = found_all(std::vector<LogIndex>(shard_count_), others_->random); !founded) {
    return fail(founded.error());
  }
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    auto opened = open_one(ShardId{i});
    if (opened) opened = owner_.on_state_replaced(ShardId{i}, std::nullopt);
    if (!opened) return fail(opened.error());
  }
  others_->founded();
  log_info("the cluster's shards are founded here", {{"shards", shard_count_}});
}

void RaftLog::make_replica(const ReplicaOnNode& wanted) {
  if (set_->group(wanted.shard) != nullptr) return;
  // One that broke stays as it is: made anew under its id it would have forgotten what it promised. And a leader of the
  // past does not know who went since.
  const auto there = groups_->read(wanted.shard);
  if (!there || (there->has_value() && (*there)->self == wanted.replica)) return;
  if (wanted.term < others_->shards[wanted.shard.value].leader.term) return;
  storage::WriteBatch batch;
  batch.put(storage::Family::state, storage::keys::founded(), storage::keys::number(1));
  groups_->erase(wanted.shard, batch);
  groups_->create(wanted.shard, wanted.replica, {}, {}, batch);
  if (!write_now(batch, storage::Sync::yes)) return;
  auto opened = open_one(wanted.shard);
  if (opened) opened = owner_.on_state_replaced(wanted.shard, std::nullopt);
  if (!opened) fail(opened.error());
}

void RaftLog::erase_replica(ShardId id) {
  if (set_->group(id) == nullptr) return;
  set_->close(id);
  others_->fetch.forget(id);
  others_->source.drop(id);
  lose_pending(id, make_error(Errc::not_leader));
  if (shards_[id.value].led.value != 0) --led_;
  shards_[id.value] = {};
  std::erase(leads_, id);
  storage::WriteBatch batch;
  groups_->erase(id, batch);
  if (!write_now(batch, storage::Sync::yes)) return;
  owner_.on_following(id, leader_of(id));
  if (auto read = owner_.on_state_replaced(id, std::nullopt); !read) fail(read.error());
}

// ---- time ----

// What was said of it may have been lost with a link that was full, or a disk that was down.
void RaftLog::repeat_leads() {
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const auto& shard = shards_[i];
    if (shard.led.value == 0) continue;
    for (const auto& [node, link] : others_->post.links()) {
      others_->post.news(node).led.push_back(led_news(ShardId{i}, node));
    }
  }
}

ShardLed RaftLog::led_news(ShardId id, NodeId to) const {
  const auto& others = others_->shards[id.value];
  const bool fresh = clock_.now() - others.spared_at <= kSparedFor;
  const bool spares = fresh && std::find(others.spared.begin(), others.spared.end(), to) != others.spared.end();
  return {id, shards_[id.value].led, spares};
}

void RaftLog::run_tick() {
  set_->tick();
  const auto now = clock_.now();
  for (std::uint16_t i = 0; i < shard_count_ && set_; ++i) {
    const ShardId id{i};
    if (others_->fetch.restoring(id)) {
      take_restored(id);
      if (!set_) return;
      if (others_->fetch.stuck(id)) {
        if (auto* group = set_->group(id)) (void)group->want_snapshot(true);
      }
    }
    set_->keep_log(id, others_->source.log_needed(id, now));
  }
  count_leaders();
  note_needs(now);
  if (now >= others_->repeat_at) {
    others_->repeat_at = now + kRepeatEvery;
    repeat_leads();
  }
  if (now < others_->plan_at) return;
  plan();
  const bool busy = !others_->planner.budget().moving().empty() || (others_->draining && led_ > 0);
  others_->plan_at = now + (busy ? kPlanWhileMoving : kPlanEvery);
}

void RaftLog::note_needs(MonoTime now) {
  std::vector<ShardId> needs;
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const auto* group = set_->group(ShardId{i});
    if (group == nullptr || !group->membership().votes(group->self())) continue;
    const auto& shard = shards_[i];
    const auto& leader = others_->shards[i].leader;
    bool spared = leader.term >= shard.term && leader.spares && now - leader.said <= kSparedFor;
    if (shard.led.value != 0) spared = led_news(ShardId{i}, config_.self).spares;
    if (!spared) needs.push_back(ShardId{i});
  }
  const MutexLock lock(others_->mutex);
  others_->needs = std::move(needs);
  others_->needs_known = now;
}

// With each turn while somebody may wait: the end of it is some milliseconds of nobody's publications.
void RaftLog::note_handed_over() {
  if (!others_->draining) return;
  count_leaders();
  if (led_ != 0 || unled_ != 0) return;
  const MutexLock lock(others_->mutex);
  others_->handed_over.notify_all();
}

void RaftLog::run_copies() {
  const auto now = clock_.now();
  auto parts = others_->source.take(now);
  for (const auto& end : others_->source.take_reports()) {  // before the last part leaves: snapshot_source.h
    others_->shards[end.shard.value].copies.erase(end.to);
    if (auto* group = set_->group(end.shard)) (void)group->report_snapshot(end.to, end.arrived);
  }
  for (auto& part : parts) {
    const auto node = shards_[part.shard.value].places.node_of(part.to);
    if (node) others_->post.give(*node, std::move(part));
  }
  for (auto& ask : others_->fetch.take_asks(now)) {
    const auto node = shards_[ask.shard.value].places.node_of(ask.to);
    if (node) others_->post.ask(*node, std::move(ask));
  }
  for (const auto& end : others_->fetch.take_given_up()) {
    log_warn("a shard's state was not copied", {{"shard", end.shard.value}, {"error", end.why.message}});
  }
}

// ---- where replicas shall be ----

void RaftLog::plan() {
  std::optional<placement::Picture> picture;
  {
    const MutexLock lock(others_->mutex);
    picture = others_->picture;
  }
  if (!picture) return;
  const auto now = clock_.now();
  std::set<NodeId> holders;
  for (const auto& shard : shards_) {
    for (const auto& [replica, node] : shard.places.places()) holders.insert(node);
  }
  picture->holders.assign(holders.begin(), holders.end());
  others_->planner.pause(others_->paused);
  others_->planner.update(*picture, now);
  std::vector<placement::ShardView> led;
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const ShardId id{i};
    const auto& shard = shards_[i];
    auto* group = shard.led.value == 0 ? nullptr : set_->group(id);
    if (group == nullptr) continue;
    led.push_back(view_of(id, *group, now));
    auto& others = others_->shards[i];
    others.spared.clear();
    others.spared_at = now;
    for (const auto& [replica, node] : shard.places.places()) {
      if (placement::spares(led.back(), others_->planner.nodes(), config_.others->rules, node)) {
        others.spared.push_back(node);
      }
    }
  }
  count_shards(led);
  const auto steps = others_->planner.steps(led, now);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].action != placement::Action::none) carry_out(led[i].shard, steps[i]);
  }
}

placement::ShardView RaftLog::view_of(ShardId id, raft::Group& group, MonoTime now) {
  const auto& shard = shards_[id.value];
  const auto& others = others_->shards[id.value];
  const auto status = group.status();
  placement::ShardView view;
  view.shard = id;
  view.leader = group.self();
  view.led_for = std::chrono::duration_cast<milliseconds>(now - others.led_since);
  view.change_pending = status.change_pending || status.successor != ReplicaId{} || !status.term_committed;
  const auto add = [&](ReplicaId replica, bool voter) {
    placement::Replica row{.id = replica, .node = shard.places.node_of(replica).value_or(NodeId{}), .voter = voter};
    const bool self = replica == group.self();
    const auto heard = others.heard.find(replica);
    row.answers = self || (heard != others.heard.end() && now - heard->second <= kAnswersWithin);
    const auto matched = self ? status.last : group.matched(replica);
    if (matched.value > 0) row.lacks = status.commit.value - std::min(status.commit, matched).value;
    row.snapshot = others.copies.contains(replica);
    // It may not know yet that it is wanted.
    if (!self && matched.value == 0 && !row.answers && row.node != NodeId{} && status.term_committed) {
      others_->post.news(row.node).members.push_back({id, replica, shard.term});
    }
    view.replicas.push_back(row);
  };
  for (const auto replica : group.membership().voters) add(replica, true);
  for (const auto replica : group.membership().learners) add(replica, false);
  return view;
}

void RaftLog::count_shards(const std::vector<placement::ShardView>& led) {
  const auto& nodes = others_->planner.nodes();
  const auto there = std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.counts(); });
  const auto wanted = std::min<std::ptrdiff_t>(there, static_cast<std::ptrdiff_t>(config_.others->rules.replicas));
  std::ptrdiff_t all = 0;
  std::size_t with_too_few = 0;
  std::uint64_t most_lacking = 0;
  for (const auto& view : led) {
    for (const auto& one : view.replicas) {
      if (one.voter) most_lacking = std::max(most_lacking, one.lacks.value_or(0));
    }
    const auto voters =
        std::count_if(view.replicas.begin(), view.replicas.end(), [](const auto& one) { return one.voter; });
    all += voters;
    with_too_few += voters < wanted ? 1 : 0;
  }
  metrics_.shards_voters.set(static_cast<double>(all));
  metrics_.shards_short.set(static_cast<double>(with_too_few));
  metrics_.replication_lag.set(static_cast<double>(most_lacking));
}

void RaftLog::count_leaders() {
  std::size_t unled = 0;
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    unled += shards_[i].led.value == 0 && !leader_of(ShardId{i}) ? 1 : 0;
  }
  unled_ = unled;
  metrics_.shards_without_leader.set(static_cast<double>(unled));
  metrics_.shards_led.set(static_cast<double>(led_));
}

void RaftLog::carry_out(ShardId id, const placement::Step& step) {
  auto* group = set_->group(id);
  if (group == nullptr) return;
  log_info("placement", {{"step", placement::describe(step, id)}});
  using Kind = raft::Change::Kind;
  switch (step.action) {
    case placement::Action::none:
      return;
    case placement::Action::add_learner:
      (void)group->propose_membership({Kind::add_learner, ReplicaId{others_->random.next() | 1}, step.node});
      return;
    case placement::Action::promote:
      (void)group->propose_membership({Kind::add_voter, step.replica, step.node});
      return;
    case placement::Action::remove:
      (void)group->propose_membership({Kind::remove, step.replica, step.node});
      return;
    case placement::Action::transfer:
      if (group->transfer(step.replica)) others_->shards[id.value].handing_over = shards_[id.value].term;
      return;
  }
}

void RaftLog::send_out() {
  // A leader waits for the end of each snapshot, whatever becomes of it.
  for (const auto& [id, to] : std::exchange(others_->undelivered, {})) {
    others_->source.drop(id, to);
    others_->shards[id.value].copies.erase(to);
    if (auto* group = set_ ? set_->group(id) : nullptr) (void)group->report_snapshot(to, false);
  }
  others_->post.flush([this](ShardId id, const RaftMessage& message) {
    auto* group = set_ ? set_->group(id) : nullptr;
    if (group == nullptr) return;
    if (message.kind != RaftKind::snapshot) return (void)group->report_unreachable(message.to);
    others_->source.drop(id, message.to);
    others_->shards[id.value].copies.erase(message.to);
    (void)group->report_snapshot(message.to, false);
  });
}

}  // namespace parley::cluster

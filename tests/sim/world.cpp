#include "tests/sim/world.h"

#include "cluster/reads/people_reader.h"
#include "cluster/replicas.h"
#include "core/channel_name.h"
#include "tests/sim/pusher_client.h"
#include "tests/sim/socketio_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::sim {

namespace {

SettingsPtr make_settings(const Plan& plan, Bug bug) {
  auto made = std::make_shared<Settings>();
  App app;
  app.id = kAppId;
  app.key = kAppKey;
  app.secret = kAppSecret;
  app.limits.client_events_per_second_max = 0;
  made->apps.push_back(app);
  for (const auto& [name, kept] : plan.domains_kept) {
    made->rules.push_back(
        {.match = name, .durability = kept.durability, .retention = kept.retention, .keep_client_events = true});
  }
  if (bug == Bug::removed_without_grace) {
    for (auto& rule : made->rules) rule.presence_grace = milliseconds(0);
    made->rules.push_back({.match = "room", .presence_grace = milliseconds(0)});
  }
  WebhookTarget backend;
  backend.name = kWebhook;
  backend.app = kAppId;
  backend.url = "http://backend";
  backend.kinds = notice_mask(backend.events);
  backend.retry_pause_max = seconds(2);
  made->webhooks.push_back(backend);
  made->shard_count = plan.shards;
  made->limits.channel_idle = plan.channel_idle;
  // What is not given back is missed before the end. More than is ever in flight at once.
  made->limits.requests_in_flight_max = 500;
  made->limits.shard_pending_commands_max = 200;
  made->limits.catch_up_page_bytes_max = plan.page_bytes;
  made->limits.catch_up_bytes_max = plan.catch_up_bytes;
  made->limits.log_bytes_max = plan.log_bytes_max;
  made->socketio.recovery_window = plan.recovery_window;
  return made;
}

constexpr milliseconds kFaultsEvery{100};

}  // namespace

World::World(Scheduler& scheduler, const Run& run)
    : scheduler_(scheduler),
      plan_(Plan::of(scheduler_, run.bug, run.profile, run.nodes)),
      settings_(make_settings(plan_, run.bug)),
      promised_(make_settings(plan_, Bug::none)),
      peers_(scheduler_, plan_, static_cast<std::size_t>(run.nodes)),
      checker_(scheduler_, plan_, *this, promised_),
      receiver_(scheduler_, plan_, checker_),
      keeper_(scheduler_, checker_, !plan_.is_cluster(), [this] { return some_node(); }),
      led_(static_cast<std::size_t>(run.nodes)) {
  if (plan_.is_cluster()) plan_.people_promised = run.people;
  for (int i = 0; i < run.nodes; ++i) machines_.push_back({std::make_unique<Disk>(scheduler_, plan_), nullptr});
}

Outcome simulate(const Run& run) {
  plant(run.bug);
  Scheduler scheduler(run.seed, run.print);
  std::vector<std::unique_ptr<World>> worlds;
  for (int i = 0; i < run.worlds; ++i) worlds.push_back(std::make_unique<World>(scheduler, run));
  const auto broken = [&] {
    return std::any_of(worlds.begin(), worlds.end(), [](const auto& world) { return world->broken(); });
  };
  const auto seen = [&] {
    std::uint64_t sum = 0;
    for (const auto& world : worlds) sum += world->seen();
    return sum;
  };
  for (const auto& world : worlds) world->begin();
  const auto begun = scheduler.now();
  const auto chaos = worlds.front()->plan().chaos;
  const auto calm = worlds.front()->plan().calm;
  scheduler.run_until(begun + chaos, broken);
  for (const auto& world : worlds) world->calm_down();
  constexpr seconds quiet{10};
  scheduler.run_until(begun + chaos + calm - quiet, broken);
  auto before = seen();
  scheduler.run_until(begun + chaos + calm, broken);
  // Who still catches up, with small pages, is let to.
  for (int more = 0; more < 60 && !broken() && seen() != before; ++more) {
    before = seen();
    scheduler.run_until(scheduler.now() + quiet, broken);
  }
  for (const auto& world : worlds) {
    if (!broken()) world->check_end();
  }
  Outcome outcome;
  for (const auto& world : worlds) world->add_to(outcome);
  outcome.trace_hash = scheduler.trace_hash();
  outcome.events = scheduler.events();
  outcome.simulated = chaos + calm;
  return outcome;
}

void World::begin() {
  populate();
  for (std::size_t machine = 0; machine < machines_.size(); ++machine) start_node(machine);
  for (const auto& client : clients_) client->begin();
  faults();
  backend_posts();
  keeper_.begin();
}

void World::calm_down() {
  chaos_ = false;
  scheduler_.note("calm");
  for (auto& machine : machines_) machine.disk->break_until(scheduler_.now(), false);
  peers_.open_all_ways();
  scheduler_.thaw_all();
  plan_.sudden_outages = plan_.slow_disk = plan_.slow_network = plan_.slow_actors = plan_.slow_readers = 0;
  plan_.webhook_failures = 0;
  keeper_.stop();
  for (const auto& client : clients_) {
    client->stop_publishing();
    if (scheduler_.chance(0.3)) client->quit();  // rosters must notice
  }
}

void World::add_to(Outcome& outcome) const {
  if (!outcome.violation) outcome.violation = checker_.violation();
  outcome.acked += checker_.counts().acked;
  outcome.seen += checker_.counts().seen;
  outcome.told += receiver_.told();
  outcome.taken += keeper_.taken();
  for (const auto& client : clients_) outcome.recovered += client->recovered();
  outcome.crashes += crashes_;
  outcome.outages += outages_;
  outcome.leads += leads_;
}

void World::populate() {
  for (int i = 1; i <= plan_.domains; ++i) domains_.push_back(fmt::format("private-domain.{}", i));
  const std::string room = "presence-room";
  const std::string lobby = "presence-domain.9";
  const auto some = [this] {
    std::vector<std::string> chosen;
    for (const auto& domain : domains_) {
      if (scheduler_.chance(0.7)) chosen.push_back(domain);
    }
    if (chosen.empty()) chosen.push_back(domains_.front());
    return chosen;
  };
  Network& network = *this;
  const auto add = [this, &network](ClientSpec spec) {
    if (spec.kind == ClientKind::socketio) {
      clients_.push_back(std::make_shared<SocketIoClient>(scheduler_, plan_, checker_, network, std::move(spec)));
    } else {
      clients_.push_back(std::make_shared<PusherClient>(scheduler_, plan_, checker_, network, std::move(spec)));
    }
  };
  for (int i = 0; i < plan_.own_clients; ++i) add({fmt::format("own{}", i), ClientKind::own, "", some()});
  for (int i = 0; i < plan_.stock_clients; ++i) add({fmt::format("stock-{:03}", i), ClientKind::stock, "", some()});
  for (int i = 0; i < plan_.socketio_clients; ++i) add({fmt::format("io{}", i), ClientKind::socketio, "", some()});
  for (int i = 0; i < plan_.members; ++i) {
    const auto tabs = 1 + static_cast<int>(scheduler_.below(static_cast<std::uint64_t>(plan_.tabs_max)));
    for (int tab = 0; tab < tabs; ++tab) {
      const auto kind = static_cast<ClientKind>(scheduler_.below(3));
      std::vector<std::string> channels{room, lobby};
      // With a channel that has no history nothing is taken up again.
      if (kind == ClientKind::socketio && scheduler_.chance(0.6)) channels = {lobby};
      add({fmt::format("member{}-tab{}", i, tab), kind, fmt::format("u{}", i), std::move(channels)});
    }
  }
  domains_.push_back(lobby);
}

// ---- the nodes ----

std::size_t World::some_machine() { return plan_.is_cluster() ? scheduler_.below(machines_.size()) : 0; }

Node* World::some_node() { return machines_[some_machine()].node.get(); }

void World::start_node(std::size_t machine) {
  auto& [disk, node] = machines_[machine];
  if (node != nullptr) return;
  peers_.switch_on(machine);
  std::optional<Among> among;
  if (plan_.is_cluster()) {
    server::ClusterConfig config;
    config.name = fmt::format("n{}", machine);
    config.advertise = PeerNetwork::place_of(machine);
    for (std::size_t i = 0; i < machines_.size(); ++i) config.join.push_back(PeerNetwork::place_of(i));
    config.expect_nodes = plan_.expect_nodes;
    config.settle_after = plan_.settle_after;
    among.emplace(Among{peers_, machine, std::move(config)});
  }
  node = std::make_unique<Node>(scheduler_, plan_, *disk, *settings_, checker_, receiver_, std::move(among));
  if (disk->recover() && node->start()) {
    scheduler_.note("node started", plan_.is_cluster() ? fmt::format("{}", machine) : "");
    return;
  }
  node.reset();
  checker_.crashed();  // it may have come so far that the next one knows of it
  scheduler_.after(milliseconds(500), self_, [this, machine] { start_node(machine); });
}

void World::crash(std::size_t machine) {
  auto& [disk, node] = machines_[machine];
  if (node == nullptr) return;
  ++crashes_;
  scheduler_.note("crash", plan_.is_cluster() ? fmt::format("{}", machine) : "");
  if (plan_.is_cluster() && scheduler_.chance(plan_.machine_crashes)) peers_.switch_off(machine);
  node.reset();
  disk->crash();
  checker_.crashed();
  for (const auto& [row, to] : connections_) {
    const auto connection = row.lock();
    if (connection != nullptr && to == machine)
      connection->cut(scheduler_.between(nanoseconds(0), milliseconds(100)), nanoseconds(0));
  }
  std::erase_if(connections_, [&](const auto& row) { return row.second == machine; });
  scheduler_.after(scheduler_.between(milliseconds(50), seconds(4)), self_, [this, machine] { start_node(machine); });
}

std::shared_ptr<Connection> World::connect(const std::shared_ptr<ClientEnd>& client, const Address& to) {
  auto connection = std::make_shared<Connection>(scheduler_, plan_, client);
  const auto machine = some_machine();
  std::erase_if(connections_, [](const auto& row) { return row.first.expired(); });
  connections_.emplace_back(connection, machine);
  scheduler_.after(scheduler_.between(milliseconds(1), milliseconds(40)), connection,
                   [this, connection = std::weak_ptr(connection), to, machine] {
                     const auto open = connection.lock();
                     auto* node = machines_[machine].node.get();
                     if (open->is_cut()) return;
                     if (node == nullptr || node->stands_still()) return open->cut(nanoseconds(0), nanoseconds(0));
                     node->accept(open, to);
                   });
  return connection;
}

// ---- what stands on the disks ----

// A majority has what is committed: of one replica at first, and of as many as there are to be from some time on.
bool World::synced(const std::string& message, MonoTime invoked) const {
  const auto on = std::count_if(machines_.begin(), machines_.end(),
                                [&](const auto& machine) { return machine.disk->synced(message); });
  const auto replicas = std::min<std::size_t>(3, machines_.size());
  const bool grown = grown_ && invoked > *grown_;
  return static_cast<std::size_t>(on) >= (grown ? replicas / 2 + 1 : 1);
}

std::uint64_t World::losses() const {
  std::uint64_t sum = 0;
  for (const auto& machine : machines_) sum += machine.disk->losses();
  return sum;
}

WallTime World::last_trouble() {
  look_who_leads();
  auto last = led_anew_;
  for (const auto& machine : machines_) last = std::max(last, machine.disk->last_trouble());
  return last;
}

void World::look_whether_grown() {
  if (grown_ || !plan_.is_cluster()) return;
  double led = 0;
  double voters = 0;
  for (const auto& machine : machines_) {
    if (machine.node == nullptr) return;
    const auto& metrics = machine.node->backend().metrics();
    led += static_cast<double>(machine.node->backend().shards().replicas()->shards_led());
    voters += metrics.shards_voters.value();
  }
  if (led != plan_.shards || voters != led * static_cast<double>(std::min<std::size_t>(3, machines_.size()))) return;
  scheduler_.note("grown");
  grown_ = scheduler_.now();
}

void World::look_who_leads() {
  if (!plan_.is_cluster()) return;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    auto* node = machines_[i].node.get();
    const auto led = node == nullptr ? std::size_t{0} : node->backend().shards().replicas()->shards_led();
    if (led == std::exchange(led_[i], led)) continue;
    ++leads_;
    led_anew_ = scheduler_.wall();
  }
}

void World::faults() {
  scheduler_.after(kFaultsEvery, self_, [this] {
    if (!chaos_) return;
    const auto due = [this](double per_minute) {
      return scheduler_.chance(per_minute * static_cast<double>(kFaultsEvery.count()) / 60'000);
    };
    if (due(plan_.crashes_per_minute)) crash(some_machine());
    if (due(plan_.outages_per_minute)) {
      ++outages_;
      auto& disk = *machines_[some_machine()].disk;
      disk.break_until(scheduler_.now() + scheduler_.between(milliseconds(1), seconds(4)), scheduler_.chance(0.3));
    }
    // Channels that know everybody who is said to be here stay as they are.
    auto* node = some_node();
    if (node != nullptr && due(plan_.announcements_per_minute)) {
      const ShardId shard{static_cast<std::uint16_t>(scheduler_.below(plan_.shards))};
      if (scheduler_.chance(0.5)) {
        node->lose(shard, std::chrono::duration_cast<milliseconds>(scheduler_.between(milliseconds(1), seconds(3))));
      } else {
        node->announce_anew(shard);
      }
    }
    if (plan_.is_cluster()) peer_faults();
    for (const auto& client : clients_) {
      if (due(plan_.cuts_per_minute)) client->cut();
      if (due(plan_.leaves_per_minute)) client->leave_a_channel();
    }
    faults();
  });
}

// Between nodes that are one server.
void World::peer_faults() {
  look_whether_grown();
  look_who_leads();
  const auto due = [this](double per_minute) {
    return scheduler_.chance(per_minute * static_cast<double>(kFaultsEvery.count()) / 60'000);
  };
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (auto* node = machines_[i].node.get(); node != nullptr && node->superseded()) {
      return checker_.violated("one_process", "a node believes that another process has taken its place");
    }
  }
  if (due(plan_.link_breaks_per_minute)) peers_.break_a_link();
  if (due(plan_.stands_still_per_minute)) {
    if (auto* node = some_node()) {
      scheduler_.note("stands still");
      node->stand_still(scheduler_.between(milliseconds(50), seconds(6)));
    }
  }
  if (!due(plan_.peer_cuts_per_minute)) return;
  const auto one = some_machine();
  const auto how_long = scheduler_.between(milliseconds(50), seconds(12));
  const bool apart = scheduler_.chance(0.5);  // from all others, else from one of them
  const bool both_ways = scheduler_.chance(0.6);
  const auto only = some_machine();
  for (std::size_t other = 0; other < machines_.size(); ++other) {
    if (other == one || (!apart && other != only)) continue;
    peers_.close_way(one, other, how_long);
    if (both_ways) peers_.close_way(other, one, how_long);
  }
}

// ---- the backend ----

void World::backend_posts() {
  scheduler_.after(scheduler_.between(milliseconds(10), plan_.publish_every), self_, [this] {
    if (!chaos_) return;
    backend_posts();
    const auto number = next_posting_++;
    const auto& channel = domains_[scheduler_.below(domains_.size())];
    postings_[number] = {channel, fmt::format("backend:{}", number)};
    checker_.invoked(channel, postings_[number].message);
    try_post(number);
  });
}

void World::try_post(std::uint64_t number) {
  const auto place = postings_.find(number);
  if (place == postings_.end()) return;
  const auto& posting = place->second;
  if (auto* node = some_node(); node != nullptr && !node->stands_still()) {
    Publish publish{.channel = ChannelKey(kAppId, posting.channel), .event = "message", .data = posting.message};
    publish.idempotency_key = posting.message;
    node->ask(std::move(publish), [this, number](Reply& reply) {
      const auto answered = postings_.find(number);
      const auto* published = std::get_if<Published>(&reply.what);
      if (answered == postings_.end() || published == nullptr) return;
      if (plan_.has_history(answered->second.channel)) {
        checker_.acked(answered->second.channel, answered->second.message, published->position);
      }
      postings_.erase(answered);
    });
  }
  scheduler_.after(scheduler_.between(milliseconds(500), seconds(3)), self_, [this, number] { try_post(number); });
}

// ---- the end ----

void World::check_end() {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i].node == nullptr) return checker_.violated("converges", fmt::format("node {} does not come up", i));
  }
  for (const auto& channel : domains_) {
    if (plan_.has_history(channel)) check_channel(channel);
  }
  if (plan_.people_promised) {
    check_rosters();
    check_backend();
  }
  for (const auto& client : clients_) {
    if (!client->gone() && client->waits_for() > 0)
      checker_.violated("converges", fmt::format("{} waits for {} answers", client->spec().name, client->waits_for()));
  }
  if (!postings_.empty())
    checker_.violated("converges", fmt::format("the backend waits for {} answers", postings_.size()));
}

cluster::HistoryReader World::histories(const Machine& machine) const {
  return {*machine.disk, plan_.shards, SIZE_MAX};
}

// Each node has the same history: of what clients were told, and of each other's.
void World::check_channel(const std::string& channel) {
  std::optional<HistoryPage> first;
  for (const auto& machine : machines_) {
    auto page = histories(machine).read_history({.channel = ChannelKey(kAppId, channel), .limit = SIZE_MAX});
    if (!page) return checker_.violated("contiguous", page.error().message);
    if (!first) {
      checker_.check_history(channel, page->publications, page->oldest, page->newest);
      check_views(channel, page->newest);
      first = std::move(*page);
      continue;
    }
    const auto same = [](const PublicationPtr& a, const PublicationPtr& b) {
      return a->position == b->position && a->data == b->data;
    };
    if (page->newest != first->newest || page->oldest != first->oldest ||
        !std::equal(page->publications.begin(), page->publications.end(), first->publications.begin(),
                    first->publications.end(), same)) {
      checker_.violated("one_history",
                        fmt::format("{}: one node has {} to {}, another one {} to {}", channel, first->oldest.value,
                                    position_text(first->newest), page->oldest.value, position_text(page->newest)));
    }
  }
}

void World::check_views(const std::string& channel, Position newest) {
  for (const auto& client : clients_) {
    const auto view = client->views().find(channel);
    if (view == client->views().end() || client->gone()) continue;
    if (!view->second.subscribed)
      checker_.violated("converges", fmt::format("{} is not subscribed to {}", client->spec().name, channel));
    // Whose tail was lost is told with the next publication, and there may have been none.
    if (plan_.unsynced(channel) && view->second.epoch != epoch_text(newest.epoch)) continue;
    if (view->second.offset != newest.offset.value) {
      checker_.violated("converges", fmt::format("{} has {} up to {}, the history has {}", client->spec().name, channel,
                                                 view->second.offset, newest.offset.value));
    }
  }
}

// Who is online and what is occupied, as the backend was told and as it stands in the store.
void World::check_backend() {
  std::set<std::string> online;
  std::set<std::string> occupied;
  std::set<std::string> members;
  std::set<std::string> users;
  for (const auto& client : clients_) {
    const auto& user = client->spec().user_id;
    if (!user.empty()) users.insert(user);
    if (client->gone()) continue;
    if (!user.empty()) online.insert(user);
    for (const auto& [channel, view] : client->views()) {
      if (!view.subscribed) continue;
      occupied.insert(channel);
      if (channel_traits(channel).presence) members.insert(channel + " " + user);
    }
  }
  receiver_.check_end(online, occupied, members);
  const cluster::PeopleReader reader(*machines_.front().disk, plan_.shards);
  for (const auto& user : users) {
    const auto found = reader.read_users({UserKey{std::string(kAppId), user}});
    if (!found) return checker_.violated("status", found.error().message);
    const auto status = found->front().record.status;
    if ((status != UserStatus::offline) != online.contains(user))
      checker_.violated("status", fmt::format("{} is {} in the store", user, status_name(status)));
  }
}

void World::check_rosters() {
  std::map<std::string, std::set<std::string>> truth;
  for (const auto& client : clients_) {
    for (const auto& [channel, view] : client->views()) {
      if (channel_traits(channel).presence && view.subscribed) truth[channel].insert(client->spec().user_id);
    }
  }
  for (const auto& client : clients_) {
    for (const auto& [channel, view] : client->views()) {
      if (client->gone() || !channel_traits(channel).presence || view.roster == truth[channel]) continue;
      checker_.violated("roster", fmt::format("{} sees {} in {}, there are {}", client->spec().name,
                                              fmt::join(view.roster, " "), channel, fmt::join(truth[channel], " ")));
    }
  }
}

}  // namespace parley::sim

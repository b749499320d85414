#include "tests/sim/world.h"

#include "cluster/reads/history_reader.h"
#include "cluster/reads/people_reader.h"
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
      plan_(Plan::of(scheduler_, run.bug, run.profile)),
      settings_(make_settings(plan_, run.bug)),
      promised_(make_settings(plan_, Bug::none)),
      disk_(scheduler_, plan_),
      checker_(scheduler_, plan_, disk_, promised_),
      receiver_(scheduler_, plan_, checker_),
      keeper_(scheduler_, checker_, [this] { return node_.get(); }) {}

Outcome simulate(const Run& run) {
  plant(run.bug);
  Scheduler scheduler(run.seed, run.print);
  std::vector<std::unique_ptr<World>> worlds;
  for (int i = 0; i < run.nodes; ++i) worlds.push_back(std::make_unique<World>(scheduler, run));
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
  start_node();
  for (const auto& client : clients_) client->begin();
  faults();
  backend_posts();
  keeper_.begin();
}

void World::calm_down() {
  chaos_ = false;
  scheduler_.note("calm");
  disk_.break_until(scheduler_.now(), false);
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

// ---- the node ----

void World::start_node() {
  if (node_ != nullptr) return;
  node_ = std::make_unique<Node>(scheduler_, plan_, disk_, *settings_, checker_, receiver_);
  if (disk_.recover() && node_->start()) {
    scheduler_.note("node started");
    return;
  }
  node_.reset();
  checker_.crashed();  // it may have come so far that the next one knows of it
  scheduler_.after(milliseconds(500), self_, [this] { start_node(); });
}

void World::crash() {
  if (node_ == nullptr) return;
  ++crashes_;
  scheduler_.note("crash");
  node_.reset();
  disk_.crash();
  checker_.crashed();
  for (const auto& row : connections_) {
    if (const auto connection = row.lock())
      connection->cut(scheduler_.between(nanoseconds(0), milliseconds(100)), nanoseconds(0));
  }
  connections_.clear();
  scheduler_.after(scheduler_.between(milliseconds(50), seconds(4)), self_, [this] { start_node(); });
}

std::shared_ptr<Connection> World::connect(const std::shared_ptr<ClientEnd>& client, const Address& to) {
  auto connection = std::make_shared<Connection>(scheduler_, plan_, client);
  std::erase_if(connections_, [](const auto& row) { return row.expired(); });
  connections_.push_back(connection);
  scheduler_.after(scheduler_.between(milliseconds(1), milliseconds(40)), connection,
                   [this, connection = std::weak_ptr(connection), to] {
                     const auto open = connection.lock();
                     if (open->is_cut()) return;
                     if (node_ == nullptr) return open->cut(nanoseconds(0), nanoseconds(0));
                     node_->accept(open, to);
                   });
  return connection;
}

void World::faults() {
  scheduler_.after(kFaultsEvery, self_, [this] {
    if (!chaos_) return;
    const auto due = [this](double per_minute) {
      return scheduler_.chance(per_minute * static_cast<double>(kFaultsEvery.count()) / 60'000);
    };
    if (due(plan_.crashes_per_minute)) crash();
    if (due(plan_.outages_per_minute)) {
      ++outages_;
      disk_.break_until(scheduler_.now() + scheduler_.between(milliseconds(1), seconds(4)), scheduler_.chance(0.3));
    }
    // Channels that know everybody who is said to be here stay as they are.
    if (node_ != nullptr && due(plan_.announcements_per_minute)) {
      const ShardId shard{static_cast<std::uint16_t>(scheduler_.below(plan_.shards))};
      if (scheduler_.chance(0.5)) {
        node_->lose(shard, std::chrono::duration_cast<milliseconds>(scheduler_.between(milliseconds(1), seconds(3))));
      } else {
        node_->announce_anew(shard);
      }
    }
    for (const auto& client : clients_) {
      if (due(plan_.cuts_per_minute)) client->cut();
      if (due(plan_.leaves_per_minute)) client->leave_a_channel();
    }
    faults();
  });
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
  if (node_ != nullptr) {
    Publish publish{.channel = ChannelKey(kAppId, posting.channel), .event = "message", .data = posting.message};
    publish.idempotency_key = posting.message;
    node_->ask(std::move(publish), [this, number](Reply& reply) {
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
  if (node_ == nullptr) return checker_.violated("converges", "the node does not come up");
  const cluster::HistoryReader reader(disk_, plan_.shards, SIZE_MAX);
  for (const auto& channel : domains_) {
    if (!plan_.has_history(channel)) continue;
    const auto page = reader.read_history({.channel = ChannelKey(kAppId, channel), .limit = SIZE_MAX});
    if (!page) return checker_.violated("contiguous", page.error().message);
    checker_.check_history(channel, page->publications, page->oldest, page->newest);
    check_views(channel, page->newest);
  }
  check_rosters();
  check_backend();
  for (const auto& client : clients_) {
    if (!client->gone() && client->waits_for() > 0)
      checker_.violated("converges", fmt::format("{} waits for {} answers", client->spec().name, client->waits_for()));
  }
  if (!postings_.empty())
    checker_.violated("converges", fmt::format("the backend waits for {} answers", postings_.size()));
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
  const cluster::PeopleReader reader(disk_, plan_.shards);
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

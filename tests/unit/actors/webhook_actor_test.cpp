// Delivery of notices with real actors and real shards; the test plays the target, and stops the shards
// from doing what they are asked.

#include "core/command.h"
#include "storage/memory_store.h"
#include "tests/unit/actors/system_world.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = 60s;

// The targets: keeps what it is asked to post until the test answers.
class Sender : public WebhookSender {
 public:
  struct Posted {
    WebhookPost post;
    std::function<void(WebhookOutcome)> done;  // holds an actor: must be gone before the system is
    [[nodiscard]] std::string ids() const {
      std::string all;
      for (const auto& notice : post.notices) all += (all.empty() ? "" : " ") + notice.id;
      return all;
    }
    void deliver() { std::exchange(done, nullptr)({.delivered = true, .failure = {}}); }
    void fail(milliseconds retry_after = 0ms) {
      std::exchange(done, nullptr)({.delivered = false, .failure = "answered with 500", .retry_after = retry_after});
    }
  };
  void post(WebhookPost post, std::function<void(WebhookOutcome)> done) override {
    const std::lock_guard lock(mutex_);
    posts_.push_back({std::move(post), std::move(done)});
    came_.notify_all();
  }
  Posted next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kSoon, [&] { return !posts_.empty(); })) {
      ADD_FAILURE() << "nothing was posted";
      return {{}, [](const WebhookOutcome&) {}};
    }
    auto posted = std::move(posts_.front());
    posts_.pop_front();
    return posted;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return posts_.size();
  }
  void forget_all() {
    const std::lock_guard lock(mutex_);
    posts_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Posted> posts_;
};

// Real shards behind a switch for each kind of trouble.
class TroubledShards : public cluster::Shards {
 public:
  explicit TroubledShards(cluster::ShardListener& listener) : listener_(listener) {}
  void propose(ShardId shard, cluster::EntryToken entry, std::vector<Command> commands, storage::Sync sync) override {
    for (const auto& command : commands) {
      EXPECT_EQ(shard_of(command.channel, count()), shard) << command.channel.text();
      if (!std::holds_alternative<SettleNotices>(command.what)) continue;
      ++settlements;
      if (refuse_settlements) return listener_.on_refused(shard, entry, make_error(Errc::storage_unavailable));
    }
    real->propose(shard, entry, std::move(commands), sync);
  }
  void read_notices(std::vector<NoticeRef> refs,
                    std::function<void(Result<std::vector<std::pair<NoticeRef, Notice>>>)> done) override {
    ++reads;
    if (refuse_reads) return done(make_error(Errc::io, "the disk is gone"));
    real->read_notices(std::move(refs), std::move(done));
  }
  std::uint16_t count() const override { return real->count(); }
  bool available() const override { return true; }
  void open_channel(ChannelKey channel, std::function<void(Result<cluster::ChannelState>)> done) override {
    real->open_channel(std::move(channel), std::move(done));
  }
  void read_users(std::vector<UserKey> keys, std::function<void(Result<std::vector<UserAbout>>)> done) override {
    real->read_users(std::move(keys), std::move(done));
  }
  void list_users(ListUsers query, std::function<void(Result<cluster::UserPage>)> done) override {
    real->list_users(std::move(query), std::move(done));
  }
  void list_domain(ListDomain query, std::function<void(Result<cluster::UserPage>)> done) override {
    real->list_domain(std::move(query), std::move(done));
  }
  void read_dead(std::string target, NoticeRef after, std::size_t limit,
                 std::function<void(Result<std::vector<cluster::StoredDead>>)> done) override {
    if (refuse_reads) return done(make_error(Errc::io, "the disk is gone"));
    real->read_dead(std::move(target), after, limit, std::move(done));
  }
  void read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) override {
    real->read_history(std::move(query), std::move(done));
  }
  void read_cursor(ChannelKey channel, std::string id, std::function<void(Result<CursorFound>)> done) override {
    real->read_cursor(std::move(channel), std::move(id), std::move(done));
  }
  void begin_leading() override { real->begin_leading(); }
  void read_unfinished(ShardId shard, std::function<void(Result<cluster::Unfinished>)> done) override {
    done(unfinished(shard));
    if (!stand_still_once.exchange(false)) return;
    stands_still.set_value();
    go_on.get_future().wait();
  }
  Result<cluster::Unfinished> unfinished(ShardId shard) const override { return real->unfinished(shard); }
  // Of all shards.
  cluster::Unfinished all_unfinished() const {
    cluster::Unfinished all;
    for (std::uint16_t i = 0; i < count(); ++i) {
      auto found = real->unfinished(ShardId{i});
      all.notices.insert(all.notices.end(), found->notices.begin(), found->notices.end());
      for (const auto& [target, letters] : found->dead) all.dead[target] += letters;
    }
    return all;
  }

  std::shared_ptr<cluster::Shards> real;
  std::atomic<bool> refuse_settlements{false};
  std::atomic<bool> refuse_reads{false};
  std::atomic<bool> stand_still_once{false};  // the router, when it has asked what was left open
  std::promise<void> stands_still, go_on;
  std::atomic<int> settlements{0};
  std::atomic<int> reads{0};

 private:
  cluster::ShardListener& listener_;
};

WebhookTarget audit() {
  WebhookTarget target;
  target.name = "audit";
  target.app = "a";
  target.url = "https://example.com/hook";
  target.batch_events_max = 3;
  target.concurrency_max = 1;
  target.retry_pause_max = 1s;
  target.retry_for = 60s;
  return target;
}

struct WebhookActorTest : ::testing::Test {
  WebhookActorTest() { reconfigure({audit()}); }
  ~WebhookActorTest() override { stop(); }

  void start() {
    inbox = std::make_shared<Inbox>();
    system = std::make_unique<ActorSystem>(2, clock, random, metrics, source, revocations);
    shards = std::make_unique<TroubledShards>(*system);
    cluster::LocalShardsConfig config;
    config.shard_count = kShards;
    shards->real = cluster::start_local_shards(store, clock, metrics, config, *system).value();
    hub = system->attach(inbox);
    ASSERT_TRUE(system->begin(*shards, sender).ok());
  }
  void stop() {
    if (!system) return;
    system->stop();
    sender.forget_all();
    shards->real.reset();
    system.reset();
    shards.reset();
  }
  void reconfigure(std::vector<WebhookTarget> targets, std::uint64_t waiting_max = 1'000'000) {
    auto made = std::make_shared<Settings>();
    made->apps.push_back(App{.id = "a", .key = "k", .secret = "s"});
    made->webhooks = std::move(targets);
    made->shard_count = kShards;
    made->limits.webhook_waiting_max = waiting_max;
    settings = made;
    source.replace(made);
    if (system) system->reconfigure();
  }
  // Time passes, and the actor looks at its clock.
  void pass(milliseconds time) {
    clock.advance(time);
    system->reconfigure();
  }

  // As a channel would: the notices of one command, which are all of one shard.
  void save(const std::vector<std::string>& ids, const std::string& channel = "room",
            const std::string& target = "audit", const std::string& data = {}) {
    SaveNotices what;
    what.bounds = notice_bounds(*settings);
    for (const auto& id : ids) {
      what.notices.push_back(Notice{.id = id, .app = "a", .target = target, .kind = NoticeKind::client_event});
      what.notices.back().time = clock.wall();
      what.notices.back().channel = channel;
      what.notices.back().data = data;
    }
    const ChannelKey key("a", channel);
    shards->propose(shard_of(key, kShards), next_entry++, {Command{key, clock.wall(), std::move(what)}},
                    storage::Sync::no);
  }
  template <class What, class Ask>
  What ask(Ask what) {
    std::vector<Request> requests;
    requests.push_back({ReplyTo{{hub.hub, SocketId{1}, hub.node}}, std::move(what)});
    system->submit(std::move(requests));
    auto reply = inbox->next_reply();
    if (auto* answer = std::get_if<What>(&reply.what)) return std::move(*answer);
    ADD_FAILURE() << "another answer";
    return {};
  }
  // Asks until it is so: what was done is told to the actor later than to us.
  void expect_about(const std::function<bool(const WebhookAbout&)>& wanted, const std::string& target = "audit") {
    const auto until = std::chrono::steady_clock::now() + kSoon;
    WebhookAbout last;
    while (std::chrono::steady_clock::now() < until) {
      for (const auto& about : ask<WebhookList>(ListWebhooks{}).webhooks) {
        if (about.target == target) last = about;
      }
      if (wanted(last)) return;
    }
    FAIL() << "waiting " << last.waiting << ", in flight " << last.in_flight << ", delivered " << last.delivered
           << ", failures " << last.failures << ", dead " << last.dead << ", configured " << last.configured;
  }
  void wait_for(const std::function<bool()>& wanted) {
    const auto until = std::chrono::steady_clock::now() + kSoon;
    while (!wanted() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(wanted());
  }
  // A channel of another shard than `room`.
  static std::string elsewhere() {
    for (int i = 0;; ++i) {
      auto name = "room-" + std::to_string(i);
      if (shard_of({"a", name}, kShards) != shard_of({"a", "room"}, kShards)) return name;
    }
  }
  std::size_t stored() { return shards->all_unfinished().notices.size(); }

  // One event fails, alone, until it is given up.
  void give_up(const std::string& id) {
    save({id});
    auto posted = sender.next();
    EXPECT_EQ(posted.ids(), id);
    const auto before = ask<WebhookList>(ListWebhooks{}).webhooks.at(0).failures;
    posted.fail();
    for (std::uint64_t failures = before + 1; failures < before + 5; ++failures) {
      expect_about([&](const WebhookAbout& about) { return about.failures == failures; });
      pass(100s);
      sender.next().fail();
    }
  }

  static constexpr std::uint16_t kShards = 4;
  ManualClock clock;
  OsRandom random;
  Metrics metrics;
  storage::MemoryStore store;
  SettingsPtr settings = std::make_shared<Settings>();
  SettingsSource source{settings};
  Revocations revocations;
  Sender sender;
  std::shared_ptr<Inbox> inbox;
  std::unique_ptr<ActorSystem> system;
  std::unique_ptr<TroubledShards> shards;
  SessionAddress hub;
  cluster::EntryToken next_entry = 1'000'000;  // not one that a shard's actor gives
};

TEST_F(WebhookActorTest, StoredNoticesAreDeliveredInOrderAndThenForgotten) {
  start();
  save({"1", "2", "3", "4", "5"});
  auto posted = sender.next();
  EXPECT_EQ(posted.ids(), "1 2 3");
  EXPECT_EQ(posted.post.target->name, "audit");
  EXPECT_EQ(posted.post.app->key, "k");
  EXPECT_EQ(posted.post.attempt, 1U);
  expect_about([](const WebhookAbout& about) { return about.waiting == 5 && about.in_flight == 1; });
  EXPECT_EQ(sender.waiting(), 0U) << "the rest of the shard waits for it";
  clock.advance(3s);
  posted.deliver();
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "4 5");
  posted.deliver();
  expect_about([](const WebhookAbout& about) {
    return about.waiting == 0 && about.in_flight == 0 && about.delivered == 5 && about.configured && about.app == "a" &&
           about.url == "https://example.com/hook";
  });
  wait_for([&] { return stored() == 0; });
  EXPECT_EQ(metrics.webhook_events_delivered("audit").value(), 5);
  EXPECT_EQ(metrics.webhook_events_waiting("audit").value(), 0);
  EXPECT_NE(metrics.text().find("parley_webhook_delivery_seconds_bucket{le=\"2.5\"} 0"), std::string::npos);
  EXPECT_NE(metrics.text().find("parley_webhook_delivery_seconds_count 2"), std::string::npos);
}

TEST_F(WebhookActorTest, WhatIsInAShardThatIsLedElsewhereIsNotSentAndIsFoundWhenItIsLedAgain) {
  start();
  give_up("dead");
  expect_about([](const WebhookAbout& about) { return about.dead == 1; });
  save({"1", "2", "3", "4"});
  const auto other = elsewhere();
  auto posted = sender.next();
  EXPECT_EQ(posted.ids(), "1 2 3");
  const auto shard = shard_of({"a", "room"}, kShards);
  system->on_following(shard, NodeId{9});
  expect_about([](const WebhookAbout& about) { return about.waiting == 0 && about.dead == 0; });
  posted.deliver();  // too late: who leads now sends it again
  save({"5"});       // by its leader: here it is only applied
  wait_for([&] { return stored() == 5; });
  save({"6"}, other);
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "6") << "another shard's";
  posted.deliver();
  wait_for([&] { return stored() == 5; });
  system->on_leading(shard, Term{2});
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "1 2 3") << "again, with the ids that they had";
  posted.deliver();
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "4 5");
  posted.deliver();
  wait_for([&] { return stored() == 0; });
  expect_about([](const WebhookAbout& about) { return about.dead == 1; });
}

// The router is slow: what it found in one term of ours comes when we lead in another, and another node led between.
TEST_F(WebhookActorTest, WhatWasFoundInATermThatIsOverIsNotAllThatIsThere) {
  start();
  const auto shard = shard_of({"a", "room"}, kShards);
  save({"1"});
  auto posted = sender.next();
  system->on_following(shard, NodeId{9});
  expect_about([](const WebhookAbout& about) { return about.waiting == 0; });
  posted.deliver();  // too late
  shards->stand_still_once = true;
  system->on_leading(shard, Term{2});
  shards->stands_still.get_future().wait();
  system->on_following(shard, NodeId{9});
  save({"2"});  // by its leader: here it is only applied
  wait_for([&] { return stored() == 2; });
  system->on_leading(shard, Term{3});
  shards->go_on.set_value();
  EXPECT_EQ(sender.next().ids(), "1 2");
}

TEST_F(WebhookActorTest, WhatWasNotAcknowledgedIsSentAfterARestart) {
  start();
  save({"1", "2"});
  EXPECT_EQ(sender.next().ids(), "1 2");
  stop();
  start();
  auto posted = sender.next();
  EXPECT_EQ(posted.ids(), "1 2");
  posted.deliver();
  wait_for([&] { return stored() == 0; });
  stop();
  start();
  save({"3"});
  EXPECT_EQ(sender.next().ids(), "3");
}

TEST_F(WebhookActorTest, AFailureIsTriedAgainAfterAPauseAndCountsItsAttempts) {
  start();
  save({"1"});
  sender.next().fail();
  expect_about(
      [](const WebhookAbout& about) { return about.failures == 1 && about.last_failure == "answered with 500"; });
  pass(999ms);
  expect_about([](const WebhookAbout& about) { return about.waiting == 1 && about.in_flight == 0; });
  pass(1ms);
  auto posted = sender.next();
  EXPECT_EQ(posted.post.attempt, 2U);
  posted.deliver();
  expect_about([](const WebhookAbout& about) { return about.failures == 0 && about.delivered == 1; });
  EXPECT_EQ(metrics.webhook_failures("audit").value(), 1);
}

TEST_F(WebhookActorTest, ATargetThatAsksForTimeGetsIt) {
  start();
  save({"1"});
  sender.next().fail(30s);
  expect_about([](const WebhookAbout& about) { return about.failures == 1; });
  pass(29s);
  expect_about([](const WebhookAbout& about) { return about.waiting == 1 && about.in_flight == 0; });
  pass(1s);
  sender.next().deliver();
}

TEST_F(WebhookActorTest, TheTimerItselfTriesAgain) {
  start();
  save({"1"});
  sender.next().fail();
  expect_about([](const WebhookAbout& about) { return about.failures == 1; });
  clock.advance(1s);  // nobody tells the actor
  EXPECT_EQ(sender.next().ids(), "1");
}

TEST_F(WebhookActorTest, WhatIsGivenUpIsADeadLetterWithAReason) {
  start();
  give_up("1");
  expect_about([](const WebhookAbout& about) { return about.dead == 1 && about.waiting == 0; });
  wait_for([&] { return shards->all_unfinished().dead["audit"] == 1; });
  const auto list = ask<DeadNoticeList>(ListDeadNotices{.target = "audit"});
  ASSERT_EQ(list.notices.size(), 1U);
  EXPECT_EQ(list.notices[0].notice.id, "1");
  EXPECT_EQ(list.notices[0].why, "answered with 500");
  EXPECT_EQ(list.next, "");
  EXPECT_EQ(metrics.webhook_events_dead("audit").value(), 1);
  stop();
  start();
  expect_about([](const WebhookAbout& about) { return about.dead == 1 && about.waiting == 0; });
}

TEST_F(WebhookActorTest, DeadLettersAreReplayedByIdAndDropped) {
  start();
  for (const auto* id : {"1", "2", "3"}) {
    give_up(id);
    expect_about([&](const WebhookAbout& about) { return about.waiting == 0; });
    pass(100s);
  }
  wait_for([&] { return shards->all_unfinished().dead["audit"] == 3; });
  EXPECT_EQ(ask<Done>(ReplayNotices{.target = "audit", .ids = {"2", "unknown"}}).count, 1U);
  auto posted = sender.next();
  EXPECT_EQ(posted.ids(), "2");
  posted.deliver();
  expect_about([](const WebhookAbout& about) { return about.dead == 2 && about.waiting == 0; });
  EXPECT_EQ(ask<Done>(ReplayNotices{.target = "audit", .ids = {"1"}, .drop = true}).count, 1U);
  EXPECT_EQ(ask<Done>(ReplayNotices{.target = "audit"}).count, 1U);
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "3");
  posted.deliver();
  expect_about([](const WebhookAbout& about) { return about.dead == 0 && about.waiting == 0; });
  wait_for([&] { return stored() == 0 && shards->all_unfinished().dead.empty(); });
  EXPECT_EQ(ask<Done>(ReplayNotices{.target = "audit"}).count, 0U);
}

TEST_F(WebhookActorTest, DeadLettersAreListedInPages) {
  reconfigure({audit()}, 2);  // two of a shard wait, the older ones are dead
  start();
  shards->refuse_reads = true;
  save({"1", "2", "3", "4", "5"});
  save({"6", "7", "8"}, elsewhere());
  expect_about([](const WebhookAbout& about) { return about.dead == 4 && about.waiting == 4; });
  shards->refuse_reads = false;
  std::vector<std::string> ids;
  ListDeadNotices page{.target = "audit", .after = {}, .limit = 3};
  for (int pages = 0; pages < 3; ++pages) {
    auto list = ask<DeadNoticeList>(page);
    for (const auto& dead : list.notices) ids.push_back(dead.notice.id);
    page.after = list.next;
    if (page.after.empty()) break;
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (std::vector<std::string>{"1", "2", "3", "6"}));
  page.after = "not a cursor";
  EXPECT_EQ(ask<Refused>(page).error.code, Errc::bad_request);
}

TEST_F(WebhookActorTest, UnknownTargetsAreNotFound) {
  start();
  EXPECT_EQ(ask<Refused>(ListDeadNotices{.target = "nobody"}).error.code, Errc::not_found);
  EXPECT_EQ(ask<Refused>(ReplayNotices{.target = "nobody"}).error.code, Errc::not_found);
}

TEST_F(WebhookActorTest, ATargetThatIsTakenOutKeepsItsNoticesAndGetsThemWhenItIsBack) {
  reconfigure({});
  start();
  save({"1", "2"});
  expect_about([](const WebhookAbout& about) { return !about.configured && about.waiting == 2; });
  EXPECT_TRUE(ask<WebhookList>(ListWebhooks{.app = "b"}).webhooks.empty());
  auto target = audit();
  target.enabled = false;
  reconfigure({target});
  expect_about(
      [](const WebhookAbout& about) { return about.configured && about.waiting == 2 && about.in_flight == 0; });
  EXPECT_EQ(sender.waiting(), 0U);
  reconfigure({audit()});
  EXPECT_EQ(sender.next().ids(), "1 2");
}

TEST_F(WebhookActorTest, EachTargetGetsItsOwn) {
  auto second = audit();
  second.name = "crm";
  reconfigure({audit(), second});
  start();
  save({"1"}, "room", "audit");
  EXPECT_EQ(sender.next().post.target->name, "audit");
  save({"2"}, "room", "crm");
  auto posted = sender.next();  // although the other one's is on its way
  EXPECT_EQ(posted.post.target->name, "crm");
  EXPECT_EQ(posted.ids(), "2");
  EXPECT_EQ(ask<WebhookList>(ListWebhooks{.app = "a"}).webhooks.size(), 2U);
}

TEST_F(WebhookActorTest, ARefusedSettlementIsProposedAgain) {
  start();
  shards->refuse_settlements = true;
  save({"1", "2", "3"});
  sender.next().deliver();
  wait_for([&] { return shards->settlements == 1; });
  expect_about([](const WebhookAbout& about) { return about.delivered == 3; });
  EXPECT_EQ(stored(), 3U);
  save({"4"});
  sender.next().deliver();
  expect_about([](const WebhookAbout& about) { return about.delivered == 4; });
  EXPECT_EQ(shards->settlements, 1) << "what came meanwhile waits with it";
  shards->refuse_settlements = false;
  pass(1s);
  wait_for([&] { return stored() == 0; });
  EXPECT_EQ(shards->settlements, 2);
}

TEST_F(WebhookActorTest, NoticesThatCannotBeReadAreReadAgainAndNotBlamedOnTheTarget) {
  start();
  shards->refuse_reads = true;
  save({"1"});
  wait_for([&] { return shards->reads == 1; });
  expect_about([](const WebhookAbout& about) { return about.waiting == 1 && about.failures == 0; });
  shards->refuse_reads = false;
  pass(1s);
  EXPECT_EQ(sender.next().ids(), "1");
}

TEST_F(WebhookActorTest, ARequestIsCutAtItsBytesButHoldsOneEventAtLeast) {
  auto target = audit();
  target.batch_bytes_max = 2'000;
  reconfigure({target});
  start();
  save({"1", "2", "3"}, "room", "audit", std::string(700, 'x'));
  auto posted = sender.next();
  EXPECT_EQ(posted.ids(), "1 2");
  posted.deliver();
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "3");
  posted.deliver();
  save({"4", "5"}, "room", "audit", std::string(5'000, 'x'));
  posted = sender.next();
  EXPECT_EQ(posted.ids(), "4");
  posted.deliver();
  EXPECT_EQ(sender.next().ids(), "5");
}

TEST_F(WebhookActorTest, BeyondTheBoundTheOldestIsADeadLetterAndNotSent) {
  auto target = audit();
  target.enabled = false;
  reconfigure({target}, 2);
  start();
  save({"1", "2", "3", "4", "5"});
  expect_about([](const WebhookAbout& about) { return about.waiting == 2 && about.dead == 3; });
  reconfigure({audit()}, 2);
  EXPECT_EQ(sender.next().ids(), "4 5");
}

TEST_F(WebhookActorTest, AReplayThatTheShardsRefuseIsRefused) {
  start();
  give_up("1");
  wait_for([&] { return shards->all_unfinished().dead["audit"] == 1; });
  shards->refuse_settlements = true;
  EXPECT_EQ(ask<Refused>(ReplayNotices{.target = "audit"}).error.code, Errc::storage_unavailable);
  shards->refuse_settlements = false;
  expect_about([](const WebhookAbout& about) { return about.dead == 1; });
  shards->refuse_reads = true;
  EXPECT_EQ(ask<Refused>(ReplayNotices{.target = "audit"}).error.code, Errc::io);
}

}  // namespace
}  // namespace parley::actors

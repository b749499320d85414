#pragma once
// What tests of a whole actor system share: a hub that collects what comes, and shards that apply at once.

#include "actors/system.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace parley::actors {

using namespace std::chrono_literals;

class Inbox : public HubInbox {
 public:
  void push(HubMessage message) override {
    const std::lock_guard lock(mutex_);
    if (const auto* led = std::get_if<LedAnew>(&message)) {
      leaders_.push_back(*led);
    } else {
      messages_.push_back(std::move(message));
    }
    came_.notify_all();
  }
  // Waits for the next message of a kind; fails the test after 10 s.
  template <class What>
  What next() {
    std::unique_lock lock(mutex_);
    std::optional<What> found;
    const bool in_time = came_.wait_for(lock, 60s, [&] {
      while (!messages_.empty() && !found) {
        if (auto* reply = std::get_if<Reply>(&messages_.front())) {
          if (auto* what = std::get_if<What>(&reply->what)) found = std::move(*what);
        }
        messages_.pop_front();
      }
      return found.has_value();
    });
    EXPECT_TRUE(in_time) << "the answer did not come";
    return found.value_or(What{});
  }
  // Waits for the next event; answers before it are dropped.
  ChannelEventPtr next_event() {
    std::unique_lock lock(mutex_);
    ChannelEventPtr found;
    const bool in_time = came_.wait_for(lock, 60s, [&] {
      while (!messages_.empty() && found == nullptr) {
        if (auto* event = std::get_if<ChannelEventPtr>(&messages_.front())) found = *event;
        messages_.pop_front();
      }
      return found != nullptr;
    });
    EXPECT_TRUE(in_time) << "the event did not come";
    return found != nullptr ? found : std::make_shared<const ChannelEvent>();
  }
  LedAnew next_leader() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 60s, [&] { return !leaders_.empty(); })) << "no leader was told";
    if (leaders_.empty()) return {};
    const auto leader = leaders_.front();
    leaders_.pop_front();
    return leader;
  }
  HubMessage next_message() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 60s, [&] { return !messages_.empty(); })) << "nothing came";
    if (messages_.empty()) return Reply{};
    auto message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }
  // Waits for the next answer, whatever it is.
  Reply next_reply() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 60s, [&] { return !messages_.empty(); })) << "no answer came";
    if (messages_.empty()) return {};
    auto reply = std::get<Reply>(std::move(messages_.front()));
    messages_.pop_front();
    return reply;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<LedAnew> leaders_;
  std::deque<HubMessage> messages_;
};

// Applies at once, on the caller's thread. Remembers how entries were batched.
class InstantShards : public cluster::Shards {
 public:
  explicit InstantShards(cluster::ShardListener& listener) : listener_(listener) {}
  std::uint16_t count() const override { return 4; }
  bool available() const override { return true; }
  void propose(ShardId shard, cluster::EntryToken entry, std::vector<Command> commands, storage::Sync sync) override {
    std::unique_lock lock(mutex);
    proposed.emplace_back(shard, sync);
    if (hold) {
      held.push_back({shard, entry, std::move(commands)});
      return;
    }
    lock.unlock();
    apply(shard, entry, std::move(commands));
  }
  void apply(ShardId shard, cluster::EntryToken entry, std::vector<Command> commands) {
    std::vector<Effect> effects;
    {
      const std::lock_guard lock(mutex);
      batches.push_back(commands.size());
      for (auto& command : commands) {
        Effect effect{.channel = command.channel, .what = Effect::Nothing{}};
        if (auto* append = std::get_if<AppendPublication>(&command.what)) {
          auto& newest = positions[command.channel];
          if (!newest.exists()) newest.epoch = append->epoch_if_new;
          ++newest.offset.value;
          effect.what = Effect::Appended{std::make_shared<Publication>(
              Publication{.event = append->event, .data = append->data, .position = newest})};
        }
        if (auto* save = std::get_if<SaveSession>(&command.what)) sessions[command.channel] = *save;
        if (std::holds_alternative<ClaimSession>(command.what)) {
          const auto kept = sessions.extract(command.channel);
          Effect::Claimed claimed;
          if (kept && kept.mapped().expires > command.time) claimed.record = kept.mapped().record;
          effect.what = std::move(claimed);
        }
        if (std::holds_alternative<ForgetSession>(command.what)) sessions.erase(command.channel);
        if (auto* save = std::get_if<SaveUser>(&command.what)) {
          users[{std::string(command.channel.app()), std::string(command.channel.name().substr(5))}] = save->record;
        }
        effects.push_back(std::move(effect));
      }
    }
    listener_.on_applied(shard, entry, std::move(effects));
  }
  void release() {
    std::unique_lock lock(mutex);
    hold = false;
    auto waiting = std::exchange(held, {});
    lock.unlock();
    for (auto& [shard, entry, commands] : waiting) apply(shard, entry, std::move(commands));
  }
  void open_channel(ChannelKey channel, std::function<void(Result<cluster::ChannelState>)> done) override {
    const std::lock_guard lock(mutex);
    ++opened;
    done(cluster::ChannelState{positions[channel], Offset{1}, nullptr, {}});
  }
  void read_users(std::vector<UserKey> keys, std::function<void(Result<std::vector<UserAbout>>)> done) override {
    const std::lock_guard lock(mutex);
    std::vector<UserAbout> found;
    for (auto& key : keys) {
      const auto stored = users.find(key);
      found.push_back(stored == users.end() ? UserAbout{key, false, {}} : UserAbout{key, true, stored->second});
    }
    done(std::move(found));
  }
  void list_users(ListUsers, std::function<void(Result<cluster::UserPage>)> done) override {
    done(cluster::UserPage{});
  }
  void list_domain(ListDomain, std::function<void(Result<cluster::UserPage>)> done) override {
    done(cluster::UserPage{});
  }
  void read_notices(std::vector<NoticeRef>,
                    std::function<void(Result<std::vector<std::pair<NoticeRef, Notice>>>)> done) override {
    done(std::vector<std::pair<NoticeRef, Notice>>{});
  }
  void read_dead(std::string, NoticeRef, std::size_t,
                 std::function<void(Result<std::vector<cluster::StoredDead>>)> done) override {
    done(std::vector<cluster::StoredDead>{});
  }
  void begin_leading() override {
    for (std::uint16_t i = 0; i < count(); ++i) listener_.on_leading(ShardId{i}, Term{1});
  }
  // All of it in the shard of whoever it is about.
  Result<cluster::Unfinished> unfinished(ShardId shard) const override {
    if (unreadable > 0) {
      --unreadable;
      return make_error(Errc::io, "the disk of this test is broken");
    }
    cluster::Unfinished found{.alive = left_open.alive};
    for (const auto& [user, record] : left_open.users) {
      if (shard_of(user_place(user), count()) == shard) found.users.emplace_back(user, record);
    }
    for (const auto& channel : left_open.channels) {
      if (shard_of(channel, count()) == shard) found.channels.push_back(channel);
    }
    for (const auto& waiting : left_open.notices) {
      if (waiting.shard == shard) found.notices.push_back(waiting);
    }
    return found;
  }
  void read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) override {
    done(HistoryPage{.channel = query.channel});
  }
  void read_cursor(ChannelKey, std::string, std::function<void(Result<CursorFound>)> done) override {
    done(CursorFound{});
  }

  struct Held {
    ShardId shard;
    cluster::EntryToken entry;
    std::vector<Command> commands;
  };
  std::mutex mutex;
  bool hold = false;
  std::vector<Held> held;
  std::vector<std::size_t> batches;
  std::map<ChannelKey, Position> positions;
  std::map<UserKey, UserRecord> users;
  std::map<ChannelKey, SaveSession> sessions;
  std::vector<std::pair<ShardId, storage::Sync>> proposed;  // of each entry
  cluster::Unfinished left_open;
  mutable std::atomic<int> unreadable{0};  // so many times
  int opened = 0;

 private:
  cluster::ShardListener& listener_;
};

struct NoSender : WebhookSender {
  void post(WebhookPost, std::function<void(WebhookOutcome)>) override {
    ADD_FAILURE() << "nothing is configured to be sent";
  }
};

struct SystemTest : ::testing::Test {
  static SettingsPtr make_settings(NodeLimits limits = {}) {
    auto made = std::make_shared<Settings>();
    made->apps.push_back(App{.id = "a"});
    made->rules = default_rules();
    made->limits = limits;
    return made;
  }
  SystemTest() {
    hub = system.attach(inbox);
    EXPECT_TRUE(system.begin(shards, sender).ok());
  }
  ~SystemTest() override { system.stop(); }

  template <class What>
  void ask(What what, std::uint64_t session = 1, Origin origin = {}) {
    std::vector<Request> requests;
    requests.push_back({ReplyTo{{hub.hub, SocketId{session}, hub.node}, 0, 0, origin}, std::move(what)});
    system.submit(std::move(requests));
  }
  void join(std::string_view channel, Origin origin) {
    ask(Subscribe{.channel = ChannelKey("a", channel), .subscription = {1}}, 1, origin);
  }
  Publish message(std::string_view channel, std::string data, std::uint64_t ack = 0) {
    return Publish{.channel = ChannelKey("a", channel), .event = "e", .data = std::move(data), .ack = ack};
  }

  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  SettingsSource settings{make_settings()};
  Revocations revocations;
  NoSender sender;
  ActorSystem system{2, clock, random, metrics, settings, revocations, NodeAddress{NodeId{7}, Incarnation{2}}};
  InstantShards shards{system};
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  SessionAddress hub;
};

}  // namespace parley::actors

#pragma once
// A Channel with everything around it played by hand: what it said is recorded, and its shard is a
// vector. Time stands still until a test moves it.

#include "actors/channel.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace parley::actors {

class ChannelWorld : public ChannelPort {
 public:
  explicit ChannelWorld(std::string_view name, std::vector<ChannelRule> rules = default_rules(),
                        App app = {.id = "a"}) {
    auto made = std::make_shared<Settings>();
    app.id = "a";
    made->apps.push_back(app);
    made->rules = std::move(rules);
    settings = made;
    key = ChannelKey("a", name);
    wake();
  }

  void wake() { channel = std::make_unique<Channel>(key, settings, channel_metrics, *this); }

  // ---- what a client does ----
  static ReplyTo session(std::uint64_t id, std::uint16_t hub = 0) { return {HubId{hub}, SocketId{id}, 0}; }
  static MemberPtr member(std::string id, std::string info = "{}") {
    return std::make_shared<Member>(Member{std::move(id), std::move(info)});
  }

  void subscribe(std::uint64_t id, MemberPtr who = nullptr, ResumeFrom resume = {}, std::uint32_t subscription = 1,
                 std::uint16_t hub = 0) {
    handle({session(id, hub), Subscribe{key, SubscriptionId{subscription}, std::move(who), std::move(resume)}});
  }
  void unsubscribe(std::uint64_t id, LeaveReason reason = LeaveReason::unsubscribed, std::string client = {},
                   std::uint32_t subscription = 1) {
    handle({session(id), Unsubscribe{key, SubscriptionId{subscription}, reason, std::move(client)}});
  }
  void publish(std::string data, std::string idempotency_key = {}, SocketId except = {}) {
    Publish what{.channel = key, .event = "message.sent", .data = std::move(data), .except = except};
    what.idempotency_key = std::move(idempotency_key);
    handle({session(99), std::move(what)});
  }
  void handle(Request request) { channel->handle(std::move(request), now(), wall()); }
  void advance(milliseconds by) {
    clock.advance(by);
    channel->tick(now(), wall());
  }
  [[nodiscard]] MonoTime now() const { return clock.now(); }
  [[nodiscard]] WallTime wall() const { return clock.wall(); }

  // ---- what the shard does ----
  // Applies everything proposed and not yet applied, as the shard machine would.
  void commit() {
    auto commands = std::exchange(proposed, {});
    for (auto& [token, command] : commands) channel->applied(token, store(token, command), now());
  }
  Effect store(CommandToken token, Command& command) {
    Effect effect{.channel = key, .token = token, .what = Effect::Nothing{}};
    if (auto* append = std::get_if<AppendPublication>(&command.what)) {
      if (!newest.exists()) newest.epoch = append->epoch_if_new;
      newest.offset.value += 1;
      auto stored = std::make_shared<Publication>(
          Publication{append->event, append->data, append->kind, append->user_id, newest, command.time, false});
      history.push_back(stored);
      effect.what = Effect::Appended{stored};
    } else if (auto* save = std::get_if<SaveCursors>(&command.what)) {
      for (auto& cursor : save->cursors) {
        if (cursor.forget) {
          cursors.erase(cursor.client_id);
        } else {
          cursors[cursor.client_id] = cursor.offset;
        }
      }
    } else if (const auto* notices = std::get_if<SaveNotices>(&command.what)) {
      noticed.insert(noticed.end(), notices->notices.begin(), notices->notices.end());
      for (const auto& row : notices->told) {
        if (row.present) {
          told_rows.insert(row.user_id);
        } else {
          told_rows.erase(row.user_id);
        }
      }
    }
    return effect;
  }
  void refuse(Errc code) {
    auto commands = std::exchange(proposed, {});
    for (auto& [token, command] : commands) channel->refused(token, make_error(code), now());
  }
  void answer_reads() {
    while (!reads.empty() || !cursor_reads.empty()) {
      for (auto& [read, query] : std::exchange(reads, {})) channel->history_read(read, page(query), now(), wall());
      for (auto& [read, client] : std::exchange(cursor_reads, {})) {
        std::optional<Offset> found;
        if (cursors.contains(client)) found = cursors[client];
        channel->cursor_read(read, found, now(), wall());
      }
    }
  }
  void answer_open() {
    channel->opened(DurableState{newest, oldest, nullptr, {told_rows.begin(), told_rows.end()}}, now(), wall());
  }
  HistoryPage page(const GetHistory& query) const {
    HistoryPage made{.channel = key, .newest = newest, .oldest = oldest};
    made.gap = query.since && query.since->offset.value + 1 < oldest.value;
    for (const auto& publication : history) {
      if (publication->position.offset < oldest) continue;
      if (query.since && publication->position.offset <= query.since->offset) continue;
      if (made.publications.size() == std::min(query.limit, page_size)) {
        made.more = true;
        break;
      }
      made.publications.push_back(publication);
    }
    return made;
  }

  // ---- what was said ----
  template <class What>
  std::vector<What> answers(std::uint64_t id) const {
    std::vector<What> found;
    for (const auto& reply : replies) {
      if (reply.to.session.value != id) continue;
      if (const auto* what = std::get_if<What>(&reply.what)) found.push_back(*what);
    }
    return found;
  }
  template <class What>
  std::vector<What> told() const {
    std::vector<What> found;
    for (const auto& [hub, event] : events) {
      if (const auto* what = std::get_if<What>(&event->what)) found.push_back(*what);
    }
    return found;
  }
  std::vector<std::uint64_t> missed(std::uint64_t id) const {
    std::vector<std::uint64_t> offsets;
    for (const auto& chunk : answers<Missed>(id)) {
      for (const auto& publication : chunk.publications) offsets.push_back(publication->position.offset.value);
    }
    return offsets;
  }
  void forget() {
    replies.clear();
    events.clear();
  }

  ChannelKey key;
  SettingsPtr settings;
  ManualClock clock;
  Metrics metrics;
  ChannelMetrics channel_metrics{metrics};
  std::unique_ptr<Channel> channel;
  SeededRandom dice{7};

  std::vector<Reply> replies;
  std::vector<std::pair<HubId, ChannelEventPtr>> events;
  std::vector<std::pair<CommandToken, Command>> proposed;
  std::vector<std::pair<std::uint64_t, GetHistory>> reads;
  std::vector<std::pair<std::uint64_t, std::string>> cursor_reads;
  int opens = 0;
  Position newest;
  Offset oldest{1};
  std::vector<PublicationPtr> history;
  std::map<std::string, Offset> cursors;
  std::size_t page_size = 1'000;
  std::set<std::string> blocked;
  std::vector<Notice> noticed;
  std::set<std::string> told_rows;
  std::uint64_t last_notice = 0;

 private:
  void reply(Reply reply) override { replies.push_back(std::move(reply)); }
  void tell(HubId hub, const ChannelEventPtr& event) override { events.emplace_back(hub, event); }
  void propose(Command command, CommandToken token, WaitForDisk) override {
    proposed.emplace_back(token, std::move(command));
  }
  void read_history(GetHistory query, std::uint64_t read) override { reads.emplace_back(read, std::move(query)); }
  void read_cursor(const std::string& client_id, std::uint64_t read) override {
    cursor_reads.emplace_back(read, client_id);
  }
  void open() override { ++opens; }
  std::uint64_t random() override { return dice.next(); }
  std::string notice_id() override { return std::to_string(++last_notice); }
  Status may_join(const std::string& user_id) override {
    if (blocked.contains(user_id)) return make_error(Errc::kicked);
    return {};
  }
};

// A durable channel that is open, with one subscriber.
struct OpenDurableChannel : ::testing::Test {
  ChannelWorld world{"private-domain.7"};
  OpenDurableChannel() {
    world.subscribe(1);
    world.answer_open();
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    world.commit();
  }
};

}  // namespace parley::actors

#pragma once
// A Channel with everything around it played by hand: what it said is recorded, and its shard is a
// vector. Time stands still until a test moves it.

#include "actors/channel/channel.h"
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
    app.id = std::string("a");
    made->apps.push_back(app);
    made->rules = std::move(rules);
    settings = made;
    key = ChannelKey("a", name);
    wake();
  }

  void wake() { channel = std::make_unique<Channel>(key, settings, channel_metrics, *this); }

  // ---- what a client does ----
  static ReplyTo session(std::uint64_t id, std::uint16_t hub = 0) { return ReplyTo{{HubId{hub}, SocketId{id}}}; }
  static MemberPtr member(std::string id, std::string info = "{}") {
    return std::make_shared<Member>(Member{std::move(id), std::move(info)});
  }

  void subscribe(std::uint64_t id, MemberPtr who = nullptr, ResumeFrom resume = {}, std::uint32_t subscription = 1,
                 std::uint16_t hub = 0) {
    handle({session(id, hub), Subscribe{key, SubscriptionId{subscription}, std::move(who), std::move(resume)}});
  }
  void unsubscribe(std::uint64_t id, LeaveReason reason = LeaveReason::unsubscribed, std::string client = {},
                   std::uint32_t subscription = 1, std::uint16_t hub = 0) {
    handle({session(id, hub), Unsubscribe{key, SubscriptionId{subscription}, reason, std::move(client)}});
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
    for (auto& [token, command] : commands) channel->applied(token, store(command), now());
  }
  Effect store(Command& command) {
    Effect effect{.channel = key, .what = Effect::Nothing{}};
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
          cursors[cursor.client_id] = cursor;
        }
      }
    } else if (const auto* notices = std::get_if<SaveNotices>(&command.what)) {
      noticed.insert(noticed.end(), notices->notices.begin(), notices->notices.end());
      for (const auto& row : notices->told) {
        if (row.present) {
          told_rows.insert(row.user_id);
          told_forms[row.user_id] = row.id_form;
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
  // Plays the reader, and the sessions that ask for the next page when they were sent one.
  void answer_reads() {
    answer_reads_once();
    while (ask_for_more() || !reads.empty() || !cursor_reads.empty()) answer_reads_once();
  }
  void ask(std::uint64_t id, std::size_t bytes = 0) {
    const auto page = answers<Missed>(id).back();
    handle({session(id), MoreMissed{key, page.subscription, page.reached, bytes}});
  }
  bool ask_for_more() {
    bool asked = false;
    for (; looked_at < replies.size(); ++looked_at) {
      const auto reply = replies[looked_at];
      const auto* missed = std::get_if<Missed>(&reply.what);
      if (missed == nullptr || missed->last || missed->error) continue;
      asked = true;
      handle({reply.to, MoreMissed{key, missed->subscription, missed->reached, 0}});
    }
    return asked;
  }
  CursorFound cursor_found(const std::string& client) const {
    const auto saved = cursors.find(client);
    if (saved == cursors.end()) return {};
    return {.position = Position{saved->second.epoch, saved->second.offset}, .owes_gap = saved->second.owes_gap};
  }
  void answer_reads_once() {
    {
      for (auto& [read, query] : std::exchange(reads, {})) channel->history_read(read, page(query), now(), wall());
      for (auto& [read, client] : std::exchange(cursor_reads, {})) {
        channel->cursor_read(read, cursor_found(client), now(), wall());
      }
    }
  }
  void answer_open() {
    std::vector<SaidId> told;
    for (const auto& id : told_rows) told.push_back({id, told_forms[id]});
    channel->opened(DurableState{newest, oldest, nullptr, std::move(told)}, now(), wall());
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
    looked_at = 0;
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
  VisitMemory early;
  int opens = 0;
  Position newest;
  Offset oldest{1};
  std::vector<PublicationPtr> history;
  std::map<std::string, SaveCursors::Cursor> cursors;
  std::size_t page_size = 1'000;
  std::size_t looked_at = 0;                                   // of the replies, for pages that are not the last
  bool full = false;                                           // the node's bound on missed publications is reached
  std::vector<std::pair<std::uint64_t, std::size_t>> in_line;  // reads that wait for their turn, and their bytes
  std::set<std::string> blocked;
  std::vector<Notice> noticed;
  std::set<std::string> told_rows;
  std::map<std::string, IdForm> told_forms;
  std::uint64_t last_notice = 0;

 private:
  void reply(Reply reply) override { replies.push_back(std::move(reply)); }
  using ChannelPort::tell;
  void tell(const SessionAddress& hub, const ChannelEventPtr& event) override { events.emplace_back(hub.hub, event); }
  void propose(Command command, CommandToken token, WaitForDisk) override {
    proposed.emplace_back(token, std::move(command));
  }
  void read_history(GetHistory query, std::uint64_t read) override { reads.emplace_back(read, std::move(query)); }
  Result<std::shared_ptr<const void>> reserve(Origin, std::size_t bytes, std::uint64_t read) override {
    if (!full) return std::shared_ptr<const void>(std::make_shared<const int>(0));
    in_line.emplace_back(read, bytes);
    return std::shared_ptr<const void>();
  }
  void read_cursor(const std::string& client_id, std::uint64_t read) override {
    cursor_reads.emplace_back(read, client_id);
  }
  void open() override { ++opens; }
  std::uint64_t random() override { return dice.next(); }
  VisitMemory& visits() override { return early; }
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

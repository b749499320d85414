#pragma once
// A User with everything around it played by hand: what it said is recorded, its shard is a record and a
// list of notices. Time stands still until a test moves it.

#include "actors/people/user.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

namespace parley::actors {

class UserWorld : public UserPort {
 public:
  explicit UserWorld(bool webhooks = true) {
    auto made = std::make_shared<Settings>();
    made->apps.push_back({.id = "a"});
    made->rules = default_rules();
    if (webhooks)
      made->webhooks.push_back({.name = "hook", .app = "a", .url = "http://127.0.0.1/", .kinds = kUserNotices});
    settings = made;
    start();
  }

  // A process begins: with what is on the disk.
  void start() {
    user.reset();
    proposed.clear();
    live.clear();
    user = std::make_unique<User>(key, settings, user_metrics, *this);
  }
  void open() override {
    ++opens;
    if (open_at_once) answer_open();
  }
  void answer_open() {
    user->opened(UserAbout{key, stored.has_value(), stored.value_or(UserRecord{})}, alive, now(), wall());
  }

  // ---- what sessions do ----
  static ReplyTo session(std::uint64_t id) { return ReplyTo{{HubId{0}, SocketId{id}}}; }
  void handle(std::uint64_t id, decltype(Request::what) what) {
    user->handle({session(id), std::move(what)}, now(), wall());
    if (commit_at_once) commit();
  }
  void sign_in(std::uint64_t id, std::optional<std::vector<std::string>> named = std::nullopt) {
    live.insert(id);
    handle(id, SignIn{.user = key, .user_info = R"({"name":"Ada"})", .domains = std::move(named)});
  }
  void sign_out(std::uint64_t id, LeaveReason reason = LeaveReason::connection_lost,
                milliseconds silent = milliseconds(0)) {
    live.erase(id);
    handle(id, SignOut{.user = key, .reason = reason, .silent_for = silent});
  }
  void join(std::uint64_t id, std::string channel) {
    live.insert(id);
    handle(id, JoinedAs{.user = key, .user_info = "", .channel = std::move(channel)});
  }
  void leave(std::uint64_t id, std::string channel) { handle(id, LeftAs{key, std::move(channel)}); }
  void activity(std::uint64_t id, UserStatus status) { handle(id, SetActivity{key, status}); }
  void advance(milliseconds by) {
    clock.advance(by);
    user->tick(now(), wall());
    if (commit_at_once) commit();
  }

  // ---- what the shard does ----
  void commit_one() {
    auto [token, command] = std::move(proposed.front());
    proposed.pop_front();
    store(command);
    user->applied(token, now(), wall());
  }
  void store(const Command& command) {
    if (const auto* save = std::get_if<SaveUser>(&command.what)) {
      stored = save->record;
      notices.insert(notices.end(), save->notices.begin(), save->notices.end());
    } else if (const auto* member = std::get_if<SaveMember>(&command.what)) {
      const auto domain = std::string(command.channel.name().substr(7));
      if (member->belongs) {
        domains.insert(domain);
      } else {
        domains.erase(domain);
      }
    }
  }
  void commit() {
    while (!proposed.empty()) commit_one();
  }
  void refuse_one() {
    const auto token = proposed.front().first;
    proposed.pop_front();
    user->refused(token, make_error(Errc::storage_unavailable), now(), wall());
  }

  // ---- what was said ----
  std::vector<std::string> statuses(std::string_view channel = "private-user.42") const {
    std::vector<std::string> found;
    for (const auto& publish : published) {
      if (publish.channel.name() == channel) found.push_back(publish.data);
    }
    return found;
  }
  std::vector<std::string> told() const {  // names of the notices, in order
    std::vector<std::string> names;
    for (const auto& notice : notices) names.emplace_back(notice_name(notice.kind));
    return names;
  }
  template <class What>
  std::vector<What> answers(std::uint64_t id) const {
    std::vector<What> found;
    for (const auto& reply : replies) {
      if (reply.to.session.value != id && reply.to.ticket != id) continue;
      if (const auto* what = std::get_if<What>(&reply.what)) found.push_back(*what);
    }
    return found;
  }
  [[nodiscard]] MonoTime now() const { return clock.now(); }
  [[nodiscard]] WallTime wall() const { return clock.wall(); }

  UserKey key{"a", "42"};
  SettingsPtr settings;
  ManualClock clock;
  Metrics metrics;
  UserMetrics user_metrics{metrics};
  std::unique_ptr<User> user;
  SeededRandom dice{7};
  bool open_at_once = true;
  bool commit_at_once = true;
  WallTime alive;
  int opens = 0;
  std::set<std::uint64_t> live;

  std::optional<UserRecord> stored;
  std::vector<Notice> notices;
  std::set<std::string> domains;
  std::deque<std::pair<CommandToken, Command>> proposed;
  std::vector<Reply> replies;
  std::vector<Publish> published;
  std::vector<UserBlocks> blocked;

 private:
  void reply(Reply reply) override { replies.push_back(std::move(reply)); }
  void publish(Publish publish) override { published.push_back(std::move(publish)); }
  void propose(Command command, CommandToken token) override { proposed.emplace_back(token, std::move(command)); }
  void block(const UserBlocks& blocks) override { blocked.push_back(blocks); }
  std::string notice_id() override { return std::to_string(dice.next()); }
};

}  // namespace parley::actors

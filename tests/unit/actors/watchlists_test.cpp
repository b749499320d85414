#include "actors/people/watchlists.h"

#include <gtest/gtest.h>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct WatchlistsWorld : ::testing::Test, WatchlistPort {
  ManualClock clock;
  Watchlists users{*this};
  std::vector<Reply> replies;
  void reply(Reply reply) override { replies.push_back(std::move(reply)); }

  static ReplyTo session(std::uint64_t id) { return ReplyTo{{HubId{0}, SocketId{id}}}; }
  void sign_in(std::uint64_t id, std::string user, std::vector<std::string> watchlist = {}) {
    users.sign_in(session(id), SignIn{{"a", std::move(user)}, "", std::move(watchlist)}, clock.now());
  }
  void sign_out(std::uint64_t id, std::string user, std::vector<std::string> watchlist = {}) {
    users.sign_out(session(id), SignOut{{"a", std::move(user)}, std::move(watchlist)}, clock.now() + 3s);
  }
  void advance(milliseconds by) {
    clock.advance(by);
    users.tick(clock.now());
  }
  std::vector<WatchlistChanged> changes(std::uint64_t id) {
    std::vector<WatchlistChanged> found;
    for (const auto& reply : replies) {
      if (reply.to.session.value == id && std::holds_alternative<WatchlistChanged>(reply.what)) {
        found.push_back(std::get<WatchlistChanged>(reply.what));
      }
    }
    return found;
  }
};

TEST_F(WatchlistsWorld, WatcherLearnsWhoIsOnlineAndEveryChange) {
  sign_in(1, "bob");
  sign_in(2, "ann", {"bob", "cid"});
  ASSERT_EQ(changes(2).size(), 1U);
  EXPECT_EQ(changes(2)[0].online, std::vector<std::string>{"bob"});
  EXPECT_EQ(changes(2)[0].offline, std::vector<std::string>{"cid"});
  sign_in(3, "cid");
  ASSERT_EQ(changes(2).size(), 2U);
  EXPECT_EQ(changes(2)[1].online, std::vector<std::string>{"cid"});
  sign_out(3, "cid");
  EXPECT_EQ(changes(2).size(), 2U);
  advance(3s);
  ASSERT_EQ(changes(2).size(), 3U);
  EXPECT_EQ(changes(2)[2].offline, std::vector<std::string>{"cid"});
}

TEST_F(WatchlistsWorld, BlipIsNoPairOfChanges) {
  sign_in(1, "bob");
  sign_in(2, "ann", {"bob"});
  sign_out(1, "bob");
  advance(2s);
  sign_in(3, "bob");
  advance(1h);
  EXPECT_EQ(changes(2).size(), 1U);
  EXPECT_TRUE(users.online({"a", "bob"}));
}

TEST_F(WatchlistsWorld, SecondSessionKeepsTheUserOnline) {
  sign_in(1, "bob");
  sign_in(2, "bob");
  sign_out(1, "bob");
  advance(1h);
  EXPECT_TRUE(users.online({"a", "bob"}));
  sign_out(2, "bob");
  advance(1h);
  EXPECT_FALSE(users.online({"a", "bob"}));
}

TEST_F(WatchlistsWorld, UsersOfAnotherApplicationAreOthers) {
  sign_in(1, "bob");
  EXPECT_FALSE(users.online({"b", "bob"}));
}

TEST_F(WatchlistsWorld, ANewerListReplacesTheOlder) {
  sign_in(2, "ann", {"bob", "cid"});
  sign_in(2, "ann", {"cid"});  // a renewed token
  replies.clear();
  sign_in(3, "bob");
  EXPECT_TRUE(changes(2).empty()) << "told of somebody who is not on the list any more";
  sign_in(4, "cid");
  EXPECT_EQ(changes(2).size(), 1U);
  sign_in(2, "ann");
  replies.clear();
  sign_out(4, "cid");
  advance(3s);
  EXPECT_TRUE(changes(2).empty());
}

TEST_F(WatchlistsWorld, WatcherThatLeftIsNotTold) {
  sign_in(2, "ann", {"bob"});
  sign_out(2, "ann", {"bob"});
  replies.clear();
  sign_in(1, "bob");
  EXPECT_TRUE(replies.empty());
}

ReplyTo at(std::uint64_t id, std::uint64_t node) { return ReplyTo{{HubId{0}, SocketId{id}, {NodeId{node}, {}}}}; }

TEST_F(WatchlistsWorld, SessionsOfANodeThatIsGoneAreGoneAfterTheirGrace) {
  sign_in(1, "eve", {"ann", "bob", "cid"});
  users.sign_in(at(2, 7), {.user = {"a", "ann"}, .watchlist = {"eve"}}, clock.now());
  users.sign_in(at(3, 8), {.user = {"a", "bob"}}, clock.now());
  users.sign_in(at(4, 7), {.user = {"a", "cid"}}, clock.now());
  users.sign_in(at(4, 8), {.user = {"a", "cid"}}, clock.now());  // taken up on the other node
  replies.clear();
  users.node_gone({NodeId{7}, {}}, [&](const UserKey&) { return clock.now() + 3s; });
  advance(2999ms);
  EXPECT_TRUE(replies.empty());
  advance(1ms);
  ASSERT_EQ(changes(1).size(), 1U);
  EXPECT_EQ(changes(1)[0].offline, std::vector<std::string>{"ann"});
  EXPECT_TRUE(users.online({"a", "bob"}));
  EXPECT_TRUE(users.online({"a", "cid"}));
  sign_out(1, "eve");
  advance(3s);
  EXPECT_TRUE(changes(2).empty()) << "it watches nobody any more";
}

TEST_F(WatchlistsWorld, ALateLeavingOfTheNodeBeforeEndsNothing) {
  sign_in(1, "eve", {"ann"});
  users.sign_in(at(2, 7), {.user = {"a", "ann"}}, clock.now());
  users.sign_in(at(2, 8), {.user = {"a", "ann"}, .watchlist = {"eve"}}, clock.now());
  users.sign_out(at(2, 7), {.user = {"a", "ann"}}, clock.now() + 3s);
  replies.clear();
  advance(1h);
  EXPECT_TRUE(replies.empty());
  EXPECT_TRUE(users.online({"a", "ann"}));
  sign_out(1, "eve");
  advance(3s);
  EXPECT_EQ(changes(2).size(), 1U) << "it watches on";
}

}  // namespace
}  // namespace parley::actors

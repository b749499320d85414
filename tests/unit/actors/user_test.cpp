#include "user_world.h"

#include <cstdlib>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

struct UserTest : ::testing::Test {
  UserWorld world;
  [[nodiscard]] UserStatus status() const { return world.stored->status; }
};

TEST_F(UserTest, FirstSessionIsStoredThenTold) {
  world.commit_at_once = false;
  world.sign_in(1);
  EXPECT_TRUE(world.published.empty()) << "told before the disk had it";
  world.commit();
  EXPECT_EQ(status(), UserStatus::online);
  ASSERT_EQ(world.statuses().size(), 1U);
  EXPECT_EQ(
      world.statuses()[0],
      R"({"user_id":"42","status":"online","previous":"offline","since":1760000000000,"last_seen":1760000000000})");
  EXPECT_TRUE(world.published[0].transient);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online"}));
}

TEST_F(UserTest, TheIdIsSaidAsTheApplicationSaidItLast) {
  world.handle(1, SignIn{.user = world.key, .id_form = IdForm::number});
  EXPECT_EQ(world.statuses().at(0).find(R"({"user_id":42,)"), 0U) << world.statuses()[0];
  EXPECT_EQ(world.stored->id_form, IdForm::number);
  for (const auto& notice : world.notices) EXPECT_EQ(notice.id_form, IdForm::number);
  // Over a restart too.
  world.start();
  world.sign_out(1);
  world.advance(1min);
  ASSERT_EQ(world.statuses().size(), 2U);
  EXPECT_EQ(world.statuses()[1].find(R"({"user_id":42,)"), 0U) << world.statuses()[1];
  world.handle(2, JoinedAs{.user = world.key, .user_info = "", .channel = "presence-a"});
  EXPECT_EQ(world.statuses().back().find(R"({"user_id":"42",)"), 0U) << world.statuses().back();
}

TEST_F(UserTest, TwoTabsAreOneStay) {
  world.sign_in(1);
  world.sign_in(2);
  world.sign_out(1);
  world.advance(10s);
  EXPECT_EQ(world.statuses().size(), 1U);
  world.sign_out(2);
  world.advance(2999ms);
  EXPECT_EQ(world.statuses().size(), 1U);
  world.advance(1ms);
  ASSERT_EQ(world.statuses().size(), 2U);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online", "user_connected", "user_disconnected",
                                 "user_disconnected", "user_offline"}));
}

ReplyTo at(std::uint64_t id, std::uint64_t node) { return ReplyTo{{HubId{0}, SocketId{id}, {NodeId{node}, {}}}}; }

TEST_F(UserTest, WhoWasHereThroughANodeThatIsGoneIsOfflineAfterTheGrace) {
  const auto say = [&](const ReplyTo& from, decltype(Request::what) what) {
    world.user->handle({from, std::move(what)}, world.now(), world.wall());
    world.commit();
  };
  say(at(1, 7), SignIn{.user = world.key});
  say(at(2, 7), JoinedAs{.user = world.key, .channel = "presence-domain.1"});
  say(at(3, 7), SignIn{.user = world.key});
  say(at(3, 8), SignIn{.user = world.key});  // taken up on the other node
  say(at(3, 7), SignOut{.user = world.key});
  say(at(3, 7), SetActivity{world.key, UserStatus::away});
  EXPECT_EQ(world.user->session_count(), 3U);
  const auto left = world.wall();
  world.user->node_gone({NodeId{7}, {}}, world.now(), world.wall());
  EXPECT_EQ(world.user->session_count(), 1U);
  world.advance(10s);
  EXPECT_EQ(status(), UserStatus::online);
  world.user->node_gone({NodeId{8}, {}}, world.now(), world.wall());
  world.advance(2999ms);
  EXPECT_EQ(status(), UserStatus::online);
  world.advance(1ms);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.stored->last_seen, left + 10s);
  EXPECT_EQ(world.user->session_count(), 0U);
}

TEST_F(UserTest, WhatANodeSaidBeforeItWentIsNotWaitedForNorKept) {
  world.open_at_once = false;
  world.user->handle({at(1, 7), SignIn{.user = world.key}}, world.now(), world.wall());
  world.user->handle({at(2, 8), SignIn{.user = world.key}}, world.now(), world.wall());
  world.user->node_gone({NodeId{7}, {}}, world.now(), world.wall());
  world.answer_open();
  EXPECT_EQ(world.user->session_count(), 1U);
  world.commit();
  // Of those who were told to go, only the node that has them could say that they did.
  world.user->handle({at(99, 8), TerminateUser{.user = world.key}}, world.now(), world.wall());
  world.user->node_gone({NodeId{8}, {}}, world.now(), world.wall());
  world.advance(10s);
  world.commit();
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_TRUE(world.user->idle());
}

// Socket.IO's connections come back under the id that they had.
TEST_F(UserTest, TwoConnectionsAreNotToldUnderOneId) {
  world.sign_in(1);
  world.sign_out(1);
  world.advance(1s);
  world.sign_in(2);  // goes on as 1
  world.sign_in(1);
  world.advance(1s);
  world.sign_out(1);
  world.sign_out(2);
  world.advance(3s);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online", "user_connected", "user_disconnected",
                                 "user_disconnected", "user_offline"}));
  ASSERT_EQ(world.notices.size(), 6U);
  EXPECT_EQ(world.notices[0].socket.value, 1U);
  EXPECT_EQ(world.notices[2].socket.value, 2U);
  EXPECT_NE(world.notices[3].socket, world.notices[4].socket);
}

TEST_F(UserTest, ReloadIsNothing) {
  world.sign_in(1);
  world.sign_out(1, LeaveReason::closed_by_client);
  world.advance(1s);
  world.sign_in(2);
  world.advance(1min);
  EXPECT_EQ(world.statuses().size(), 1U);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online"}));
  // The backend knows the connection as the one it was told of.
  world.sign_out(2);
  world.advance(3s);
  ASSERT_EQ(world.notices.size(), 4U);
  EXPECT_EQ(world.notices[2].kind, NoticeKind::user_disconnected);
  EXPECT_EQ(world.notices[2].socket.value, 1U);
}

TEST_F(UserTest, ReloadOfTheTabThatIsLookedAtIsNotAway) {
  world.sign_in(1);
  world.sign_in(2);
  world.activity(2, UserStatus::away);
  world.sign_out(1, LeaveReason::closed_by_client);
  world.advance(1s);
  world.sign_in(3);
  world.advance(1min);
  EXPECT_EQ(world.statuses().size(), 1U);
  world.activity(3, UserStatus::away);
  EXPECT_EQ(status(), UserStatus::away);
  world.activity(2, UserStatus::online);
  EXPECT_EQ(status(), UserStatus::online);
  EXPECT_EQ(world.told().back(), "user_online");
}

TEST_F(UserTest, SleepOfALaptopIsSeenWithTheTimeOfItsLastWord) {
  world.sign_in(1);
  world.advance(1h);
  const auto seen = world.wall();
  world.advance(2min);  // nothing came; the connection is given up
  world.sign_out(1, LeaveReason::connection_lost, 2min);
  world.advance(3s);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.stored->last_seen.ms, seen.ms);
  EXPECT_EQ(world.notices.back().last_seen.ms, seen.ms);
}

TEST_F(UserTest, CrashOfTheServerIsNoLeaveForWhoComesBack) {
  world.sign_in(1, {{"7"}});
  world.alive = world.wall();
  world.clock.advance(5s);
  world.start();
  world.user->attend();
  world.advance(10s);
  world.sign_in(2);
  world.advance(1min);
  EXPECT_EQ(world.statuses().size(), 1U);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online"}));
}

TEST_F(UserTest, CrashOfTheServerIsALeaveForWhoDoesNot) {
  world.sign_in(1, {{"7"}});
  world.advance(1min);
  world.alive = world.wall();
  world.clock.advance(20s);
  world.start();
  world.user->attend();
  world.advance(14'999ms);
  EXPECT_EQ(status(), UserStatus::online);
  world.advance(1ms);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.stored->last_seen.ms, world.alive.ms);
  EXPECT_EQ(world.told(), (Names{"user_connected", "user_online", "user_disconnected", "user_offline"}));
  EXPECT_EQ(world.statuses("private-domain.7").size(), 2U);
}

TEST_F(UserTest, ADomainEnteredLaterIsToldHowTheUserIs) {
  world.join(1, "presence-domain.2");  // before the sign-in that names the others
  EXPECT_EQ(world.statuses("private-domain.1").size(), 0U);
  world.sign_in(1, {{"1", "2"}});
  ASSERT_EQ(world.statuses("private-domain.1").size(), 1U);
  EXPECT_NE(world.statuses("private-domain.1")[0].find(R"("status":"online","previous":"offline")"), std::string::npos);
  EXPECT_EQ(world.statuses("private-domain.2").size(), 1U) << "it knows";
  EXPECT_EQ(world.statuses("private-user.42").size(), 1U);
  world.sign_in(1, {{"2"}});
  EXPECT_EQ(world.statuses("private-domain.1").size(), 1U);
  world.sign_out(1, LeaveReason::unsubscribed);
  world.advance(1min);
  EXPECT_EQ(world.statuses("private-domain.1").size(), 1U) << "left before";
  EXPECT_EQ(world.statuses("private-domain.2").size(), 2U);
}

TEST_F(UserTest, PresenceAloneMakesAUserAndItsDomain) {
  world.join(1, "presence-domain.7");
  world.join(1, "presence-chat");
  EXPECT_EQ(status(), UserStatus::online);
  EXPECT_EQ(world.domains, std::set<std::string>{"7"});
  EXPECT_EQ(world.statuses("presence-domain.7").size(), 1U);
  world.leave(1, "presence-domain.7");
  world.advance(1min);
  EXPECT_EQ(status(), UserStatus::online);
  world.leave(1, "presence-chat");
  world.advance(2'999ms);
  EXPECT_EQ(status(), UserStatus::online) << "what the backend is told is held back";
  world.advance(1ms);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.stored->domains, std::vector<std::string>{"7"}) << "who left still belongs";
}

TEST(UserWithoutWebhooks, LeavingOnPurposeIsHeldForTheLingerOnly) {
  UserWorld world(false);
  world.join(1, "presence-chat");
  world.leave(1, "presence-chat");
  world.advance(249ms);
  EXPECT_EQ(world.stored->status, UserStatus::online);
  world.advance(1ms);
  EXPECT_EQ(world.stored->status, UserStatus::offline);
}

TEST_F(UserTest, WhatIsOnItsWayWhenAUserIsTerminatedBringsNobodyBack) {
  world.sign_in(1);
  world.handle(77, TerminateUser{world.key, true});
  world.handle(1, JoinedAs{world.key, "", "presence-domain.7", {}});  // said before the session knew
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_EQ(world.statuses().size(), 2U);
  // A token from before, checked before, heard of after.
  SignIn late{.user = world.key, .via = Via::token, .token_issued = world.wall() - 1s};
  world.handle(2, late);
  EXPECT_EQ(world.answers<Terminated>(2).size(), 1U);
  world.sign_out(1, LeaveReason::unsubscribed);
  world.advance(1s);
  late.token_issued = world.wall();
  world.live.insert(3);
  world.handle(3, late);
  EXPECT_EQ(status(), UserStatus::online);
}

TEST_F(UserTest, RevokedTokensAreForgottenWhenTheyHaveEndedByThemselves) {
  world.handle(77, TerminateUser{world.key, true});
  EXPECT_GT(world.stored->blocks.tokens_since.ms, 0);
  world.clock.advance(25h);
  world.start();
  world.user->attend();
  world.commit();
  EXPECT_TRUE(world.stored->blocks.empty());
}

TEST_F(UserTest, WhoIsForgottenLeavesNoTraceButBlocks) {
  world.sign_in(1, {{"7", "8"}});
  world.handle(77, ForgetUser{world.key});
  EXPECT_EQ(world.answers<Terminated>(1).size(), 1U);
  ASSERT_EQ(world.answers<Done>(77).size(), 1U);
  EXPECT_EQ(world.answers<Done>(77)[0].count, 1U);
  EXPECT_EQ(*world.stored, UserRecord{});
  EXPECT_TRUE(world.domains.empty());
  EXPECT_EQ(world.told().back(), "user_offline");
  EXPECT_EQ(world.statuses("private-domain.7").size(), 2U) << "those who saw the user online are told";
  world.sign_out(1, LeaveReason::unsubscribed);
  EXPECT_TRUE(world.user->idle());
  world.sign_in(2, {{"7"}});
  EXPECT_EQ(status(), UserStatus::online);
  world.handle(78, BanUser{world.key, world.wall() + 1h, ""});
  world.handle(79, ForgetUser{world.key});
  EXPECT_GT(world.stored->blocks.banned_until.ms, 0);
  EXPECT_TRUE(world.stored->domains.empty());
}

TEST_F(UserTest, ExpiredKicksDoNotCount) {
  auto made = std::make_shared<Settings>(*world.settings);
  made->apps[0].limits.blocks_per_user_max = 1;
  world.user->configure(made);
  world.sign_in(1);
  world.handle(77, KickUser{world.key, "private-a", world.wall() + 1min});
  world.advance(1min);
  world.handle(78, KickUser{world.key, "private-b", world.wall() + 1min});
  EXPECT_EQ(world.answers<Done>(78).size(), 1U);
  world.handle(79, KickUser{world.key, "private-c", world.wall() + 1min});
  EXPECT_EQ(world.answers<Refused>(79).size(), 1U);
}

TEST_F(UserTest, NamedDomainsReplaceWhatWasKnown) {
  world.sign_in(1, {{"1", "2"}});
  EXPECT_EQ(world.domains, (std::set<std::string>{"1", "2"}));
  world.sign_in(2, {{"2", "3"}});
  EXPECT_EQ(world.domains, (std::set<std::string>{"2", "3"}));
  EXPECT_EQ(world.stored->domains, (std::vector<std::string>{"2", "3"}));
  world.sign_in(3);  // names none: nothing changes
  EXPECT_EQ(world.domains, (std::set<std::string>{"2", "3"}));
  world.sign_in(4, std::vector<std::string>{});
  EXPECT_TRUE(world.domains.empty());
}

TEST_F(UserTest, BelongsToADomainBeforeTheRecordSaysSo) {
  world.commit_at_once = false;
  world.sign_in(1, {{"7"}});
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SaveMember>(world.proposed.front().second.what));
  world.commit_one();
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SaveUser>(world.proposed.front().second.what));
}

TEST_F(UserTest, StatusGoesToNoPublicChannelAndNoneTwice) {
  auto made = std::make_shared<Settings>(*world.settings);
  made->apps[0].status.channels = {"domain.{domain}", "private-domain.{domain}", "private-all", "private-all",
                                   "private-user.{user}!"};
  world.user->configure(made);
  world.settings = made;
  world.sign_in(1, {{"7", "8"}});
  std::vector<std::string> channels;
  for (const auto& publish : world.published) channels.emplace_back(publish.channel.name());
  EXPECT_EQ(channels, (std::vector<std::string>{"private-domain.7", "private-domain.8", "private-all"}));
}

TEST_F(UserTest, TerminateEndsEverythingAtOnce) {
  world.sign_in(1);
  world.join(2, "presence-domain.7");
  world.sign_in(3);
  world.sign_out(3);  // on its way back, maybe
  world.user->handle({ReplyTo{{HubId{0}, {}}, 77}, TerminateUser{world.key, true}}, world.now(), world.wall());
  world.commit();
  EXPECT_EQ(world.answers<Terminated>(1).size(), 1U);
  EXPECT_EQ(world.answers<Terminated>(2).size(), 1U);
  ASSERT_EQ(world.answers<Done>(77).size(), 1U);
  EXPECT_EQ(world.answers<Done>(77)[0].count, 2U);
  EXPECT_EQ(status(), UserStatus::offline);
  EXPECT_GT(world.stored->blocks.tokens_since.ms, world.wall().ms - 1);
  world.sign_out(1, LeaveReason::unsubscribed);  // the session's own word comes after
  world.advance(1min);
  EXPECT_EQ(world.statuses().size(), 2U);
}

TEST_F(UserTest, BanHoldsOverARestartAndEnds) {
  world.sign_in(1);
  world.handle(77, BanUser{world.key, world.wall() + 1h, "spam"});
  EXPECT_EQ(world.answers<Terminated>(1).size(), 1U);
  EXPECT_EQ(world.answers<Terminated>(1)[0].error.code, Errc::banned);
  EXPECT_EQ(world.answers<Done>(77).size(), 1U);
  world.sign_in(2);
  EXPECT_EQ(world.answers<Terminated>(2).size(), 1U);
  EXPECT_EQ(status(), UserStatus::offline);
  world.start();
  world.sign_in(3);
  EXPECT_EQ(world.answers<Terminated>(3).size(), 1U);
  world.advance(1h);
  world.sign_in(4);
  EXPECT_TRUE(world.answers<Terminated>(4).empty());
  EXPECT_EQ(status(), UserStatus::online);
}

TEST_F(UserTest, KickReachesEachSessionAndWhoJoinsMeanwhile) {
  world.sign_in(1);
  world.join(2, "presence-domain.7");
  world.handle(77, KickUser{world.key, "presence-domain.7", {}});
  EXPECT_EQ(world.answers<Kicked>(1).size(), 1U);
  EXPECT_EQ(world.answers<Kicked>(2).size(), 1U);
  EXPECT_TRUE(world.stored->blocks.channels.empty());
  world.handle(78, KickUser{world.key, "presence-domain.7", world.wall() + 10min});
  ASSERT_EQ(world.stored->blocks.channels.size(), 1U);
  world.join(3, "presence-domain.7");  // was let in before the table was set
  EXPECT_EQ(world.answers<Kicked>(3).size(), 1U);
}

TEST_F(UserTest, AnswersOfWhatLastsWaitForTheDisk) {
  world.commit_at_once = false;
  world.handle(77, BanUser{world.key, world.wall() + 1h, ""});
  EXPECT_TRUE(world.answers<Done>(77).empty());
  EXPECT_FALSE(world.blocked.empty()) << "in force at once";
  world.refuse_one();
  EXPECT_EQ(world.answers<Refused>(77).size(), 1U);
  world.advance(1s);
  world.commit();
  EXPECT_GT(world.stored->blocks.banned_until.ms, 0);
}

TEST_F(UserTest, RefusedSaveIsTriedAgainWithTheSameNotices) {
  world.commit_at_once = false;
  world.sign_in(1);
  const auto first = std::get<SaveUser>(world.proposed.front().second.what).notices;
  world.refuse_one();
  world.sign_out(1);
  world.advance(999ms);
  EXPECT_TRUE(world.proposed.empty());
  world.advance(1ms);
  ASSERT_EQ(world.proposed.size(), 1U);
  const auto again = std::get<SaveUser>(world.proposed.front().second.what).notices;
  ASSERT_EQ(again.size(), first.size());
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(again[i].id, first[i].id);
  world.commit();
  world.advance(3s);
  world.commit();
  EXPECT_EQ(status(), UserStatus::offline);
}

TEST_F(UserTest, WhoComesWhileTheDiskIsAwayIsKeptInMind) {
  world.open_at_once = false;
  world.sign_in(1);
  world.user->handle({ReplyTo{{HubId{0}, {}}, 77}, GetSessions{world.key}}, world.now(), world.wall());
  world.user->opened(make_error(Errc::storage_unavailable), {}, world.now(), world.wall());
  EXPECT_EQ(world.answers<Refused>(77).size(), 1U);
  world.advance(1s);
  EXPECT_EQ(world.opens, 2);
  world.answer_open();
  world.commit();
  EXPECT_EQ(status(), UserStatus::online);
}

TEST_F(UserTest, TooManySessionsAreRefused) {
  auto made = std::make_shared<Settings>(*world.settings);
  made->apps[0].limits.sessions_per_user_max = 2;
  world.user->configure(made);
  for (std::uint64_t i = 1; i <= 3; ++i) world.sign_in(i);
  ASSERT_EQ(world.answers<Terminated>(3).size(), 1U);
  EXPECT_EQ(world.answers<Terminated>(3)[0].error.code, Errc::over_connection_limit);
  EXPECT_EQ(world.user->session_count(), 2U);
}

TEST_F(UserTest, SleepsOnlyWhenNothingIsOwed) {
  world.commit_at_once = false;
  world.sign_in(1);
  EXPECT_FALSE(world.user->idle());
  world.commit();
  world.sign_out(1);
  EXPECT_FALSE(world.user->idle());
  world.advance(3s);
  EXPECT_FALSE(world.user->idle()) << "offline is not stored yet";
  world.commit();
  EXPECT_TRUE(world.user->idle());
}

// ---- whatever happens, in whatever order ----

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) { world_.commit_at_once = false; }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      check_notices();
      if (i % 50 == 49) check_calm();
    }
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_.next() % below; }
  std::uint64_t some_session() {
    auto place = world_.live.begin();
    std::advance(place, static_cast<std::ptrdiff_t>(pick(world_.live.size())));
    return *place;
  }

  void step() {
    switch (pick(14)) {
      case 0:
      case 1:
        world_.sign_in(next_++);
        break;
      case 2:
        world_.join(next_++, "presence-domain." + std::to_string(pick(3)));
        break;
      case 3:
        world_.sign_in(next_++, std::vector<std::string>{std::to_string(pick(3))});
        break;
      case 4:
      case 5:
        if (!world_.live.empty()) {
          const auto id = some_session();
          away_.erase(id);
          world_.sign_out(id, pick(2) == 0 ? LeaveReason::connection_lost : LeaveReason::closed_by_client);
        }
        break;
      case 6:
        if (!world_.live.empty()) {
          const auto id = some_session();
          const bool away = pick(2) == 0;
          if (away) {
            away_.insert(id);
          } else {
            away_.erase(id);
          }
          world_.activity(id, away ? UserStatus::away : UserStatus::online);
        }
        break;
      case 7:
        world_.advance(milliseconds(pick(4'000)));
        break;
      case 8:
        world_.advance(milliseconds(pick(300)));
        break;
      case 9:
        world_.commit();
        break;
      case 10:
        if (!world_.proposed.empty()) world_.commit_one();
        break;
      case 11:
        if (!world_.proposed.empty() && pick(3) == 0) world_.refuse_one();
        break;
      case 12:
        if (pick(6) == 0) {
          world_.handle(1'000'000, TerminateUser{world_.key, false});
          world_.live.clear();
          away_.clear();
        }
        break;
      default:
        if (pick(10) == 0) crash();
    }
  }

  // What stood in the log may be on the disk or not; whoever was here may come back, or not.
  void crash() {
    while (!world_.proposed.empty() && pick(2) == 0) {
      world_.store(world_.proposed.front().second);
      world_.proposed.pop_front();
    }
    away_.clear();
    world_.start();
    world_.user->attend();
  }

  // The backend's view: each change follows from the one before, each connection begins and ends once.
  void check_notices() {
    for (; checked_ < world_.notices.size(); ++checked_) {
      const auto& notice = world_.notices[checked_];
      if (!ids_.insert(notice.id).second) continue;  // sent again after a refusal whose write was there all the same
      switch (notice.kind) {
        case NoticeKind::user_connected:
          ASSERT_TRUE(connected_.insert(notice.socket.value).second);
          break;
        case NoticeKind::user_disconnected:
          ASSERT_EQ(connected_.erase(notice.socket.value), 1U);
          break;
        case NoticeKind::user_online:
          become(UserStatus::online);
          break;
        case NoticeKind::user_away:
          become(UserStatus::away);
          break;
        case NoticeKind::user_offline:
          become(UserStatus::offline);
          break;
        default:
          FAIL() << "not a user's notice";
      }
    }
  }
  void become(UserStatus status) {
    ASSERT_NE(status, backend_) << "told twice";
    backend_ = status;
  }

  void check_calm() {
    for (int i = 0; i < 10; ++i) {
      world_.commit();
      world_.advance(2s);
    }
    world_.commit();
    check_notices();
    auto truth = UserStatus::offline;
    for (const auto id : world_.live)
      truth = std::max(truth, away_.contains(id) ? UserStatus::away : UserStatus::online);
    if (!world_.stored) return;
    ASSERT_EQ(world_.stored->status, truth);
    ASSERT_EQ(backend_, truth);
    ASSERT_EQ(connected_.size(), world_.live.size());
    for (const auto& domain : world_.stored->domains) ASSERT_TRUE(world_.domains.contains(domain));
    if (world_.live.empty()) { ASSERT_TRUE(world_.user->idle()); }
  }

  SeededRandom random_;
  UserWorld world_;
  std::uint64_t next_ = 1;
  std::set<std::uint64_t> away_;
  std::size_t checked_ = 0;
  std::set<std::string> ids_;
  std::set<std::uint64_t> connected_;
  UserStatus backend_ = UserStatus::offline;
};

TEST(UserLife, BackendAndRecordAgreeWithTheTruthWheneverItIsCalm) {
  const auto* given = std::getenv("PARLEY_SEED");
  const auto first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : 100); ++seed) {
    SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
    Life(seed).run(1'000);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace parley::actors

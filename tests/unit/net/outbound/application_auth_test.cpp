// Asking the application: what is asked once, what is remembered, what is refused. The test answers the
// calls, and at the end a real server does.

#include "net/outbound/application_auth.h"

#include "backend.h"
#include "net/address/address.h"
#include "net/outbound/http_caller.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <map>

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using Headers = std::vector<std::pair<std::string, std::string>>;

class HeldCalls : public Caller {
 public:
  void call(Call call, std::function<void(Answer)> done) override {
    calls.push_back(std::move(call));
    waiting.push_back(std::move(done));
  }
  // The oldest call that waits.
  void answer(int status, std::string body) { answer(Answer{.status = status, .body = std::move(body)}); }
  void answer(Answer answer) {
    ASSERT_FALSE(waiting.empty()) << "nothing was asked";
    const auto done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(answer));
  }
  std::vector<Call> calls;
  std::deque<std::function<void(Answer)>> waiting;
};

const Headers kAnn{{"Cookie", "s=ann"}};
const Headers kBob{{"Cookie", "s=bob"}};

struct ApplicationAuthTest : testing::Test {
  ApplicationAuthTest() {
    app.id = "a";
    app.auth.url = "https://example.com/auth";
    configure();
  }
  void configure() {
    auto made = std::make_shared<Settings>();
    made->apps = {app, App{.id = "unasked"}};
    made->limits.auth_cache_entries_max = entries_max;
    settings = made;
  }
  // Keeps the answers of client number `client`.
  void ask(int client, const std::vector<std::string>& channels, const Headers& headers, const std::string& of = "a",
           const std::string& address = "192.0.2.1") {
    std::vector<AuthQuestion> questions;
    for (const auto& channel : channels) {
      questions.push_back({of, SocketId{static_cast<std::uint64_t>(client)}, channel, headers, address});
    }
    auth.ask(settings, std::move(questions), [this, client](std::vector<ApplicationAnswer> answers) {
      ++rounds;
      for (auto& answer : answers) {
        auto text = answer.allowed ? "yes" + answer.channel_data : std::string(info(answer.error.code).name);
        EXPECT_TRUE(heard[client].emplace(answer.channel, std::move(text)).second) << "answered twice";
        words = answer.error.message;
      }
    });
  }
  [[nodiscard]] double counted(const char* outcome) const { return metrics.auth_questions(outcome).value(); }

  App app;
  std::size_t entries_max = 1'000;
  SettingsPtr settings;
  ManualClock clock;
  Metrics metrics;
  HeldCalls caller;
  ApplicationAuth auth{caller, clock, metrics};
  std::map<int, std::map<std::string, std::string>> heard;
  std::string words;
  int rounds = 0;
};
using Heard = std::map<std::string, std::string>;

TEST_F(ApplicationAuthTest, EachChannelIsACallOfItsOwn) {
  ask(1, {"private-x", "presence-y", "private-z"}, kAnn);
  ASSERT_EQ(caller.calls.size(), 3U);
  EXPECT_NE(caller.calls[1].body.find("channel_name=presence-y"), std::string::npos);
  caller.answer(200, R"({"auth":"k:s"})");
  EXPECT_EQ(heard[1], (Heard{{"private-x", "yes"}})) << "nobody waits for the others";
  caller.answer(200, R"({"channel_data":{"user_id":1}})");
  caller.answer(403, R"({"message":"go away"})");
  EXPECT_EQ(heard[1],
            (Heard{{"private-x", "yes"}, {"presence-y", R"(yes{"user_id":1})"}, {"private-z", "unauthorized"}}));
  EXPECT_EQ(words, "go away");
  EXPECT_EQ(counted("allowed"), 2);
  EXPECT_EQ(counted("denied"), 1);
}

TEST_F(ApplicationAuthTest, ABatchIsOneCallAndOneRoundOfAnswers) {
  app.auth.batch_url = "https://example.com/batch";
  app.auth.channels_per_call_max = 2;
  configure();
  ask(1, {"private-a", "private-b", "private-c"}, kAnn);
  ASSERT_EQ(caller.calls.size(), 2U);
  EXPECT_NE(caller.calls[0].body.find(R"(["private-a","private-b"])"), std::string::npos);
  EXPECT_NE(caller.calls[1].body.find(R"(["private-c"])"), std::string::npos);
  caller.answer(200, R"({"channels":{"private-a":{"status":200},"private-b":{"status":403}}})");
  EXPECT_EQ(rounds, 1);
  caller.answer(200, R"({"channels":{"private-c":{"status":200}}})");
  EXPECT_EQ(heard[1], (Heard{{"private-a", "yes"}, {"private-b", "unauthorized"}, {"private-c", "yes"}}));
}

TEST_F(ApplicationAuthTest, WhatComesWhileABatchIsUnderWayGoesTogetherWithTheNext) {
  app.auth.batch_url = "https://example.com/batch";
  configure();
  ask(1, {"private-a"}, kAnn);
  ask(1, {"private-b"}, kAnn);
  ask(1, {"private-c"}, kAnn);
  ask(2, {"private-d"}, kBob);  // another client waits for nobody
  ASSERT_EQ(caller.calls.size(), 2U);
  caller.answer(200, R"({"channels":{"private-a":{"status":200}}})");
  EXPECT_EQ(heard[1], (Heard{{"private-a", "yes"}}));
  ASSERT_EQ(caller.calls.size(), 3U);
  EXPECT_NE(caller.calls[2].body.find(R"(["private-b","private-c"])"), std::string::npos);
  caller.answer(200, R"({"channels":{"private-d":{"status":200}}})");
  caller.answer(Answer{.failure = "no answer"});
  EXPECT_EQ(heard[1],
            (Heard{{"private-a", "yes"}, {"private-b", "auth_unavailable"}, {"private-c", "auth_unavailable"}}));
  ask(1, {"private-e"}, kAnn);  // nothing is left behind
  EXPECT_EQ(caller.calls.size(), 4U);
}

TEST_F(ApplicationAuthTest, ADecisionCountsForAWhileAndForTheSameCredentialsOnly) {
  ask(1, {"private-x"}, kAnn);
  caller.answer(200, "true");
  ask(2, {"private-x"}, kAnn);
  EXPECT_EQ(heard[2], (Heard{{"private-x", "yes"}})) << "another connection of hers";
  EXPECT_EQ(counted("cached"), 1);
  ask(3, {"private-x"}, kBob);
  ask(4, {"private-other"}, kAnn);
  EXPECT_EQ(caller.calls.size(), 3U);
  caller.answer(403, "");
  EXPECT_EQ(heard[3], (Heard{{"private-x", "unauthorized"}}));
  clock.advance(10s);
  ask(5, {"private-x"}, kAnn);
  EXPECT_EQ(caller.calls.size(), 4U);
}

TEST_F(ApplicationAuthTest, ARefusalCountsForAShorterWhile) {
  ask(1, {"private-x"}, kAnn);
  caller.answer(403, "");
  clock.advance(1'999ms);
  ask(2, {"private-x"}, kAnn);
  EXPECT_EQ(heard[2], (Heard{{"private-x", "unauthorized"}}));
  clock.advance(1ms);
  ask(3, {"private-x"}, kAnn);
  EXPECT_EQ(caller.calls.size(), 2U);
}

TEST_F(ApplicationAuthTest, NoAnswerIsNotRememberedAndNotExplainedToTheClient) {
  ask(1, {"private-x"}, kAnn);
  caller.answer(Answer{.failure = "no answer from db-7.internal"});
  EXPECT_EQ(heard[1], (Heard{{"private-x", "auth_unavailable"}}));
  EXPECT_EQ(words.find("db-7"), std::string::npos);
  EXPECT_EQ(counted("unavailable"), 1);
  ask(2, {"private-x"}, kAnn);
  EXPECT_EQ(caller.calls.size(), 2U);
}

TEST_F(ApplicationAuthTest, EqualQuestionsInFlightAreAskedOnce) {
  ask(1, {"private-x"}, kAnn);
  ask(2, {"private-x"}, kAnn);
  ask(3, {"private-x"}, kBob);
  EXPECT_EQ(caller.calls.size(), 2U);
  EXPECT_EQ(counted("coalesced"), 1);
  caller.answer(200, "true");
  EXPECT_EQ(heard[1], heard[2]);
  EXPECT_EQ(heard[2], (Heard{{"private-x", "yes"}}));
  EXPECT_TRUE(heard[3].empty());
}

TEST_F(ApplicationAuthTest, WhoBringsNoCredentialsSharesNothing) {
  ask(1, {"private-x"}, {});
  ask(2, {"private-x"}, {});
  EXPECT_EQ(caller.calls.size(), 2U);
  caller.answer(200, "true");
  caller.answer(403, "");
  EXPECT_EQ(heard[1], (Heard{{"private-x", "yes"}}));
  EXPECT_EQ(heard[2], (Heard{{"private-x", "unauthorized"}}));
  ask(3, {"private-x"}, {});
  EXPECT_EQ(caller.calls.size(), 3U);
}

TEST_F(ApplicationAuthTest, OneAddressDoesNotFillTheLineForOthers) {
  app.auth.waiting_max = 4;
  app.auth.address_share_percent = 50;
  configure();
  ask(1, {"private-x"}, {});
  ask(2, {"private-y", "private-z"}, {});
  EXPECT_EQ(heard[2], (Heard{{"private-z", "auth_unavailable"}})) << "the second of one address";
  EXPECT_EQ(counted("over_share"), 1);
  ask(3, {"private-x"}, {}, "a", "192.0.2.9");
  EXPECT_TRUE(heard[3].empty()) << "from elsewhere one may ask";
  caller.answer(403, "");
  ask(2, {"private-w"}, {});
  EXPECT_EQ(caller.calls.size(), 4U) << "an answer makes room";
  EXPECT_EQ(counted("unavailable"), 0);
}

TEST_F(ApplicationAuthTest, ACallNamesForWhomItIsMade) {
  app.auth.concurrency_max = 32;
  configure();
  ask(7, {"private-x"}, {});
  EXPECT_EQ(caller.calls.at(0).address, address_share("192.0.2.1"));
  EXPECT_EQ(caller.calls.at(0).connection, 7U);
  EXPECT_EQ(caller.calls.at(0).lane_concurrency_max, 32U);
  EXPECT_EQ(caller.calls.at(0).address_in_flight_max, 24U);
}

TEST_F(ApplicationAuthTest, WhatWaitsIsBounded) {
  app.auth.waiting_max = 2;
  configure();
  ask(1, {"private-x", "private-y", "private-z"}, kAnn);
  EXPECT_EQ(heard[1], (Heard{{"private-z", "auth_unavailable"}}));
  ask(2, {"private-x"}, kAnn);
  EXPECT_EQ(heard[2], (Heard{{"private-x", "auth_unavailable"}})) << "also one that would share a call";
  EXPECT_EQ(counted("unavailable"), 2);
  caller.answer(200, "true");
  caller.answer(200, "true");
  ask(3, {"private-z"}, kAnn);
  EXPECT_EQ(caller.calls.size(), 3U);
}

TEST_F(ApplicationAuthTest, WhatIsRememberedIsBounded) {
  entries_max = 2;
  configure();
  for (const auto* channel : {"private-1", "private-2", "private-3"}) {
    ask(1, {channel}, kAnn);
    caller.answer(200, "true");
  }
  ask(2, {"private-1", "private-3"}, kAnn);
  EXPECT_EQ(heard[2], (Heard{{"private-3", "yes"}}));
}

TEST_F(ApplicationAuthTest, ARevocationMakesEverythingBeAskedAgain) {
  ask(1, {"private-x"}, kAnn);
  caller.answer(200, "true");
  ask(2, {"private-y"}, kAnn);  // on its way meanwhile
  auth.forget("a");
  ask(3, {"private-x", "private-y"}, kAnn);
  ASSERT_EQ(caller.calls.size(), 4U) << "neither remembered nor shared with an older question";
  caller.answer(200, "true");
  EXPECT_EQ(heard[2], (Heard{{"private-y", "yes"}}));
  caller.answer(403, "");
  caller.answer(403, "");
  EXPECT_EQ(heard[3], (Heard{{"private-x", "unauthorized"}, {"private-y", "unauthorized"}}));
  ask(4, {"private-y"}, kAnn);
  EXPECT_EQ(heard[4], (Heard{{"private-y", "unauthorized"}}));
}

TEST_F(ApplicationAuthTest, WhereNobodyIsAskedNobodyMaySubscribe) {
  ask(1, {"private-x"}, kAnn, "unasked");
  ask(2, {"private-x"}, kAnn, "unknown");
  EXPECT_EQ(heard[1], (Heard{{"private-x", "unauthorized"}}));
  EXPECT_EQ(heard[2], (Heard{{"private-x", "unauthorized"}}));
  EXPECT_TRUE(caller.calls.empty());
}

TEST_F(ApplicationAuthTest, ACallThatIsRefusedAtOnceIsAnsweredAtOnce) {
  struct Full : Caller {
    void call(Call, std::function<void(Answer)> done) override { done(Answer{.failure = "too many calls waiting"}); }
  } full;
  ApplicationAuth asked(full, clock, metrics);
  std::vector<Errc> codes;
  asked.ask(settings, {{"a", SocketId{1}, "private-x", kAnn, {}}}, [&](const std::vector<ApplicationAnswer>& answers) {
    for (const auto& answer : answers) codes.push_back(answer.error.code);
  });
  EXPECT_EQ(codes, std::vector<Errc>{Errc::auth_unavailable});
}

TEST_F(ApplicationAuthTest, ARealServerIsAsked) {
  std::mutex mutex;
  std::condition_variable came;
  std::string seen;
  test::Backend backend([&](test::Backend::Connection& connection, const std::string& request) {
    const std::lock_guard lock(mutex);
    seen = request;
    return connection.respond(200, R"({"channel_data":{"user_id":42}})", "Content-Type: application/json\r\n");
  });
  app.auth.url = backend.url("/broadcasting/auth");
  configure();
  SystemClock real;
  HttpCaller http({}, real, metrics);
  ApplicationAuth asked(http, real, metrics);
  std::string member;
  asked.ask(settings, {{"a", SocketId::parse("1.2").value(), "presence-x", kAnn, "192.0.2.1"}},
            [&](const std::vector<ApplicationAnswer>& answers) {
              const std::lock_guard lock(mutex);
              member = answers.at(0).channel_data;
              came.notify_all();
            });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(came.wait_for(lock, 20s, [&] { return !member.empty(); }));
  EXPECT_EQ(member, R"({"user_id":42})");
  EXPECT_TRUE(seen.starts_with("POST /broadcasting/auth HTTP/1.1\r\n"));
  EXPECT_NE(seen.find("\r\nCookie: s=ann\r\n"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\nsocket_id=1.2&channel_name=presence-x"));
  lock.unlock();
  http.stop();
}

}  // namespace
}  // namespace parley::net

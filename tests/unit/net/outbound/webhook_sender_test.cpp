// Requests to webhooks' targets, and what their answers mean.

#include "net/outbound/webhook_sender.h"

#include "net/auth/pusher_signature.h"

#include <gtest/gtest.h>

#include <map>

namespace parley::net {
namespace {

using namespace std::chrono_literals;

struct WebhookSenderTest : testing::Test {
  WebhookSenderTest() {
    auto made = std::make_shared<Settings>();
    made->apps.push_back(App{.id = "4711", .key = "the-key", .secret = "the-secret"});
    WebhookTarget target;
    target.name = "audit";
    target.app = "4711";
    target.url = "https://example.com/hook";
    target.headers = {"Authorization: Bearer x:y", "X-Plain:1"};
    target.timeout = 1'234ms;
    target.concurrency_max = 7;
    target.ca_file = "/etc/ca.pem";
    made->webhooks.push_back(target);
    settings = made;
    Notice notice{.id = "n1", .app = "4711", .target = "audit", .kind = NoticeKind::channel_occupied};
    notice.channel = "room";
    post = {settings, &settings->webhooks[0], &settings->apps[0], {notice}, 3};
  }
  SettingsPtr settings;
  actors::WebhookPost post;
};

TEST_F(WebhookSenderTest, TheCallIsSignedAndNamed) {
  const auto call = webhook_call(post, "Parley/1.2.3");
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(call.url, "https://example.com/hook");
  EXPECT_EQ(call.lane, "webhook:audit");
  EXPECT_EQ(call.lane_concurrency_max, 7U);
  EXPECT_EQ(call.timeout, 1'234ms);
  EXPECT_EQ(call.ca_file, "/etc/ca.pem");
  EXPECT_TRUE(call.body.starts_with("{\"time_ms\":"));
  const std::map<std::string, std::string> headers(call.headers.begin(), call.headers.end());
  EXPECT_EQ(headers,
            (std::map<std::string, std::string>{{"Content-Type", "application/json"},
                                                {"X-Pusher-Key", "the-key"},
                                                {"X-Pusher-Signature", auth::hmac_sha256_hex("the-secret", call.body)},
                                                {"User-Agent", "Parley/1.2.3"},
                                                {"X-Parley-Attempt", "3"},
                                                {"Authorization", "Bearer x:y"},
                                                {"X-Plain", "1"}}));
  EXPECT_EQ(call.headers.size(), headers.size());
}

TEST_F(WebhookSenderTest, OnlyTwoHundredsDeliver) {
  for (const int status : {200, 201, 204, 299}) EXPECT_TRUE(webhook_outcome({.status = status}).delivered) << status;
  for (const int status : {100, 199, 300, 302, 400, 410, 500}) {
    const auto outcome = webhook_outcome({.status = status});
    EXPECT_FALSE(outcome.delivered) << status;
    EXPECT_EQ(outcome.failure, "answered with " + std::to_string(status));
  }
}

TEST_F(WebhookSenderTest, AFailureIsReadable) {
  EXPECT_EQ(webhook_outcome({.failure = "no answer within 5 ms"}).failure, "no answer within 5 ms");
  EXPECT_EQ(webhook_outcome({.status = 500, .body = "\n<h1>\x1b[31mOh\xff no</h1>\r\n"}).failure,
            "answered with 500: <h1> [31mOh no</h1>");
  const auto longer = webhook_outcome({.status = 500, .body = std::string(10'000, 'x')});
  EXPECT_EQ(longer.failure, "answered with 500: " + std::string(200, 'x'));
}

TEST_F(WebhookSenderTest, RetryAfterIsInSecondsAndCapped) {
  const auto asked = [](std::string header) {
    return webhook_outcome({.status = 503, .body = {}, .retry_after = std::move(header)}).retry_after;
  };
  EXPECT_EQ(asked("17"), 17s);
  EXPECT_EQ(asked(" 17 "), 17s);
  EXPECT_EQ(asked("3600"), 3'600s);
  EXPECT_EQ(asked("3601"), 3'600s);
  EXPECT_EQ(asked("99999999999999999999999"), 3'600s);
  for (const auto* none : {"", "0", "-1", "1.5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"})
    EXPECT_EQ(asked(none), 0s) << none;
}

TEST_F(WebhookSenderTest, TheOutcomeOfACallIsToldOnce) {
  struct OneCall : Caller {
    void call(Call call, std::function<void(Answer)> done) override {
      url = call.url;
      done({.status = 404, .body = "gone"});
    }
    std::string url;
  } caller;
  WebhookCaller sender(caller, "Parley");
  std::vector<std::string> told;
  sender.post(post, [&](const actors::WebhookOutcome& outcome) { told.push_back(outcome.failure); });
  EXPECT_EQ(told, std::vector<std::string>{"answered with 404: gone"});
  EXPECT_EQ(caller.url, "https://example.com/hook");
}

}  // namespace
}  // namespace parley::net

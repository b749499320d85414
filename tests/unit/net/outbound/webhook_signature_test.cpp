// The headers of a webhook, against a body signed elsewhere.

#include "net/outbound/webhook_signature.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kBody =
    R"({"time_ms":1760000000123,"events":[{"name":"member_added","channel":"presence-domain.7","user_id":"42"}]})";

TEST(WebhookSignature, SignsTheBodyAsPusherDoes) {
  EXPECT_EQ(webhook_headers("app-key-demo", "app-secret-demo", kBody),
            (Headers{{"Content-Type", "application/json"},
                     {"X-Pusher-Key", "app-key-demo"},
                     {"X-Pusher-Signature", "58245d0dee158598ac2f978989e2612b7e6ca38051001426c7b6852a479c9730"}}));
}

TEST(WebhookSignature, CoversEachByteAndTheSecret) {
  const auto signature = [](std::string_view secret, std::string_view body) {
    return webhook_headers("app-key-demo", secret, body).back().second;
  };
  const auto right = signature("app-secret-demo", kBody);
  EXPECT_NE(signature("app-secret-demo", kBody.substr(0, kBody.size() - 1)), right);
  EXPECT_NE(signature("app-secret-dem0", kBody), right);
  EXPECT_EQ(signature("app-secret-demo", "").size(), 64U);
}

}  // namespace
}  // namespace parley::net

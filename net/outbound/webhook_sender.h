#pragma once
// Makes requests to webhooks' targets out of notices: body, signature, headers, and what an answer means.
// One for a node; server/ owns it. Thread-safe: it has no state of its own.

#include "actors/gateway.h"
#include "core/call.h"

#include <string>
#include <string_view>

namespace parley::net {

Call webhook_call(const actors::WebhookPost& post, std::string_view user_agent);
// 2xx delivers. Of anything else the failure says what it was, in one line of printable text.
actors::WebhookOutcome webhook_outcome(const Answer& answer);

class WebhookCaller final : public actors::WebhookSender {
 public:
  // `caller` is borrowed; nothing is called back after it was stopped.
  WebhookCaller(Caller& caller, std::string user_agent) : caller_(caller), user_agent_(std::move(user_agent)) {}
  void post(actors::WebhookPost post, std::function<void(actors::WebhookOutcome)> done) override;

 private:
  Caller& caller_;
  std::string user_agent_;
};

}  // namespace parley::net

#include "net/outbound/webhook_sender.h"

#include "core/check.h"
#include "net/outbound/webhook_body.h"
#include "net/outbound/webhook_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::net {
namespace {

constexpr std::size_t kAnswerShownMax = 200;    // bytes
constexpr std::size_t kAnswerReadMax = 65'536;  // a target has nothing to say; more is no webhook's target
constexpr seconds kRetryAfterMax{3'600};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kAnswerShownMax)) {
    if (c > ' ' && c <= '~') {
      shown.push_back(c);
    } else if (!shown.empty() && shown.back() != ' ') {
      shown.push_back(' ');
    }
  }
  if (shown.ends_with(' ')) shown.pop_back();
  return shown;
}

// Only in seconds; a date would need both clocks to agree.
milliseconds retry_after(std::string_view header) {
  header = trimmed(header);
  if (header.empty() || header.find_first_not_of("0123456789") != std::string_view::npos) return milliseconds(0);
  std::int64_t value = 0;
  const auto parsed = std::from_chars(header.data(), header.data() + header.size(), value);
  if (parsed.ec != std::errc{}) return kRetryAfterMax;  // more than a number holds
  return std::min(seconds(std::min<std::int64_t>(value, kRetryAfterMax.count())), kRetryAfterMax);
}

}  // namespace

Call webhook_call(const actors::WebhookPost& post, std::string_view user_agent) {
  CHECK(post.target != nullptr && post.app != nullptr);
  const auto& target = *post.target;
  Call call;
  call.url = target.url;
  call.body = webhook_body(post.notices);
  call.headers = webhook_headers(post.app->key, post.app->secret, call.body);
  call.headers.emplace_back("User-Agent", user_agent);
  call.headers.emplace_back("X-Parley-Attempt", std::to_string(post.attempt));
  for (const auto& line : target.headers) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;  // the configuration was checked for it
    const std::string_view text = line;
    call.headers.emplace_back(trimmed(text.substr(0, colon)), trimmed(text.substr(colon + 1)));
  }
  call.timeout = target.timeout;
  call.answer_bytes_max = kAnswerReadMax;
  call.lane = "webhook:" + target.name;
  call.lane_concurrency_max = target.concurrency_max;
  call.ca_file = target.ca_file;
  return call;
}

actors::WebhookOutcome webhook_outcome(const Answer& answer) {
  if (answer.succeeded()) return {.delivered = true, .failure = {}};
  actors::WebhookOutcome outcome;
  if (!answer.failure.empty()) {
    outcome.failure = answer.failure;
    return outcome;
  }
  const auto body = printable(answer.body);
  outcome.failure = fmt::format("answered with {}{}{}", answer.status, body.empty() ? "" : ": ", body);
  outcome.retry_after = retry_after(answer.retry_after);
  outcome.rejected = answer.status == 400 || answer.status == 413 || answer.status == 422;
  return outcome;
}

void WebhookCaller::post(actors::WebhookPost post, std::function<void(actors::WebhookOutcome)> done) {
  caller_.call(webhook_call(post, user_agent_),
               [done = std::move(done)](const Answer& answer) { done(webhook_outcome(answer)); });
}

}  // namespace parley::net

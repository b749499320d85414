#include "net/outbound/auth_exchange.h"

#include "core/channel_name.h"
#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/address/address.h"
#include "net/address/question_shares.h"
#include "net/json/fields.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace parley::net {
namespace {

using Outcome = AuthDecision::Outcome;

constexpr std::size_t kJsonDepthMax = kDataDepthMax;
constexpr std::size_t kWordsMax = 200;  // bytes

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), lower(name)) != names.end();
}

// What we say ourselves, and what speaks of one connection only.
constexpr std::array<std::string_view, 12> kNotForwarded{
    "accept",     "connection", "content-length",    "content-type",    "expect",  "host",
    "keep-alive", "te",         "transfer-encoding", "x-forwarded-for", "upgrade", "x-requested-with"};
// Many clients have the same of these.
constexpr std::array<std::string_view, 8> kNoCredentials{"accept",           "accept-encoding", "accept-language",
                                                         "origin",           "referer",         "user-agent",
                                                         "x-requested-with", "x-forwarded-for"};

std::string form_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Call call_of(const AuthSettings& auth, const AuthQuestion& question, const std::string& url, const char* type) {
  Call call;
  call.url = url;
  for (const auto& [name, value] : question.headers) {
    if (!is_one_of(kNotForwarded, name)) call.headers.emplace_back(name, value);
  }
  call.headers.emplace_back("Content-Type", type);
  call.headers.emplace_back("Accept", "application/json");
  call.headers.emplace_back("X-Requested-With", "XMLHttpRequest");
  if (!question.client_address.empty()) call.headers.emplace_back("X-Forwarded-For", question.client_address);
  call.timeout = auth.timeout;
  call.lane = "auth:" + question.app;
  call.lane_concurrency_max = auth.concurrency_max;
  call.address = address_share(question.client_address);
  call.connection = question.socket.value;
  // Of few places one address may have all: rounded up.
  call.address_in_flight_max = (auth.concurrency_max * auth.address_share_percent + 99) / 100;
  return call;
}

AuthDecision unavailable(std::string why) { return {Outcome::unavailable, {}, std::move(why)}; }

std::string cut_words(std::string words) {
  if (words.size() <= kWordsMax) return words;
  auto end = kWordsMax;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xC0U) == 0x80U) --end;  // not within a character
  words.resize(end);
  return words;
}

// The application's `message`, as Laravel and others send it; empty: none.
std::string words_of(std::string_view json) {
  if (type_of(json) != JsonType::object) return {};
  for (JsonObject fields(json); fields.next();) {
    if (fields.key_is("message") && type_of(fields.value()) == JsonType::string) {
      return cut_words(json_string(fields.value()));
    }
  }
  return {};
}

// `json` passed check_json, or is empty.
AuthDecision refusal(std::string_view json) { return {Outcome::denied, {}, json.empty() ? "" : words_of(json)}; }

// A string that holds JSON, or the object itself.
AuthDecision allow(std::string_view channel, std::string_view channel_data) {
  if (channel_data.empty() || !channel_traits(channel).presence) return {Outcome::allowed, {}, {}};
  auto text = type_of(channel_data) == JsonType::string ? json_string(channel_data) : std::string(channel_data);
  if (!check_json(text, kJsonDepthMax).ok() || type_of(trimmed(text)) != JsonType::object) {
    return unavailable("its channel_data is no JSON object");
  }
  return {Outcome::allowed, std::move(text), {}};
}

// The answer's body if it is JSON, else empty.
std::string_view json_body(const Answer& answer) {
  const auto body = trimmed(answer.body);
  return !body.empty() && check_json(body, kJsonDepthMax).ok() ? body : std::string_view();
}

// 419 is Laravel's word for a visitor whose CSRF token or session has run out.
bool is_refusal(std::int64_t status) { return status == 401 || status == 403 || status == 419; }

AuthDecision decode_channel(std::string_view value, std::string_view channel) {
  if (type_of(value) != JsonType::object) return unavailable("it said something else than an object of a channel");
  std::optional<std::int64_t> status;
  std::string_view channel_data;
  for (JsonObject fields(value); fields.next();) {
    if (fields.key_is("status")) status = json_integer(fields.value());
    if (fields.key_is("channel_data")) channel_data = fields.value();
  }
  if (!status) return unavailable("it named no status of a channel");
  if (*status == 200) return allow(channel, channel_data == "null" ? std::string_view() : channel_data);
  if (is_refusal(*status)) return refusal(value);
  return unavailable(fmt::format("it answered with {} for a channel", *status));
}

}  // namespace

Call auth_call(const AuthSettings& auth, const AuthQuestion& question) {
  auto call = call_of(auth, question, auth.url, "application/x-www-form-urlencoded");
  call.body =
      fmt::format("socket_id={}&channel_name={}", form_escaped(question.socket.text()), form_escaped(question.channel));
  return call;
}

Call auth_batch_call(const AuthSettings& auth, const std::vector<AuthQuestion>& questions) {
  CHECK(!questions.empty());
  auto call = call_of(auth, questions.front(), auth.batch_url, "application/json");
  call.body = "{\"socket_id\":";
  append_json_string(call.body, questions.front().socket.text());
  call.body.append(",\"channels\":[");
  for (const auto& question : questions) {
    if (&question != questions.data()) call.body.push_back(',');
    append_json_string(call.body, question.channel);
  }
  call.body.append("]}");
  // Each answer may hold a member.
  call.answer_bytes_max = std::max(call.answer_bytes_max, questions.size() * 8'192);
  return call;
}

AuthDecision decode_auth(const Answer& answer, std::string_view channel) {
  if (!answer.failure.empty()) return unavailable(answer.failure);
  const auto body = json_body(answer);
  if (is_refusal(answer.status)) return refusal(body);
  if (!answer.succeeded()) return unavailable(fmt::format("it answered with {}", answer.status));
  if (body == "true") return allow(channel, {});
  if (body == "false") return refusal({});
  if (body.empty() || type_of(body) != JsonType::object) return unavailable("its answer is no JSON object");
  bool told = false;
  std::string_view channel_data;
  for (JsonObject fields(body); fields.next();) {
    const bool named = fields.key_is("channel_data") && fields.value() != "null";
    if (named) channel_data = fields.value();
    told = told || named || (fields.key_is("auth") && type_of(fields.value()) == JsonType::string);
  }
  if (!told) return unavailable("its answer has neither auth nor channel_data");
  return allow(channel, channel_data);
}

std::vector<AuthDecision> decode_auth_batch(const Answer& answer, const std::vector<std::string_view>& channels) {
  const auto all = [&](const AuthDecision& decision) { return std::vector<AuthDecision>(channels.size(), decision); };
  if (!answer.failure.empty()) return all(unavailable(answer.failure));
  const auto body = json_body(answer);
  if (is_refusal(answer.status)) return all(refusal(body));
  if (!answer.succeeded()) return all(unavailable(fmt::format("it answered with {}", answer.status)));
  if (body.empty() || type_of(body) != JsonType::object) return all(unavailable("its answer is no JSON object"));
  auto decisions = all(unavailable("it left out a channel"));
  for (JsonObject fields(body); fields.next();) {
    if (!fields.key_is("channels") || type_of(fields.value()) != JsonType::object) continue;
    for (JsonObject rows(fields.value()); rows.next();) {
      for (std::size_t i = 0; i < channels.size(); ++i) {
        if (rows.key_is(channels[i])) decisions[i] = decode_channel(rows.value(), channels[i]);
      }
    }
  }
  return decisions;
}

std::optional<std::string> credentials_hash(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::vector<std::pair<std::string, std::string_view>> sorted;
  bool credentials = false;
  for (const auto& [name, value] : headers) {
    sorted.emplace_back(lower(name), value);
    credentials = credentials || (!trimmed(value).empty() && !is_one_of(kNoCredentials, name));
  }
  if (!credentials) return std::nullopt;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;  // with lengths: no two lists of headers give the same
  for (const auto& [name, value] : sorted) {
    fmt::format_to(std::back_inserter(text), "{}:{}{}:{}", name.size(), name, value.size(), value);
  }
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha256(),
                   nullptr) == 1);
  digest.resize(size);
  return digest;
}

}  // namespace parley::net

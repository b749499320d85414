// laravel-echo-server's HTTP API: calls with an API key of the application instead of a signature, and its
// forms of answers.

#include "core/channel_name.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/http/bearer.h"
#include "net/rest/api.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {
namespace {

constexpr std::int64_t kJavaScriptIntegerMax = 9'007'199'254'740'991;

void append_counts(std::string& out, const ChannelInfo& channel) {
  out.append(
      fmt::format(R"({{"subscription_count":{},"occupied":{})", channel.subscriptions, channel.subscriptions > 0));
  if (channel_traits(channel.channel.name()).presence) out.append(fmt::format(R"(,"user_count":{})", channel.users));
  out.push_back('}');
}

// Laravel's ids are numbers, and were numbers there: what is written like one is one.
void append_id(std::string& out, const std::string& id) {
  const auto number = json_integer(id);
  const bool canonical =
      number && std::to_string(*number) == id && *number <= kJavaScriptIntegerMax && *number >= -kJavaScriptIntegerMax;
  if (canonical) {
    out.append(id);
  } else {
    append_json_string(out, id);
  }
}

}  // namespace

Status RestApi::check_key(const RestCall& call, const HttpRequest& request) {
  // As there: the header counts when it is there, whatever the query says.
  const auto header = bearer_token(request);
  const auto token = header.empty() ? call.query.get("auth_key") : header;
  bool right = false;
  for (const auto& key : call.app->api_keys) {
    if (same_key(key, token)) right = true;  // all are compared: which one it is takes no other time
  }
  return right ? Status() : make_error(Errc::unauthorized);
}

void RestApi::show_status(const RestCallPtr& call) {
  const auto up = std::chrono::duration<double>(call->exchange->now() - process_.started);
  std::string memory = "{";
  if (process_.memory_bytes) memory.append(fmt::format(R"("rss":{})", process_.memory_bytes()));
  respond(*call, fmt::format(R"({{"subscription_count":{},"uptime":{:.3f},"memory_usage":{}}}}})",
                             context_.connections(call->app->id), up.count(), memory));
}

void RestApi::list_channels_by_key(const RestCallPtr& call) {
  ListChannels list{call->app->id, std::string(call->query.get("filter_by_prefix"))};
  call->exchange->request({.from = {}, .what = std::move(list)}, [call](Reply& reply) {
    const auto* found = std::get_if<ChannelList>(&reply.what);
    if (found == nullptr) return respond_error(*call->exchange, call->route, error_of(reply));
    std::string out = R"({"channels":{)";
    for (const auto& channel : found->channels) {
      if (channel.subscriptions == 0) continue;
      if (out.back() != '{') out.push_back(',');
      append_json_string(out, channel.channel.name());
      out.append(fmt::format(R"(:{{"subscription_count":{},"occupied":true}})", channel.subscriptions));
    }
    respond(*call, out.append("}}"));
  });
}

void RestApi::show_channel_by_key(const RestCallPtr& call) {
  call->exchange->request({.from = {}, .what = GetChannel{call->key(call->channel)}}, [call](Reply& reply) {
    const auto* channel = std::get_if<ChannelInfo>(&reply.what);
    if (channel == nullptr) return respond_error(*call->exchange, call->route, error_of(reply));
    std::string out;
    append_counts(out, *channel);
    respond(*call, std::move(out));
  });
}

void RestApi::list_users_by_key(const RestCallPtr& call) {
  if (!channel_traits(call->channel).presence) {
    return call->exchange->respond({.status = 400,
                                    .body = R"({"error":"User list is only possible for Presence Channels"})",
                                    .route = call->route});
  }
  call->exchange->request({.from = {}, .what = GetMembers{call->key(call->channel)}}, [call](Reply& reply) {
    const auto* members = std::get_if<Members>(&reply.what);
    if (members == nullptr) return respond_error(*call->exchange, call->route, error_of(reply));
    std::string out = R"({"users":[)";
    for (const auto& member : members->members) {
      if (out.back() != '[') out.push_back(',');
      out.append(R"({"id":)");
      append_id(out, member->user_id);
      out.append(R"(,"user_info":)").append(member->user_info.empty() ? "null" : member->user_info).push_back('}');
    }
    respond(*call, out.append("]}"));
  });
}

}  // namespace parley::net

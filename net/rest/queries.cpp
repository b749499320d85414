// The questions of the HTTP API: channels, members, connections.

#include "core/channel_name.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/rest/api.h"

#include <fmt/format.h>

namespace parley::net {
namespace {

void append_field(std::string& out, std::string_view name, std::uint64_t value) {
  if (out.back() != '{') out.push_back(',');
  out.append(fmt::format(R"("{}":{})", name, value));
}

void answer_error(const RestCall& call, const Error& error) { respond_error(*call.exchange, call.route, error); }

}  // namespace

void RestApi::list_channels(const RestCallPtr& call) {
  const auto prefix = call->query.get("filter_by_prefix");
  const auto wanted = parse_info(call->query.get("info"), {"user_count", "subscription_count"});
  if (!wanted) return answer_error(*call, wanted.error());
  const bool all = wanted->empty();  // who asks for nothing in particular gets what there is, as from soketi
  const bool users = wants(*wanted, "user_count");
  const bool subscriptions = all || wants(*wanted, "subscription_count");
  if (users && !prefix.starts_with("presence-")) {
    return answer_error(*call, make_error(Errc::bad_request, "info=user_count needs filter_by_prefix=presence-…"));
  }
  Request request{.from = {}, .what = ListChannels{call->app->id, std::string(prefix)}};
  call->exchange->request(std::move(request), [call, all, users, subscriptions](Reply& reply) {
    const auto* list = std::get_if<ChannelList>(&reply.what);
    if (list == nullptr) return answer_error(*call, error_of(reply));
    std::string out = R"({"channels":{)";
    for (const auto& channel : list->channels) {
      if (channel.subscriptions == 0) continue;
      if (out.back() != '{') out.push_back(',');
      append_json_string(out, channel.channel.name());
      out.append(all ? R"(:{"occupied":true)" : ":{");
      if (users || (all && channel_traits(channel.channel.name()).presence))
        append_field(out, "user_count", channel.users);
      if (subscriptions) append_field(out, "subscription_count", channel.subscriptions);
      out.push_back('}');
    }
    respond(*call, out.append("}}"));
  });
}

void RestApi::show_channel(const RestCallPtr& call) {
  const auto traits = channel_traits(call->channel);
  const auto wanted = parse_info(call->query.get("info"), {"user_count", "subscription_count", "cache"});
  if (!wanted) return answer_error(*call, wanted.error());
  if (wants(*wanted, "user_count") && !traits.presence) {
    return answer_error(*call, make_error(Errc::bad_request, "only presence channels have a user_count"));
  }
  if (wants(*wanted, "cache") && !traits.cache) {
    return answer_error(*call, make_error(Errc::bad_request, "only cache channels have a cache"));
  }
  Request request{.from = {}, .what = GetChannel{call->key(call->channel)}};
  call->exchange->request(std::move(request), [call, info = *wanted, presence = traits.presence](Reply& reply) {
    const auto* channel = std::get_if<ChannelInfo>(&reply.what);
    if (channel == nullptr) return answer_error(*call, error_of(reply));
    const bool all = info.empty();
    std::string out = channel->subscriptions > 0 ? R"({"occupied":true)" : R"({"occupied":false)";
    if (wants(info, "user_count") || (all && presence)) append_field(out, "user_count", channel->users);
    if (all || wants(info, "subscription_count")) append_field(out, "subscription_count", channel->subscriptions);
    if (wants(info, "cache")) {
      out.append(R"(,"cache":)");
      if (channel->cached == nullptr) {
        out.append("null");
      } else {
        out.append(R"({"data":)");
        append_json_string(out, channel->cached->data);
        out.append(fmt::format(R"(,"ttl":{}}})", channel->cache_ttl_seconds));
      }
    }
    respond(*call, out.append("}"));
  });
}

void RestApi::list_users(const RestCallPtr& call) {
  if (!channel_traits(call->channel).presence) {
    return answer_error(*call, make_error(Errc::bad_request, "only presence channels have users"));
  }
  call->exchange->request({.from = {}, .what = GetMembers{call->key(call->channel)}}, [call](Reply& reply) {
    const auto* members = std::get_if<Members>(&reply.what);
    if (members == nullptr) return answer_error(*call, error_of(reply));
    std::string out = R"({"users":[)";
    for (const auto& member : members->members) {
      if (out.back() != '[') out.push_back(',');
      out.append(R"({"id":)");
      append_id(out, member->user_id, member->id_form);
      out.push_back('}');
    }
    respond(*call, out.append("]}"));
  });
}

void RestApi::count_connections(const RestCallPtr& call) {
  respond(*call, fmt::format(R"({{"connections":{}}})", context_.connections(call->app->id)));
}

}  // namespace parley::net

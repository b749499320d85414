#include "core/settings.h"

#include "core/channel_name.h"

#include <algorithm>

namespace parley {

const App* SocketIoSettings::app_of(std::string_view nsp, const std::vector<App>& apps) const {
  std::string_view id;
  if (nsp == "/") {
    if (app.empty()) return apps.empty() ? nullptr : &apps.front();
    id = app;
  }
  for (const std::string_view entry : namespaces) {
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos && entry.substr(0, equals) == nsp) id = entry.substr(equals + 1);
  }
  const auto found = std::find_if(apps.begin(), apps.end(), [&](const App& one) { return one.id == id; });
  return id.empty() || found == apps.end() ? nullptr : &*found;
}

const App* Settings::app_by_key(std::string_view key) const {
  const auto found = std::find_if(apps.begin(), apps.end(), [&](const App& app) { return app.key == key; });
  return found == apps.end() ? nullptr : &*found;
}

const App* Settings::app_by_id(std::string_view id) const {
  const auto found = std::find_if(apps.begin(), apps.end(), [&](const App& app) { return app.id == id; });
  return found == apps.end() ? nullptr : &*found;
}

const ChannelRule& Settings::rule_for(std::string_view channel_name) const {
  static const ChannelRule ephemeral{.match = "*"};
  const auto base = channel_traits(channel_name).base;
  for (const auto& rule : rules) {
    if (pattern_matches(rule.match, base) || pattern_matches(rule.match, channel_name)) return rule;
  }
  return ephemeral;
}

const WebhookTarget* Settings::webhook(std::string_view name) const {
  const auto found =
      std::find_if(webhooks.begin(), webhooks.end(), [&](const auto& target) { return target.name == name; });
  return found == webhooks.end() ? nullptr : &*found;
}

bool WebhookTarget::wants_channel(std::string_view channel) const {
  const auto base = channel_traits(channel).base;
  return std::any_of(channels.begin(), channels.end(), [&](const auto& pattern) {
    return pattern_matches(pattern, base) || pattern_matches(pattern, channel);
  });
}

NoticeMask notice_mask(const std::vector<std::string>& events) {
  NoticeMask mask = 0;
  for (const auto& name : events) {
    if (name == "*") mask |= kPusherNotices | kUserNotices;
    if (name == "pusher") mask |= kPusherNotices;
    if (const auto kind = notice_kind(name)) mask |= mask_of(*kind);
  }
  return mask;
}

std::vector<ChannelRule> default_rules() {
  std::vector<ChannelRule> rules;
  for (const char* match : {"domain.*", "user.*", "admin.*", "#server-to-user-*"}) {
    rules.push_back({.match = match, .durability = Durability::quorum});
  }
  return rules;
}

// Linear backtracking on the last star only: no pattern makes it slow.
bool pattern_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace parley

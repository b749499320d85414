#include "tests/scenarios/stage_settings.h"

#include "tests/scenarios/node.h"

#include <functional>
#include <map>
#include <string>

namespace parley::scenarios {

Settings stage_settings() {
  Settings values;
  values.rules = default_rules();
  values.apps.push_back({.id = "4711", .name = "demo", .key = "app-key-demo", .secret = "app-secret-demo"});
  values.timing.silence_before_ping = seconds(45);
  values.timing.pong_timeout = seconds(75);
  return values;
}

void change_setting(Settings& values, std::string_view name_and_value) {
  const auto space = name_and_value.find(' ');
  const auto name = name_and_value.substr(0, space);
  const auto value = space == std::string_view::npos ? std::string() : std::string(name_and_value.substr(space + 1));
  auto& app = values.apps.front();
  const std::map<std::string_view, std::function<void()>> setters{
      {"client_events", [&] { app.client_events = value == "true"; }},
      {"enabled", [&] { app.enabled = value == "true"; }},
      {"tls_only", [&] { app.tls_only = value == "true"; }},
      {"secret_previous", [&] { app.secret_previous = value; }},
      {"allowed_origin", [&] { app.allowed_origins.push_back(value); }},
      {"authorization_timeout", [&] { app.authorization_timeout = seconds(std::stoi(value)); }},
      {"connections_max", [&] { app.limits.connections_max = std::stoul(value); }},
      {"client_events_per_second_max",
       [&] { app.limits.client_events_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
      {"client_event_bytes_per_second_max",
       [&] { app.limits.client_event_bytes_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
      {"client_requests_per_second_max",
       [&] { app.limits.client_requests_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
      {"channels_per_connection_max", [&] { app.limits.channels_per_connection_max = std::stoul(value); }},
      {"channel_name_chars_max", [&] { app.limits.channel_name_chars_max = std::stoul(value); }},
      {"event_name_chars_max", [&] { app.limits.event_name_chars_max = std::stoul(value); }},
      {"event_data_bytes_max", [&] { app.limits.event_data_bytes_max = std::stoul(value); }},
      {"member_bytes_max", [&] { app.limits.member_bytes_max = std::stoul(value); }},
      {"roster_bytes_per_second_max",
       [&] { app.limits.roster_bytes_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
      {"user_id_chars_max", [&] { app.limits.user_id_chars_max = std::stoul(value); }},
      {"watchlist_users_max", [&] { app.limits.watchlist_users_max = std::stoul(value); }},
      {"catch_up_buffer_bytes_max", [&] { values.limits.catch_up_buffer_bytes_max = std::stoul(value); }},
      {"auth_url", [&] { app.auth.url = value; }},
      {"auth_channels_per_call_max", [&] { app.auth.channels_per_call_max = std::stoul(value); }},
      {"away_after", [&] { app.status.away_after = seconds(std::stoi(value)); }},
      {"token_warn", [&] { app.tokens.warn = seconds(std::stoi(value)); }},
      {"token_leeway", [&] { app.tokens.leeway = seconds(std::stoi(value)); }},
      {"token_secret", [&] { app.tokens.hs256_secrets = {value}; }},
      {"forward_header", [&] { app.auth.forward_headers.push_back(value); }},
      {"ephemeral",
       [&] { values.rules.insert(values.rules.begin(), ChannelRule{.match = value, .durability = Durability::none}); }},
      {"json_depth_max", [&] { values.limits.json_depth_max = std::stoul(value); }},
      {"socketio_namespaces_max", [&] { values.limits.socketio_namespaces_max = std::stoul(value); }},
      {"socketio_connects_per_second_max",
       [&] { values.limits.socketio_connects_per_second_max = static_cast<std::uint32_t>(std::stoul(value)); }},
      {"socketio_subscribes_waiting_max", [&] { values.limits.socketio_subscribes_waiting_max = std::stoul(value); }},
      {"write_queue_bytes_max", [&] { values.limits.write_queue_bytes_max = std::stoul(value); }},
      {"socketio_recovery", [&] { values.socketio.recovery = value == "true"; }},
      {"socketio_namespace", [&] { values.socketio.namespaces.push_back(value); }},
      {"app_removed", [&] { values.apps.clear(); }},
  };
  const auto found = setters.find(name);
  if (found == setters.end()) fail("no such setting: " + std::string(name));
  found->second();
}

}  // namespace parley::scenarios

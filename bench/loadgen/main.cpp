// parley_loadgen: the load generator of bench/. One subcommand a scenario; see docs/performance.md.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "bench/loadgen/scenarios.h"

namespace loadgen {
namespace {

void add_common(CLI::App& app, Options& options) {
  app.add_option("--host", options.host, "IPv4 address of the server")->capture_default_str();
  app.add_option("--port", options.port, "Port of the server")->capture_default_str();
  app.add_option("--protocol", options.protocol, "What the server speaks")
      ->check(CLI::IsMember({"pusher", "socketio", "parley-socketio", "parley-mixed"}))
      ->capture_default_str();
  app.add_option("--app-id", options.app_id, "App id (HTTP API)")->capture_default_str();
  app.add_option("--key", options.app_key, "App key")->capture_default_str();
  app.add_option("--secret", options.app_secret, "App secret")->capture_default_str();
  app.add_option("--label", options.label, "Name of the server in the results");
  app.add_option("--pid", options.server_pid, "Server process whose CPU and memory are read");
  app.add_option("--warmup", options.warmup_s, "Seconds of traffic before the measurement")->capture_default_str();
  app.add_option("--seconds", options.measure_s, "Seconds measured")->capture_default_str();
  app.add_option("--payload", options.payload_bytes, "Bytes of data in a message")->capture_default_str();
  app.add_flag("!--sleep", options.spin, "Sleep while nothing arrives instead of polling");
  app.add_option("--connecting-max", options.connecting_max, "Connects under way at a time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void add_prefix(CLI::App& command, std::string& prefix) {
  command
      .add_option("--channel-prefix", prefix,
                  "Start of channel names: private-room- is ephemeral, private-domain. durable")
      ->capture_default_str();
}

void add_count(CLI::App& command, const std::string& name, std::size_t& count, const std::string& help) {
  command.add_option(name, count, help)->check(CLI::PositiveNumber)->capture_default_str();
}

void add_closed_loop(CLI::App& app, const Options& options, ClosedLoopOptions& what, const std::string& help) {
  auto* command = app.add_subcommand(what.name, help);
  add_count(*command, "--connections", what.connections, "Connections in all");
  add_count(*command, "--channels", what.channels, "Channels they are spread over");
  add_count(*command, "--in-flight", what.in_flight, "Publishes under way");
  command->add_option("--senders", what.senders, "Connections that publish, 0 for all")->capture_default_str();
  add_prefix(*command, what.channel_prefix);
  command->callback([&options, &what] { run_closed_loop(options, what); });
}

void add_traffic(CLI::App& app, const Options& options, LatencyOptions& latency, DurableOptions& durable,
                 HttpPublishOptions& http) {
  auto* command = app.add_subcommand("latency", "Client events at a fixed rate");
  command->add_option("--rate", latency.rate, "Publishes a second")->capture_default_str();
  add_count(*command, "--channels", latency.channels, "Channels, with one sender each");
  add_count(*command, "--subscribers", latency.subscribers, "Receivers in each channel");
  add_prefix(*command, latency.channel_prefix);
  command->callback([&options, &latency] { run_latency(options, latency); });

  command = app.add_subcommand("durable", "Acknowledged durable publishes (Parley only)");
  add_count(*command, "--in-flight", durable.in_flight, "Publishes under way");
  add_count(*command, "--connections", durable.connections, "Connections, a channel each");
  command->add_flag("!--no-single", durable.compare_with_one, "Skip the run with one in flight");
  add_prefix(*command, durable.channel_prefix);
  command->callback([&options, &durable] { run_durable(options, durable); });

  command = app.add_subcommand("http-publish", "Signed POST /apps/{id}/events");
  add_count(*command, "--connections", http.connections, "Keep-alive connections");
  add_count(*command, "--channels", http.channels, "Channels published to, in turn");
  add_prefix(*command, http.channel_prefix);
  command->callback([&options, &http] { run_http_publish(options, http); });
}

void add_connections(CLI::App& app, const Options& options, IdleOptions& idle, ConnectOptions& connect) {
  auto* command = app.add_subcommand("idle", "Memory of idle subscribed connections");
  add_count(*command, "--first", idle.first, "Connections at the first step");
  add_count(*command, "--last", idle.last, "Connections at the last step");
  add_count(*command, "--steps", idle.steps, "Steps");
  add_count(*command, "--per-channel", idle.per_channel, "Connections that share a channel");
  command->add_option("--settle-max", idle.settle_max_s, "Seconds to wait for a stable size")->capture_default_str();
  add_prefix(*command, idle.channel_prefix);
  command->callback([&options, &idle] { run_idle(options, idle); });

  command = app.add_subcommand("connect", "Connect and authorised subscribe");
  add_count(*command, "--connections", connect.connections, "Connections measured");
  add_count(*command, "--warmup-connections", connect.warmup_connections, "Opened and closed before");
  add_count(*command, "--per-channel", connect.per_channel, "Connections that share a channel");
  add_prefix(*command, connect.channel_prefix);
  command->callback([&options, &connect] { run_connect(options, connect); });
}

void add_users(CLI::App& app, const Options& options, StatusOptions& status, ArrivalsOptions& arrivals,
               UserStatusOptions& asking) {
  auto* command = app.add_subcommand("status", "Watchers of a domain hear who comes and goes (Parley only)");
  add_count(*command, "--watchers", status.watchers, "Connections that watch");
  add_count(*command, "--changes", status.changes, "People who come, and go");
  command->add_option("--rate", status.rate, "People a second")->capture_default_str();
  command->add_option("--stay-ms", status.stay_ms, "How long each stays")->capture_default_str();
  command->add_option("--grace-ms", status.grace_ms, "The server's presence_grace_ms of user.*")->capture_default_str();
  command->callback([&options, &status] { run_status(options, status); });

  command = app.add_subcommand("arrivals", "What others notice while users come online (Parley only)");
  add_count(*command, "--users", arrivals.users, "Users who come");
  command->add_option("--over-seconds", arrivals.over_s, "In this time")->capture_default_str();
  add_count(*command, "--domains", arrivals.domains, "Domains they are spread over");
  add_count(*command, "--channels", arrivals.channels, "Channels of the others, a sender and a receiver each");
  command->add_option("--ephemeral-rate", arrivals.ephemeral_rate, "Their publishes a second")->capture_default_str();
  command->add_option("--durable-rate", arrivals.durable_rate, "Durable publishes a second")->capture_default_str();
  command->callback([&options, &arrivals] { run_arrivals(options, arrivals); });

  command = app.add_subcommand("user-status", "POST /apps/{id}/users/status (Parley only)");
  add_count(*command, "--ids", asking.ids, "Users asked about in a call, half of them online");
  add_count(*command, "--calls", asking.calls, "Calls, one after the other");
  command->callback([&options, &asking] { run_user_status(options, asking); });
}

void add_webhooks(CLI::App& app, const Options& options, WebhooksOptions& what) {
  auto* command = app.add_subcommand("webhooks", "Users' events to a target (Parley only)");
  command->add_option("--webhook-port", what.port, "Port on 127.0.0.1 to which the server sends them")->required();
  add_count(*command, "--users", what.users, "Users whose status changes by turns");
  command->add_option("--rate", what.rate, "Events a second")->capture_default_str();
  command->add_option("--steady-seconds", what.steady_s, "Seconds measured while the target answers")
      ->capture_default_str();
  command->add_option("--down-seconds", what.down_s, "Then it is down for so long; 0: never")->capture_default_str();
  command->add_option("--answer-after-ms", what.answer_after_ms, "How long the target takes")->capture_default_str();
  command->callback([&options, &what] { run_webhooks(options, what); });
}

void add_floor(CLI::App& app, const Options& options, FloorOptions& floor) {
  auto* command = app.add_subcommand("floor", "Cost of a bare send() here; needs no server");
  add_count(*command, "--connections", floor.connections, "Sockets written to in turn");
  command->add_option("--server-cpu", floor.server_cpu, "CPU that writes")->capture_default_str();
  command->add_option("--loadgen-cpu", floor.loadgen_cpu, "CPU that reads")->capture_default_str();
  command->callback([&options, &floor] { run_floor(options, floor); });
}

}  // namespace
}  // namespace loadgen

int main(int argc, char** argv) {
  using namespace loadgen;
  Options options;
  ClosedLoopOptions fanout{.name = "fanout", .connections = 1000, .channels = 1, .in_flight = 4, .senders = 1};
  ClosedLoopOptions chat{.name = "chat", .connections = 2000, .channels = 400, .in_flight = 50};
  LatencyOptions latency;
  DurableOptions durable;
  HttpPublishOptions http;
  IdleOptions idle;
  ConnectOptions connect;
  FloorOptions floor;
  StatusOptions status;
  ArrivalsOptions arrivals;
  UserStatusOptions asking;
  WebhooksOptions webhooks;

  CLI::App app{"Load generator for Pusher protocol 7 and Socket.IO servers"};
  app.require_subcommand(1);
  app.fallthrough();
  add_common(app, options);
  add_closed_loop(app, options, fanout, "Client events to the subscribers of one channel");
  add_closed_loop(app, options, chat, "Client events in many small channels");
  add_traffic(app, options, latency, durable, http);
  add_connections(app, options, idle, connect);
  add_users(app, options, status, arrivals, asking);
  add_webhooks(app, options, webhooks);
  add_floor(app, options, floor);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error); } catch (const std::exception& error) {
    std::fprintf(stderr, "parley_loadgen: %s\n", error.what());
    return 1;
  }
  return 0;
}

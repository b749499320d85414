#pragma once
// The scenarios, one function each. Each prints its report and throws std::runtime_error when the run
// was not what it should have been (messages lost, connections lost, the server gone).

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/loadgen/options.h"

namespace loadgen {

// Closed loop: so many client events are always under way; one is replaced when all other
// subscribers of its channel have it. fanout and chat are two settings of it.
struct ClosedLoopOptions {
  std::string name;
  std::size_t connections = 0;
  std::size_t channels = 0;
  std::size_t in_flight = 0;
  std::size_t senders = 0;  // connections that publish; 0 = all
  std::string channel_prefix = "private-room-";
};
void run_closed_loop(const Options& options, const ClosedLoopOptions& what);

// Open loop: client events at a fixed rate, whatever the server does.
struct LatencyOptions {
  double rate = 1000;
  std::size_t channels = 100;
  std::size_t subscribers = 1;  // in each channel, beside the sender
  std::string channel_prefix = "private-room-";
};
void run_latency(const Options& options, const LatencyOptions& what);

// Acknowledged durable publishes (a Parley extension), many under way and then one at a time.
struct DurableOptions {
  std::size_t in_flight = 256;
  std::size_t connections = 8;
  std::string channel_prefix = "private-domain.";
  bool compare_with_one = true;
};
void run_durable(const Options& options, const DurableOptions& what);

struct HttpPublishOptions {
  std::size_t connections = 16;  // keep-alive, one request under way on each
  std::size_t channels = 16;
  std::string channel_prefix = "private-room-";
};
void run_http_publish(const Options& options, const HttpPublishOptions& what);

struct IdleOptions {
  std::size_t first = 2000;
  std::size_t last = 15000;
  std::size_t steps = 5;
  std::size_t per_channel = 10;
  double settle_max_s = 6;
  std::string channel_prefix = "private-room-";
};
void run_idle(const Options& options, const IdleOptions& what);

// No server: what one bare send() to a loopback socket costs on this machine, which bounds from below
// what any server can do a write for.
struct FloorOptions {
  std::size_t connections = 1000;
  unsigned server_cpu = 0;
  unsigned loadgen_cpu = 1;
};
void run_floor(const Options& options, const FloorOptions& what);

struct ConnectOptions {
  std::size_t connections = 3000;
  std::size_t warmup_connections = 1000;
  std::size_t per_channel = 10;
  std::string channel_prefix = "private-room-";
};
void run_connect(const Options& options, const ConnectOptions& what);

// Somebody comes, stays a while and breaks off, again and again, watched by many in a domain's channel.
struct StatusOptions {
  std::size_t watchers = 1000;
  std::size_t changes = 60;  // people who come, and go
  double rate = 10;          // people a second
  std::size_t stay_ms = 300;
  std::size_t grace_ms = 1000;  // as the server's rule for user.* has it
};
void run_status(const Options& options, const StatusOptions& what);

// Others at work at a fixed rate, first alone, then while users come online on schedule.
struct ArrivalsOptions {
  std::size_t users = 10'000;
  double over_s = 10;
  std::size_t domains = 100;   // that the users are spread over
  std::size_t channels = 100;  // of the others: a sender and a receiver each
  double ephemeral_rate = 1000;
  double durable_rate = 200;
};
void run_arrivals(const Options& options, const ArrivalsOptions& what);

struct UserStatusOptions {
  std::size_t ids = 1000;  // half of them online
  std::size_t calls = 200;
};
void run_user_status(const Options& options, const UserStatusOptions& what);

// The server must send the webhooks user_online, user_away and user_offline to 127.0.0.1:port.
struct WebhooksOptions {
  std::uint16_t port = 0;
  std::size_t users = 2000;
  double rate = 2200;  // events a second
  double steady_s = 10;
  double down_s = 10;  // 0: it is always up
  double answer_after_ms = 1;
};
void run_webhooks(const Options& options, const WebhooksOptions& what);

}  // namespace loadgen

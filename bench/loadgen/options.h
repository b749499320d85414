#pragma once
// What every scenario is told: the server, the credentials, how long, and where to look for its cost.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace loadgen {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6001;
  std::string protocol = "pusher";  // or "socketio"
  std::string app_id = "4711";
  std::string app_key = "app-key-demo";
  std::string app_secret = "app-secret-demo";
  std::string label;  // printed with the results
  pid_t server_pid = 0;
  double warmup_s = 1;
  double measure_s = 5;
  std::size_t payload_bytes = 200;
  std::size_t connecting_max = 64;  // connects under way at a time
  // Poll without sleeping. Waking a sleeping generator costs the server an interrupt to another core
  // with each message (up to half of all its CPU on a virtual machine), which clients elsewhere on a
  // network would not.
  bool spin = true;

  int wait_ms() const { return spin ? 0 : 50; }
};

}  // namespace loadgen

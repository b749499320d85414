#pragma once
// A call of the application's backend over HTTP, as values: what is asked and what came of it. Actors
// make calls; net/outbound/http_caller makes them happen. Values belong to whoever holds them.

#include "core/clock.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace parley {

struct Call {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  milliseconds timeout{5'000};            // from call() to the last byte of the answer, the wait in line included
  std::size_t answer_bytes_max = 65'536;  // of the answer's body; more is a failure
  std::string lane;                       // `kind:name`, as in `webhook:audit`. Calls of a lane start in order
  std::size_t lane_concurrency_max = 0;   // of this lane from now on; 0: the caller's default
  std::string ca_file;                    // PEM; whom to trust instead of the caller's default; empty: that
  // For whom the call is made. Addresses take turns in a lane, and so do the connections of an address. Calls for
  // nobody in particular stand in one line together.
  std::string address{};
  std::uint64_t connection = 0;
  std::size_t address_in_flight_max = 0;  // of this lane, for one address; 0: no bound of its own
};

struct Answer {
  int status = 0;  // of HTTP; redirects are answers like any other
  std::string body;
  std::string retry_after;  // the header as it came; empty: none
  std::string failure;      // for people; empty: an HTTP answer came
  std::chrono::nanoseconds took{0};
  [[nodiscard]] bool succeeded() const { return failure.empty() && status >= 200 && status < 300; }
};

class Caller {
 public:
  virtual ~Caller() = default;
  // Thread-safe, never blocks. `done` is called at most once, from a thread that has no time: it hands over.
  // When too many calls wait it is called before this returns.
  virtual void call(Call call, std::function<void(Answer)> done) = 0;
};

}  // namespace parley

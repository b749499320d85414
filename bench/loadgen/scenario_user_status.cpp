// user-status: POST /apps/{id}/users/status, many ids at once, one call after the other.

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/loadgen/http_connection.h"
#include "bench/loadgen/people.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/signed_post.h"
#include "bench/loadgen/text.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

class StatusCaller final : private HttpConnection::Observer {
 public:
  StatusCaller(Loop& loop, const Options& options, std::size_t ids)
      : loop_(loop),
        options_(options),
        ids_(ids),
        connection_(loop, *this, Endpoint::parse(options.host, options.port), 0) {
    std::iota(ids_.begin(), ids_.end(), std::size_t{0});
  }

  // The order of the ids is new each time: a server that refuses replays takes all of them.
  void call() {
    constexpr double patience_s = 10;
    std::shuffle(ids_.begin(), ids_.end(), random_);
    std::string body = R"({"ids":[)";
    for (const auto id : ids_) body += '"' + People::user_id(id) + R"(",)";
    body.back() = ']';
    answered_ = false;
    auto request = signed_post(options_, "/users/status", body + '}');
    const auto from = now_ns();
    connection_.send(std::move(request));
    while (!answered_) {
      loop_.turn(options_.wait_ms());
      if (seconds_between(from, now_ns()) > patience_s) throw std::runtime_error("no answer for 10 s");
    }
    latency_.record(now_ns() - from);
  }

  std::size_t online() const { return count_of(body_, R"("status":"online")"); }
  std::size_t offline() const { return count_of(body_, R"("status":"offline")"); }
  std::size_t answer_bytes() const { return body_.size(); }
  void reset_counts() { latency_.clear(); }
  const Histogram& latency() const { return latency_; }

 private:
  void on_response(HttpConnection&, int status, std::string_view body) override {
    if (status != 200) throw std::runtime_error("HTTP " + std::to_string(status) + ": " + std::string(body));
    body_ = body;
    answered_ = true;
  }

  Loop& loop_;
  const Options& options_;
  std::vector<std::size_t> ids_;
  std::mt19937 random_;  // seeded alike each time
  bool answered_ = false;
  std::string body_;
  Histogram latency_;
  HttpConnection connection_;
};

}  // namespace

void run_user_status(const Options& options, const UserStatusOptions& what) {
  constexpr double patience_s = 30;
  constexpr std::size_t warmup_calls = 20;
  const ProcessMeter meter(options.server_pid);
  const auto dialect = make_dialect(options);
  Loop loop;
  People people(loop, options, *dialect, what.ids, [](std::size_t) { return std::string("asked"); });
  people.arrive_all(0, what.ids);
  const auto online = what.ids - what.ids / 2;
  for (auto person = online; person < what.ids; ++person) people.leave(person);

  StatusCaller caller(loop, options, what.ids);
  const auto from = now_ns();
  for (caller.call(); caller.online() != online; caller.call()) {  // until the grace period has ended
    if (seconds_between(from, now_ns()) > patience_s) throw std::runtime_error("those who left stay online");
    for (const auto until = now_ns() + 100'000'000; now_ns() < until;) loop.turn(20);
  }
  for (std::size_t i = 0; i < warmup_calls; ++i) caller.call();
  caller.reset_counts();
  Window window(meter, loop);
  for (std::size_t i = 0; i < what.calls; ++i) {
    caller.call();
    if (caller.online() != online || caller.offline() != what.ids - online) {
      throw std::runtime_error("a status is wrong or missing");
    }
  }
  window.stop();

  Report report("user-status", options.label);
  report.number("calls", static_cast<double>(what.calls)).latency("call", caller.latency());
  report.number("answer_bytes", static_cast<double>(caller.answer_bytes()));
  if (meter.enabled()) { report.number("cpu_us_per_call", window.server_cpu_us_per(what.calls)); }
  window.add_load(report);
  report.print();
}

}  // namespace loadgen

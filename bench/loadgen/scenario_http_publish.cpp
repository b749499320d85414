// http-publish: signed POST /apps/{id}/events over keep-alive connections.

#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "bench/loadgen/http_connection.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/signed_post.h"
#include "bench/loadgen/text.h"
#include "bench/loadgen/tracker.h"
#include "bench/loadgen/window.h"

namespace loadgen {
namespace {

class HttpLoop final : private HttpConnection::Observer {
 public:
  HttpLoop(Loop& loop, const Options& options, const HttpPublishOptions& what)
      : loop_(loop), options_(options), what_(what) {
    const auto server = Endpoint::parse(options.host, options.port);
    HttpConnection::Observer& self = *this;
    for (std::size_t i = 0; i < what.connections; ++i) {
      connections_.push_back(std::make_unique<HttpConnection>(loop, self, server, static_cast<unsigned>(i % 8)));
      post(*connections_.back());
    }
  }

  void run(double seconds) {
    constexpr double patience_s = 5;
    const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    auto progress_at = now_ns();
    for (auto answered = answered_; now_ns() < end;) {
      loop_.turn(options_.wait_ms());
      if (answered != answered_) {
        answered = answered_;
        progress_at = now_ns();
      } else if (seconds_between(progress_at, now_ns()) > patience_s) {
        throw std::runtime_error("stalled: no HTTP answer for 5 s");
      }
    }
  }

  void reset_counts() {
    answered_ = 0;
    latency_.clear();
  }
  std::uint64_t answered() const { return answered_; }
  const Histogram& latency() const { return latency_; }

 private:
  // The number in the body makes every request new, so a server that refuses replays takes all of them.
  std::string request() {
    const auto number = next_++;
    const std::string body = R"({"name":"message","channel":")" + what_.channel_prefix +
                             std::to_string(number % what_.channels) + R"(","data":")" +
                             json_escaped(marked_payload(number, options_.payload_bytes)) + "\"}";
    return signed_post(options_, "/events", body);
  }

  void post(HttpConnection& connection) {
    sent_ns_[&connection] = now_ns();
    connection.send(request());
  }

  void on_response(HttpConnection& connection, int status, std::string_view body) override {
    if (status != 200) { throw std::runtime_error("HTTP " + std::to_string(status) + ": " + std::string(body)); }
    ++answered_;
    latency_.record(now_ns() - sent_ns_[&connection]);
    post(connection);
  }

  Loop& loop_;
  const Options& options_;
  const HttpPublishOptions& what_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::unordered_map<const HttpConnection*, std::int64_t> sent_ns_;
  std::uint64_t next_ = 1;
  std::uint64_t answered_ = 0;
  Histogram latency_;
};

}  // namespace

void run_http_publish(const Options& options, const HttpPublishOptions& what) {
  if (options.protocol != "pusher") throw std::runtime_error("http-publish speaks pusher only");
  if (what.channels == 0) throw std::runtime_error("http-publish needs a channel");
  const ProcessMeter meter(options.server_pid);
  Loop loop;
  HttpLoop traffic(loop, options, what);
  traffic.run(options.warmup_s);
  traffic.reset_counts();
  Window window(meter, loop);
  traffic.run(options.measure_s);
  window.stop();

  Report report("http-publish", options.label);
  report.number("publishes_per_s", static_cast<double>(traffic.answered()) / window.seconds());
  if (meter.enabled()) { report.number("cpu_us_per_publish", window.server_cpu_us_per(traffic.answered())); }
  report.latency("request", traffic.latency());
  window.add_load(report);
  report.print();
}

}  // namespace loadgen

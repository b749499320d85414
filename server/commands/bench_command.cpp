#include "server/commands/bench_command.h"

#include "core/clock.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "core/mutex.h"
#include "net/auth/http_signature.h"
#include "server/commands/command_output.h"
#include "server/commands/pusher_connection.h"

#include <fmt/format.h>

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <thread>

namespace parley::server {
namespace {

constexpr milliseconds kSilence{5'000};  // then what did not come is lost

// What all threads of a run share.
struct Run {
  const ClientTarget& target;
  const BenchOptions& options;
  SystemClock clock{};
  std::atomic<std::uint32_t> next{0};
  std::atomic<std::uint32_t> accepted{0};
  std::atomic<bool> publishing{true};
  Mutex mutex{};  // a leaf
  std::optional<Error> failure PARLEY_GUARDED_BY(mutex){};

  void fail(const Error& error) {
    const MutexLock lock(mutex);
    if (!failure) failure = error;
  }
  std::optional<Error> failed() {
    const MutexLock lock(mutex);
    return failure;
  }
};

// `{"t":<ns>,…}`: when the publisher sent it, by this process's clock.
std::optional<std::int64_t> sent_at(std::string_view data) {
  constexpr std::string_view kStart = R"({"t":)";
  std::int64_t ns = 0;
  if (!data.starts_with(kStart)) return std::nullopt;
  const auto [end, failure] = std::from_chars(data.data() + kStart.size(), data.data() + data.size(), ns);
  return failure == std::errc{} ? std::optional(ns) : std::nullopt;
}

std::string event_body(const Run& run, std::uint32_t number) {
  auto data = fmt::format(R"({{"t":{},"n":{},"pad":")", run.clock.now().time_since_epoch().count(), number);
  data.append(run.options.bytes > data.size() + 2 ? run.options.bytes - data.size() - 2 : 0, 'x');
  std::string body = R"({"name":"bench","channel":)";
  append_json_string(body, run.options.channel);
  body += R"(,"data":)";
  append_json_string(body, data + "\"}");
  return body + '}';
}

void publish_in_turn(Run& run) {
  const auto url = net::parse_url(run.target.url);
  if (!url) return run.fail(url.error());
  auto client = net::HttpClient::connect(*url, run.target.options);
  if (!client) return run.fail(client.error());
  const auto path = fmt::format("/apps/{}/events", run.target.app_id);
  const auto prefix = url->target == "/" ? std::string() : url->target;
  while (true) {
    const auto number = run.next.fetch_add(1);
    if (number >= run.options.publishes) return;
    const auto body = event_body(run, number);
    const auto query =
        net::auth::sign_request(run.target.key.key, run.target.key.secret, {"POST", path, body}, {}, run.clock.wall());
    const auto answer =
        client->call("POST", fmt::format("{}{}?{}", prefix, path, query), body, {{"Content-Type", "application/json"}});
    if (!answer) return run.fail(answer.error());
    if (answer->status != 200)
      return run.fail(make_error(Errc::bad_request, fmt::format("{} {}", answer->status, answer->body)));
    run.accepted.fetch_add(1);
  }
}

// Reads all subscribers' sockets until everything accepted has come to each, or nothing comes any more.
std::vector<std::int64_t> receive_all(Run& run, std::vector<PusherConnection>& subscribers) {
  std::vector<std::int64_t> latencies;
  latencies.reserve(std::size_t{run.options.publishes} * subscribers.size());
  std::vector<pollfd> fds;
  for (auto& subscriber : subscribers) fds.push_back({.fd = subscriber.fd(), .events = POLLIN, .revents = 0});
  auto last = run.clock.now();
  while (run.publishing || latencies.size() < std::size_t{run.accepted} * subscribers.size()) {
    const int ready = poll(fds.data(), fds.size(), 100);
    if (ready <= 0) {
      if (!run.publishing && run.clock.now() - last > kSilence) break;
      continue;
    }
    last = run.clock.now();
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      for (;;) {
        const auto frame = subscribers[i].next(milliseconds(0));
        if (!frame && frame.error().code == Errc::timeout) break;
        if (!frame) {
          run.fail(frame.error());
          fds[i].fd = -1;  // poll() leaves it alone from here on
          break;
        }
        if (const auto at = sent_at(frame->data)) latencies.push_back(run.clock.now().time_since_epoch().count() - *at);
      }
    }
  }
  return latencies;
}

Result<std::vector<PusherConnection>> connect_all(const Run& run) {
  std::vector<PusherConnection> subscribers;
  for (std::uint32_t i = 0; i < run.options.subscribers; ++i) {
    auto connection = PusherConnection::connect(run.target);
    if (!connection) return connection.error();
    if (const auto sent = connection->subscribe(run.options.channel, fmt::format("bench-{}", i)); !sent)
      return sent.error();
    for (;;) {
      const auto frame = connection->next(run.target.options.timeout);
      if (!frame) return frame.error();
      if (frame->event == "pusher:subscription_error") return make_error(Errc::unauthorized, frame->data);
      if (frame->event == "pusher_internal:subscription_succeeded") break;
    }
    subscribers.push_back(std::move(*connection));
  }
  return subscribers;
}

double at_quantile(const std::vector<std::int64_t>& sorted, double quantile) {
  const auto index = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[index]) / 1e6;
}

}  // namespace

int bench(const ClientTarget& target, const BenchOptions& options) {
  Run run{target, options};
  auto subscribers = connect_all(run);
  if (!subscribers) return complain("connect the subscribers", subscribers.error());
  fmt::print("{} subscribers on {}, {} publishes of {} bytes over {} connections\n", options.subscribers,
             options.channel, options.publishes, options.bytes, options.publishers);

  const auto start = run.clock.now();
  std::vector<std::int64_t> latencies;
  std::thread receiver([&] { latencies = receive_all(run, *subscribers); });
  std::vector<std::thread> publishers;
  for (std::uint32_t i = 0; i < options.publishers; ++i) publishers.emplace_back([&] { publish_in_turn(run); });
  for (auto& publisher : publishers) publisher.join();
  const auto published = run.clock.now();
  run.publishing = false;
  receiver.join();
  const auto finished = run.clock.now();

  const auto seconds_of = [](auto duration) { return std::max(1e-9, std::chrono::duration<double>(duration).count()); };
  const auto expected = std::size_t{run.accepted} * subscribers->size();
  fmt::print("publishes   {:>10} accepted, {:.0f}/s\n", run.accepted.load(),
             run.accepted.load() / seconds_of(published - start));
  fmt::print("deliveries  {:>10} of {}, {:.0f}/s\n", latencies.size(), expected,
             static_cast<double>(latencies.size()) / seconds_of(finished - start));
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    fmt::print("latency     p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms\n", at_quantile(latencies, 0.5),
               at_quantile(latencies, 0.99), at_quantile(latencies, 1));
  }
  if (const auto failure = run.failed()) return complain("finish", *failure);
  return latencies.size() == expected ? 0 : 1;
}

}  // namespace parley::server

#include "net/http/health.h"

#include <fmt/format.h>

#include <utility>

namespace parley::net {

namespace {

bool readable_method(const HttpRequest& request, Exchange& exchange, std::string_view route) {
  if (request.method == "GET" || request.method == "HEAD") return true;
  exchange.respond({.status = 405, .content_type = "", .headers = {{"Allow", "GET, HEAD"}}, .route = route});
  return false;
}

class Health final : public HttpHandler {
 public:
  explicit Health(const Readiness& readiness) : readiness_(readiness) {}

  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override {
    const bool live = request.path == "/health/live" || request.path == "/up";
    const bool ready = request.path == "/health/ready" || request.path == "/ready" || request.path == "/accept-traffic";
    const bool can_stop = request.path == "/health/can-stop";
    if (!live && !ready && !can_stop) return false;
    if (!readable_method(request, *exchange, "health")) return true;
    HttpResponse response{.body = R"({"status":"ok"})", .headers = {{"Cache-Control", "no-store"}}, .route = "health"};
    if (ready) {
      if (const auto reason = readiness_.reason_not_ready()) {
        response.status = 503;
        response.body = fmt::format(R"({{"status":"not ready","reason":"{}"}})", *reason);
      }
    }
    if (can_stop) {
      if (const auto needed = readiness_.reason_not_to_stop()) {
        response.status = 503;
        std::vector<unsigned> shards;
        for (const auto shard : needed->shards) shards.push_back(shard.value);
        response.body =
            fmt::format(R"({{"status":"needed","reason":"{}","shards":[{}]}})", needed->reason, fmt::join(shards, ","));
      }
    }
    exchange->respond(std::move(response));
    return true;
  }

 private:
  const Readiness& readiness_;
};

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; color: #1b1f24; background: #fff; }}
code {{ background: #eef1f4; padding: .1em .3em; border-radius: 3px; }}
.state {{ display: inline-block; padding: .1em .6em; border-radius: 1em; color: #fff; background: {colour}; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6e9ec; background: #14171a; }} code {{ background: #262b31; }} a {{ color: #8ab4f8; }} }}
</style>
</head>
<body>
<h1>Parley</h1>
<p>A presence and messaging server runs here, version {version}. It is <span class="state">{state}</span></p>
<ul>
<li>Clients connect to <code>/app/{{key}}</code> with pusher-js or Laravel Echo.</li>
<li>Applications publish to <code>/apps/{{id}}/events</code>, signed.</li>
<li>Health: <a href="health/live">live</a>, <a href="health/ready">ready</a>,
<a href="health/can-stop">can it be stopped</a>.</li>
</ul>
</body>
</html>
)";

class Welcome final : public HttpHandler {
 public:
  Welcome(const Readiness& readiness, std::string version) : readiness_(readiness), version_(std::move(version)) {}

  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override {
    if (request.path != "/") return false;
    if (!readable_method(request, *exchange, "welcome")) return true;
    const auto reason = readiness_.reason_not_ready();
    exchange->respond(
        {.body = fmt::format(kPage, fmt::arg("colour", reason ? "#b3261e" : "#1a7f37"), fmt::arg("version", version_),
                             fmt::arg("state", reason ? "not ready: " + *reason : std::string("ready"))),
         .content_type = "text/html; charset=utf-8",
         .headers = {{"Cache-Control", "no-store"}},
         .route = "welcome"});
    return true;
  }

 private:
  const Readiness& readiness_;
  std::string version_;
};

}  // namespace

std::shared_ptr<HttpHandler> make_health_handler(const Readiness& readiness) {
  return std::make_shared<Health>(readiness);
}
std::shared_ptr<HttpHandler> make_welcome_handler(const Readiness& readiness, std::string version) {
  return std::make_shared<Welcome>(readiness, std::move(version));
}

}  // namespace parley::net

#include "net/http/metrics_handler.h"

namespace parley::net {

namespace {

class MetricsHandler final : public HttpHandler {
 public:
  explicit MetricsHandler(Metrics& metrics) : metrics_(metrics) {}

  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override {
    if (request.path != "/metrics") return false;
    if (request.method != "GET" && request.method != "HEAD") {
      exchange->respond({.status = 405, .content_type = "", .headers = {{"Allow", "GET, HEAD"}}, .route = "metrics"});
      return true;
    }
    exchange->respond(
        {.body = metrics_.text(), .content_type = "text/plain; version=0.0.4; charset=utf-8", .route = "metrics"});
    return true;
  }

 private:
  Metrics& metrics_;
};

}  // namespace

std::shared_ptr<HttpHandler> make_metrics_handler(Metrics& metrics) {
  return std::make_shared<MetricsHandler>(metrics);
}

}  // namespace parley::net

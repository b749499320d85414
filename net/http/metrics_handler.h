#pragma once
// `/metrics` in Prometheus' text format, for the metrics listener.

#include "core/metrics.h"
#include "net/http/handler.h"

#include <memory>

namespace parley::net {

std::shared_ptr<HttpHandler> make_metrics_handler(Metrics& metrics);

}  // namespace parley::net

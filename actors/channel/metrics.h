#pragma once
// Handles of the metrics that all channels of a node share; fetched once, borrowed by each channel.

#include "core/metrics.h"

namespace parley::actors {

struct ChannelMetrics {
  explicit ChannelMetrics(Metrics& metrics);
  Counter published[2][3];  // client_event, durability
  Gauge subscriptions, presence_members;
  Counter pages_read, pages_shared;  // of missed publications
  Counter resumed_complete, resumed_gap, missed_publications, notices_dropped;
  Histogram publish_ack_seconds;
};

}  // namespace parley::actors

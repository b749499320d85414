#include "actors/channel/metrics.h"

namespace parley::actors {

ChannelMetrics::ChannelMetrics(Metrics& metrics)
    : subscriptions(metrics.subscriptions),
      presence_members(metrics.presence_members),
      pages_read(metrics.catch_up_pages("read")),
      pages_shared(metrics.catch_up_pages("shared")),
      resumed_complete(metrics.resumes("complete")),
      resumed_gap(metrics.resumes("gap")),
      missed_publications(metrics.missed_publications),
      notices_dropped(metrics.webhook_events_dropped("channel_notices_waiting")),
      publish_ack_seconds(metrics.publish_ack_seconds) {
  const char* sources[] = {"http", "client"};
  const char* durabilities[] = {"none", "async", "quorum"};
  for (int s = 0; s < 2; ++s) {
    for (int d = 0; d < 3; ++d) published[s][d] = metrics.publishes(sources[s], durabilities[d]);
  }
}

}  // namespace parley::actors

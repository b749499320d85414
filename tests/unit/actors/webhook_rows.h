#pragma once
// Rows of a webhook's queue, and when its tests begin.

#include "actors/webhooks/webhook_queue.h"

#include <vector>

namespace parley::actors {

inline constexpr MonoTime kStart = MonoTime(std::chrono::hours(1));

inline NoticeRef row(std::uint16_t shard, std::uint64_t number) { return {ShardId{shard}, number}; }

inline std::vector<NoticeRef> rows(std::uint16_t shard, std::uint64_t from, std::uint64_t to) {
  std::vector<NoticeRef> all;
  for (auto number = from; number <= to; ++number) all.push_back(row(shard, number));
  return all;
}

}  // namespace parley::actors

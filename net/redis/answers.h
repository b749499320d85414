#pragma once
// The publishes of input.h that the node has not answered yet, and their bound. The input's thread puts
// in, waits for room and forgets what was never answered; whoever answers pushes, on any thread.

#include "actors/gateway.h"
#include "core/clock.h"
#include "core/mutex.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace parley::net {

class RedisAnswers final : public actors::HubInbox {
 public:
  struct Bounds {
    std::size_t publishes = 0;
    std::size_t bytes = 0;
  };
  // Told once for each that was put in: no error when it was published. On the thread that answers.
  explicit RedisAnswers(std::function<void(const std::optional<Error>&)> told) : told_(std::move(told)) {}

  void push(actors::HubMessage message) override;

  // One publish more: the ticket that its answer carries.
  std::uint64_t put(std::size_t bytes, MonoTime now);
  // False: there is none after that time, or close() was called.
  bool wait_for_room(Bounds bounds, milliseconds patience);
  // Those that were put in before this are told to have timed out.
  void expire(MonoTime before);
  void close();  // nobody waits any longer
  [[nodiscard]] std::size_t size() const;

 private:
  struct Waiting {
    MonoTime since;
    std::size_t bytes;
  };
  [[nodiscard]] bool has_room(Bounds bounds) const PARLEY_REQUIRES(mutex_);

  const std::function<void(const std::optional<Error>&)> told_;
  mutable Mutex mutex_;  // a leaf
  CondVar changed_;
  std::map<std::uint64_t, Waiting> waiting_ PARLEY_GUARDED_BY(mutex_);  // by ticket: the oldest first
  std::size_t bytes_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_ticket_ PARLEY_GUARDED_BY(mutex_) = 0;
  bool closed_ PARLEY_GUARDED_BY(mutex_) = false;
};

}  // namespace parley::net

#pragma once
// How many clients are connected, to the node and from one address. Thread-safe.

#include "core/limits.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace parley::net {

class ConnectionCounts {
 public:
  // A counted connection; gives its place back when it goes.
  class Place {
   public:
    Place() = default;
    Place(ConnectionCounts& counts, std::string address) : counts_(&counts), address_(std::move(address)) {}
    Place(Place&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), address_(std::move(other.address_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(counts_, other.counts_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Place() {
      if (counts_ != nullptr) counts_->give_back(address_);
    }
    [[nodiscard]] bool granted() const { return counts_ != nullptr; }

   private:
    ConnectionCounts* counts_ = nullptr;
    std::string address_;  // empty: addresses were not limited when it came
  };

  // Not granted: the node or the address has as many as it may.
  Place take(std::string_view address, const NodeLimits& limits);
  [[nodiscard]] std::size_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  void give_back(const std::string& address);

  std::atomic<std::size_t> total_{0};
  std::mutex mutex_;  // guards the map; leaf; taken only while addresses are limited
  std::map<std::string, std::size_t, std::less<>> by_address_;
};

}  // namespace parley::net

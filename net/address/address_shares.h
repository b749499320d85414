#pragma once
// What clients have of the node, and of it what one address has: places of connected clients, HTTP connections,
// sessions that are opening, clients connecting in a second, bytes of HTTP. No address takes what all others need.
//
// IPv6 addresses count by their /64: that is what one customer or host is given. An empty address is nobody's: it is
// counted for the node alone. One for each listener; thread-safe. An address is remembered while it has something, and
// a little longer for its rate; kAddressesIdleMax bounds those.

#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "net/address/address.h"
#include "net/address/paced.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace parley::net {

class AddressShares {
 public:
  static constexpr std::size_t kAddressesIdleMax = 16'384;
  static constexpr std::size_t kBurstSeconds = 5;         // what of the rate may come at once
  static constexpr std::size_t kBytesCountedFrom = 4096;  // less is not worth a lock; connections are bounded

  enum class Kind : std::uint8_t {
    client,   // connected: a WebSocket, or a polling session whose client came back
    opening,  // a polling session that nobody has come back to
    http,     // a connection that is no WebSocket
  };

  // Something counted; it is given back when this goes.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : shares_(std::exchange(other.shares_, nullptr)), key_(other.key_), kind_(other.kind_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(shares_, other.shares_);
      std::swap(key_, other.key_);
      std::swap(kind_, other.kind_);
      return *this;
    }
    ~Place() {
      if (shares_ != nullptr) shares_->give_back(key_, kind_);
    }
    [[nodiscard]] bool granted() const { return shares_ != nullptr; }
    [[nodiscard]] Kind kind() const { return kind_; }
    // An opening session becomes a client. False: there is no place for it; this one stays what it is.
    bool become_client(const NodeLimits& limits, MonoTime now);

   private:
    friend class AddressShares;
    Place(AddressShares& shares, const Address& key, Kind kind) : shares_(&shares), key_(key), kind_(kind) {}

    AddressShares* shares_ = nullptr;
    Address key_;
    Kind kind_ = Kind::client;
  };

  // Bytes that one connection holds, of its address's share and of the node's.
  class Bytes {
   public:
    Bytes(AddressShares& shares, std::string_view address) : shares_(&shares), key_(key_of(address)) {}
    Bytes(Bytes&& other) noexcept
        : shares_(std::exchange(other.shares_, nullptr)), key_(other.key_), counted_(other.counted_) {}
    Bytes& operator=(Bytes&&) = delete;
    ~Bytes() { hold(0); }
    // False: that is more than there is; nothing has changed.
    bool ask(std::size_t bytes, const NodeLimits& limits, MonoTime now);
    void hold(std::size_t bytes);  // what is there already, whatever the bounds

   private:
    AddressShares* shares_;  // null: moved from
    Address key_;
    std::size_t counted_ = 0;
  };

  void report_to(Metrics& metrics) { metrics_ = &metrics; }  // once, before all else

  // Not granted: the node or the address has as much as it may.
  Place take(Kind kind, std::string_view address, const NodeLimits& limits, MonoTime now);
  // An HTTP connection of all that the listener takes: an address has half of them at most.
  Place take_http(std::string_view address, const NodeLimits& limits, std::size_t capacity, MonoTime now);

  [[nodiscard]] std::size_t clients() const { return clients_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t opening() const { return opening_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t http_bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t addresses() const;

 private:
  struct Entry {
    std::array<std::uint32_t, 3> places{};  // by Kind
    std::size_t bytes = 0;
    double opens = 0;  // how many of the burst are used up
    MonoTime opens_at;
    [[nodiscard]] bool holds_nothing() const { return places == std::array<std::uint32_t, 3>{} && bytes == 0; }
  };
  struct KeyHash {
    std::size_t operator()(const Address& key) const;
  };

  static Address key_of(std::string_view address);
  std::atomic<std::size_t>* total_of(Kind kind);
  bool take_of_node(Kind kind, const NodeLimits& limits);
  bool take_of_address(Kind kind, const Address& key, const NodeLimits& limits, std::size_t most, bool opens,
                       MonoTime now);
  void give_back(const Address& key, Kind kind);
  Entry& entry(const Address& key) PARLEY_REQUIRES(mutex_);
  void left(const Address& key, Entry& entry) PARLEY_REQUIRES(mutex_);
  void forget_idle() PARLEY_REQUIRES(mutex_);
  bool take_open(Entry& entry, std::uint32_t rate, MonoTime now) const;
  void refused(std::string_view kind, const Address& key, MonoTime now);

  Metrics* metrics_ = nullptr;
  std::atomic<std::size_t> clients_{0};
  std::atomic<std::size_t> opening_{0};
  std::atomic<std::size_t> bytes_{0};
  Paced warning_;
  mutable Mutex mutex_;  // a leaf
  std::unordered_map<Address, Entry, KeyHash> by_address_ PARLEY_GUARDED_BY(mutex_);
  std::size_t idle_ PARLEY_GUARDED_BY(mutex_) = 0;  // entries that hold nothing
};

}  // namespace parley::net

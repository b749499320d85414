#pragma once
// What signed, state-changing HTTP requests were accepted lately, so that a captured one cannot be
// used again inside the signature window; and which idempotency keys they carried.
//
// For a few seconds after it was first seen a signature may pass again: stock SDKs stamp whole seconds, so that two
// equal requests of one second carry one signature. Uses within that time do not prolong it.
//
// Bounded: when it is full the oldest second is forgotten, and from then on nothing signed in that
// second or before is accepted, since it could not be told from a replay. Memory only: after a restart
// durable channels still refuse by Publish::once, ephemeral ones cannot know. Thread-safe.

#include "core/clock.h"
#include "core/mutex.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace parley::net {

class ReplayGuard {
 public:
  enum class Verdict : std::uint8_t {
    fresh,    // remembered now
    again,    // seen before, but so lately that it passes
    seen,     // a replay
    too_old,  // signed in a time that is forgotten already
  };
  struct Bounds {
    std::size_t signatures_max;
    std::chrono::seconds window;
    std::chrono::seconds repeat{0};  // after the first use; 0: no second one passes
  };
  // What an idempotency key is remembered under. Its parts are compared one by one and never joined: whatever stands in
  // them, one cannot pose as another.
  struct KeyName {
    std::string app;
    std::string_view scope;  // a literal: core/command.h
    std::string key;
    std::string channel;  // empty: that the application used the key, wherever
    bool operator==(const KeyName&) const = default;
  };

  Verdict take(std::string_view signature_hex, std::int64_t timestamp_seconds, WallTime now, Bounds bounds);
  // A request that passed was refused before it did anything: the same one may come again, unless another use of its
  // signature did something.
  void forget(std::string_view signature_hex, std::int64_t timestamp_seconds);

  // True: new, and remembered for the window. False: known.
  bool take_key(const KeyName& key, WallTime now, Bounds bounds);
  void forget_key(const KeyName& key);
  [[nodiscard]] bool knows_key(const KeyName& key, WallTime now, Bounds bounds) const;
  [[nodiscard]] std::size_t size() const;

 private:
  // Half of the signature tells two requests apart: nobody without the secret can choose it.
  using Digest = std::array<std::uint64_t, 2>;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept { return digest[0]; }
  };
  struct Use {
    WallTime first;
    std::uint32_t count = 0;
  };
  struct KeyHash {
    std::size_t operator()(const KeyName& name) const noexcept;
  };
  struct Key {
    WallTime time;
    std::uint64_t number;
  };
  static Digest digest(std::string_view signature_hex);

  mutable Mutex mutex_;  // a leaf
  std::map<std::int64_t, std::unordered_map<Digest, Use, DigestHash>> seconds_ PARLEY_GUARDED_BY(mutex_);
  std::size_t count_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::int64_t forgotten_until_ PARLEY_GUARDED_BY(mutex_) = std::numeric_limits<std::int64_t>::min();
  std::unordered_map<KeyName, Key, KeyHash> keys_ PARLEY_GUARDED_BY(mutex_);
  std::deque<std::pair<std::uint64_t, KeyName>> key_order_
      PARLEY_GUARDED_BY(mutex_);  // oldest first; may name keys that were forgotten
  std::uint64_t next_key_ PARLEY_GUARDED_BY(mutex_) = 1;
};

}  // namespace parley::net

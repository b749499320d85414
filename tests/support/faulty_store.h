#pragma once
// A Store in memory with a bad disk: fails the Nth write, and forgets on a crash what was not synced.
//
// A failed write may have left its bytes or not (`Failure`), as a real one; after it, every write
// fails until recover(). Reads keep working. Thread-safe as the contract in storage/store.h asks.

#include "storage/memory_store.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

namespace parley::testing {

class FaultyStore final : public storage::Store {
 public:
  enum class Failure { nothing_written, all_written };

  // The Nth write from now (1: the next one) fails; 0: none does.
  void fail_write(std::size_t nth, Failure failure = Failure::nothing_written) {
    std::unique_lock lock(mutex_);
    fail_in_ = nth;
    failure_ = failure;
  }
  void fail_recoveries(std::size_t count) {
    std::unique_lock lock(mutex_);
    recoveries_to_fail_ = count;
  }
  // What lies below is gone, or back.
  void lose(bool lost) {
    std::unique_lock lock(mutex_);
    lost_ = lost;
  }
  void fail_reads(bool fail) {
    std::unique_lock lock(mutex_);
    reads_fail_ = fail;
  }
  // Power loss and restart: what was not synced is gone, except its first `kept` writes.
  void crash(std::size_t kept = 0) {
    std::unique_lock lock(mutex_);
    for (std::size_t i = 0; i < kept && i < unsynced_.size(); ++i)
      (void)durable_->write(unsynced_[i], storage::Sync::yes);
    unsynced_.clear();
    visible_ = copy(*durable_);
    failed_ = false;
    ++*openings_;
    fail_in_ = 0;
  }
  [[nodiscard]] std::size_t writes() const {
    std::shared_lock lock(mutex_);
    return writes_;
  }
  [[nodiscard]] std::size_t synced_writes() const {
    std::shared_lock lock(mutex_);
    return synced_writes_;
  }
  [[nodiscard]] std::size_t unsynced_writes() const {
    std::shared_lock lock(mutex_);
    return unsynced_.size();
  }
  [[nodiscard]] std::size_t recoveries() const {
    std::shared_lock lock(mutex_);
    return recoveries_;
  }

  Status write(const storage::WriteBatch& batch, storage::Sync sync) override {
    std::unique_lock lock(mutex_);
    if (failed_) return refused();
    ++writes_;
    const bool fails = fail_in_ > 0 && --fail_in_ == 0;
    if (fails && failure_ == Failure::nothing_written) {
      failed_ = true;
      return refused();
    }
    (void)visible_->write(batch, sync);
    unsynced_.push_back(batch);
    if (fails) {
      failed_ = true;
      return refused();
    }
    if (sync == storage::Sync::yes) {
      ++synced_writes_;
      for (const auto& one : unsynced_) (void)durable_->write(one, sync);
      unsynced_.clear();
    }
    return {};
  }
  Result<std::optional<std::string>> get(storage::Family family, std::string_view key) const override {
    std::shared_lock lock(mutex_);
    if (reads_fail_) return refused();
    return visible_->get(family, key);
  }
  Status scan(storage::Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
              const storage::Visitor& visit) const override {
    std::shared_lock lock(mutex_);
    if (reads_fail_) return refused();
    return visible_->scan(family, from, to, order, visit);
  }
  // Ends with a recovery or a crash, as that of a store on disk does.
  Result<std::unique_ptr<storage::StoreView>> view() const override {
    std::shared_lock lock(mutex_);
    if (reads_fail_) return refused();
    auto below = visible_->view();
    if (!below) return below.error();
    return std::unique_ptr<storage::StoreView>(std::make_unique<View>(std::move(*below), openings_));
  }
  std::uint64_t approximate_bytes(storage::Family family, std::string_view from, std::string_view to) const override {
    std::shared_lock lock(mutex_);
    return visible_->approximate_bytes(family, from, to);
  }
  Status check() const override {
    std::shared_lock lock(mutex_);
    return lost_ ? Status(refused()) : Status();
  }
  Status recover() override {
    std::unique_lock lock(mutex_);
    ++recoveries_;
    if (lost_) return refused();
    if (recoveries_to_fail_ > 0) {
      --recoveries_to_fail_;
      return refused();
    }
    failed_ = false;
    ++*openings_;
    return {};
  }
  std::uint64_t size_bytes() const override {
    std::shared_lock lock(mutex_);
    return visible_->size_bytes();
  }

 private:
  using Openings = std::shared_ptr<std::atomic<std::uint64_t>>;
  class View final : public storage::StoreView {
   public:
    View(std::unique_ptr<storage::StoreView> below, Openings openings)
        : below_(std::move(below)), openings_(std::move(openings)), opening_(*openings_) {}
    Result<std::optional<std::string>> get(storage::Family family, std::string_view key) const override {
      if (*openings_ != opening_) return refused();
      return below_->get(family, key);
    }
    Status scan(storage::Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
                const storage::Visitor& visit) const override {
      if (*openings_ != opening_) return refused();
      return below_->scan(family, from, to, order, visit);
    }

   private:
    std::unique_ptr<storage::StoreView> below_;
    Openings openings_;
    std::uint64_t opening_;
  };

  static Error refused() { return make_error(Errc::storage_unavailable, "the disk of this test is broken"); }
  static std::unique_ptr<storage::MemoryStore> copy(const storage::MemoryStore& from) {
    storage::WriteBatch batch;
    for (std::size_t i = 0; i < storage::kFamilyCount; ++i) {
      const auto family = static_cast<storage::Family>(i);
      (void)from.scan(family, {}, "\xff\xff\xff", storage::ScanOrder::forward,
                      [&](std::string_view key, std::string_view value) {
                        batch.put(family, std::string(key), std::string(value));
                        return storage::Visit::go_on;
                      });
    }
    auto to = std::make_unique<storage::MemoryStore>();
    (void)to->write(batch, storage::Sync::yes);
    return to;
  }

  mutable std::shared_mutex mutex_;  // guards all below
  std::unique_ptr<storage::MemoryStore> durable_ = std::make_unique<storage::MemoryStore>();
  std::unique_ptr<storage::MemoryStore> visible_ = std::make_unique<storage::MemoryStore>();
  std::vector<storage::WriteBatch> unsynced_;
  std::size_t fail_in_ = 0;
  Failure failure_ = Failure::nothing_written;
  std::size_t recoveries_to_fail_ = 0;
  bool reads_fail_ = false;
  bool lost_ = false;
  bool failed_ = false;
  std::size_t writes_ = 0;
  std::size_t synced_writes_ = 0;
  std::size_t recoveries_ = 0;
  Openings openings_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace parley::testing

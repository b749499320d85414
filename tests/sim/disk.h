#pragma once
// A Store in memory on a bad disk: forgets at a crash what was not synced (keeping some of it, always
// a prefix), fails for a while and then recovers. A failed write may have left its
// bytes or not. What a recovery finds of unsynced writes is a prefix too: a failed sync loses pages.
// One thread; belongs to the world and outlives its nodes.

#include "storage/store.h"
#include "tests/sim/plan.h"
#include "tests/sim/scheduler.h"

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_set>

namespace parley::sim {

class Disk final : public storage::Store {
 public:
  Disk(Scheduler& scheduler, const Plan& plan) : scheduler_(scheduler), plan_(plan) {}

  Status write(const storage::WriteBatch& batch, storage::Sync sync) override;
  Result<std::optional<std::string>> get(storage::Family family, std::string_view key) const override;
  Status scan(storage::Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
              const storage::Visitor& visit) const override;
  // Ends with a recovery or a crash, as that of a store on disk does.
  Result<std::unique_ptr<storage::StoreView>> view() const override;
  std::uint64_t approximate_bytes(storage::Family, std::string_view, std::string_view) const override { return 0; }
  Status recover() override;
  std::uint64_t size_bytes() const override { return 0; }

  void break_until(MonoTime until, bool reads_too);
  void crash();
  // Would the publication with this message survive a crash now?
  [[nodiscard]] bool synced(const std::string& message) const { return synced_.contains(message); }
  // How often unsynced writes were lost: what hung on them may be older than it was.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }
  // When a write was last refused, or the disk recovered or crashed: the outcome of what was on its way is unknown.
  [[nodiscard]] WallTime last_trouble() const { return last_trouble_; }

 private:
  class View;
  using Table = std::map<std::string, std::string, std::less<>>;
  using Tables = std::array<Table, storage::kFamilyCount>;

  static Status scan(const Table& table, std::string_view from, std::string_view to, storage::ScanOrder order,
                     const storage::Visitor& visit);
  static void apply(Tables& tables, const storage::WriteBatch& batch);
  void sync_all();
  void keep_some(std::deque<storage::WriteBatch> candidates);
  Error refuse_write();
  [[nodiscard]] bool broken() const { return scheduler_.now() < broken_until_; }

  Scheduler& scheduler_;
  const Plan& plan_;
  Tables visible_;
  Tables durable_;
  Tables durable_before_;  // the last sync: for Bug::crash_loses_synced only
  std::deque<storage::WriteBatch> unsynced_;
  std::unordered_set<std::string> synced_;
  MonoTime broken_until_{};
  bool reads_fail_ = false;
  bool failed_ = false;         // until recover()
  std::uint64_t openings_ = 0;  // recoveries and crashes so far
  std::uint64_t losses_ = 0;
  WallTime last_trouble_;
};

// A publication's message: its data without the quotes of a client event's JSON.
std::string message_of(std::string_view data);

}  // namespace parley::sim

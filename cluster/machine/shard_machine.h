#pragma once
// What a shard's committed commands do: the same on every replica, for ever. It reads no clock and no
// random number and walks no unordered container; its state is what the store says, whatever was
// cached and however the entries were grouped into batches.
//
// apply() decides and remembers the writes; take_writes() gives them, with the applied index, as one
// batch that the caller writes before it tells anyone the effects. Reading the store is allowed here.
// Owned by the shard's host; log thread only.

#include "cluster/machine/cursor_table.h"
#include "cluster/machine/meta_cache.h"
#include "cluster/machine/notice_table.h"
#include "cluster/machine/remembered_table.h"
#include "cluster/machine/session_table.h"
#include "core/command.h"
#include "storage/pending_writes.h"

namespace parley::cluster {

// Of entries that were written before they said it themselves.
struct MachineConfig {
  seconds idempotency_window{600};
  std::size_t idempotency_keys_max = 100'000;
  seconds cursor_lifetime{86'400};
  std::size_t cursors_per_channel_max = 10'000;
  std::size_t metas_cached_max = 4'096;
};

// A TrimHistory removes at most this many; who proposed it looks whether more is due.
inline constexpr std::uint64_t kTrimCommandMax = 8'192;

class ShardMachine {
 public:
  ShardMachine(ShardId shard, MachineConfig config, const storage::Store& store);

  // Reads the applied index and the remembered keys. At the start, and again after apply() failed or
  // a batch was not written: until then the machine is ahead of the store.
  // `applied`: that index, for a state that was put there by others and whose index is not written yet.
  Status load(std::optional<LogIndex> applied = std::nullopt);
  [[nodiscard]] LogIndex applied() const { return applied_; }

  // What was told and not synced may be lost: channels with such a tail have another epoch from here on. After
  // load() and the replay that follows it; to be written, synced, before anything is proposed.
  void begin_lineage();
  // Whether the next take_writes() must be synced before its effects are told. Asking clears it.
  bool must_sync() { return std::exchange(must_sync_, false); }

  // Entries come in order, each once. Fails only when the store cannot be read. `bounds`: as the entry says; what it
  // does not say is as configured here.
  Result<std::vector<Effect>> apply(LogIndex index, std::vector<Command> commands, const MachineBounds& bounds = {});
  void take_writes(storage::WriteBatch& batch);
  // Publications that retention removed since the last call.
  std::uint64_t take_trimmed() { return std::exchange(trimmed_, 0); }
  [[nodiscard]] std::size_t kept_sessions() const { return sessions_.size(); }
  [[nodiscard]] std::uint64_t kept_session_bytes() const { return sessions_.bytes(); }
  std::uint64_t take_evicted_sessions() { return sessions_.take_evicted(); }
  [[nodiscard]] std::uint64_t cursor_bytes() const { return cursors_.bytes(); }
  std::uint64_t take_forgotten_cursors() { return cursors_.take_forgotten(); }

 private:
  using What = decltype(Effect::what);
  using Meta = schemas::ChannelMeta;

  Result<What> run(const ChannelKey& channel, WallTime time, AppendPublication&& command);
  Result<What> run(const ChannelKey& channel, WallTime time, RemovePublication&& command);
  Result<What> run(const ChannelKey& channel, WallTime time, RemoveHistory&& command);
  Result<What> run(const ChannelKey& channel, WallTime time, TrimHistory&& command);
  Result<What> run(const ChannelKey& channel, WallTime time, SaveCursors&& command);
  // In shard_machine_people.cpp.
  Result<What> run(const ChannelKey& channel, WallTime time, SaveNotices&& command);
  Result<What> run(const ChannelKey& place, WallTime time, SaveUser&& command);
  Result<What> run(const ChannelKey& place, WallTime time, SaveMember&& command);
  Result<What> run(const ChannelKey& channel, WallTime time, SettleNotices&& command);
  Result<What> run(const ChannelKey& place, WallTime time, SaveSession&& command);
  Result<What> run(const ChannelKey& place, WallTime time, ClaimSession&& command);
  Result<What> run(const ChannelKey& place, WallTime time, ForgetSession&& command);

  // In shard_machine_cursors.cpp.
  Status save_cursor(const ChannelKey& channel, Meta& meta, const SaveCursors::Cursor& cursor, WallTime time);
  Status drop_cursors(const ChannelKey& channel, Meta& meta, WallTime now, const CursorBounds& bounds);
  Status drop_surplus(const CursorBounds& bounds, WallTime now);
  void forget(const StoredCursor& cursor, Meta& meta, WallTime now);

  ShardId shard_;
  MachineConfig config_;
  MachineBounds bounds_;  // of the entry that is applied
  const storage::Store& store_;
  storage::PendingWrites writes_;
  MetaCache metas_;
  RememberedTable remembered_;
  NoticeTable notices_;
  SessionTable sessions_;
  CursorTable cursors_;
  LogIndex applied_;
  bool applied_changed_ = false;
  std::uint64_t lineage_ = 0;
  bool lineage_changed_ = false;
  bool must_sync_ = false;
  std::uint64_t trimmed_ = 0;
};

}  // namespace parley::cluster

#pragma once
// A store with shards in it, and what is where; for tests of copying one of them.

#include "cluster/snapshots/snapshot_rows.h"
#include "core/random.h"
#include "schemas/snapshot.h"
#include "storage/keys.h"
#include "storage/rocks_store.h"
#include "storage/store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <utility>

namespace parley::cluster::snapshots::testing {

using storage::Family;
using storage::Sync;
using storage::WriteBatch;
namespace keys = storage::keys;

inline constexpr ShardId kShard{3};
inline constexpr ReplicaId kSource{11};
inline constexpr ReplicaId kTarget{22};

using Rows = std::map<std::pair<Family, std::string>, std::string>;

template <class Readable>
Rows rows_between(const Readable& from, const std::string& begin, const std::string& end) {
  Rows rows;
  for (const auto family : {Family::log, Family::history, Family::state}) {
    EXPECT_TRUE(from.scan(family, begin, end, storage::ScanOrder::forward,
                          [&](auto key, auto value) {
                            rows.emplace(std::pair(family, std::string(key)), value);
                            return storage::Visit::go_on;
                          })
                    .ok());
  }
  return rows;
}
template <class Readable>
Rows rows_of(const Readable& from, ShardId shard) {
  const auto range = keys::of_shard(shard);
  return rows_between(from, range.from, range.to);
}
// What is to travel.
template <class Readable>
Rows state_of(const Readable& from, ShardId shard = kShard) {
  auto rows = rows_of(from, shard);
  std::erase_if(rows, [&](const auto& row) {
    return row.first.first == Family::log ||
           (row.first.first == Family::state && is_replicas_own(shard, row.first.second));
  });
  return rows;
}
// All that no restore of `shard` may touch.
template <class Readable>
Rows others(const Readable& from, ShardId shard = kShard) {
  auto rows = rows_between(from, "", "\xff\xff\xff");
  const auto state = state_of(from, shard);
  std::erase_if(rows, [&](const auto& row) {
    return state.contains(row.first) || row.first.second == keys::restoring(shard) ||
           row.first.second == keys::applied(shard);
  });
  return rows;
}

inline std::string key_of(ShardId shard, std::string_view rest) {
  return keys::of_shard(shard).from + std::string(rest);
}
inline std::string noise(SeededRandom& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

inline void write(storage::Store& store, const WriteBatch& batch) { ASSERT_TRUE(store.write(batch, Sync::no).ok()); }

// What every replica has beside its state.
inline void put_own(storage::Store& store, ShardId shard, LogIndex applied, std::string_view who) {
  WriteBatch batch;
  batch.put(Family::state, keys::applied(shard), keys::number(applied.value));
  batch.put(Family::state, keys::membership(shard), "members as " + std::string(who) + " knows them");
  batch.put(Family::log, keys::replica_head(shard), "head of " + std::string(who));
  for (std::uint64_t i = 1; i < 9; ++i) batch.put(Family::log, keys::replica_entry(shard, LogIndex{i}), "an entry");
  write(store, batch);
}

inline RaftMessage message_with(std::string offer, LogIndex index, Term term = Term{5}) {
  RaftMessage message;
  message.kind = RaftKind::snapshot;
  message.to = kTarget;
  message.from = kSource;
  message.term = term;
  message.snapshot = {index, term, {{kSource, kTarget}, {}, {}, {}, false}, std::move(offer)};
  return message;
}

}  // namespace parley::cluster::snapshots::testing

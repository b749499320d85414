#pragma once
// How RocksDB is set up: what it holds in memory and on the disk beyond what is kept. For rocks_store.cpp alone. Pure.

#include "storage/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <memory>

namespace parley::storage {

rocksdb::DBOptions db_options();
rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace parley::storage

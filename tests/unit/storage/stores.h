#pragma once
// The stores that are held to one contract, each with what it needs.

#include "storage/memory_store.h"
#include "storage/rocks_store.h"
#include "tests/support/faulty_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace parley::storage::testing {

using parley::testing::FaultyStore;

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Memory {
  MemoryStore own;
  Store& store() { return own; }
};
struct Faulty {
  FaultyStore own;
  Store& store() { return own; }
};
struct Rocks {
  Directory directory;
  std::unique_ptr<RocksStore> own = RocksStore::open(directory.path()).value();
  Store& store() { return *own; }
};

using Worlds = ::testing::Types<Memory, Rocks, Faulty>;

}  // namespace parley::storage::testing

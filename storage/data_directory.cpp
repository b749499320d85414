#include "storage/data_directory.h"

#include <fmt/format.h>

#include <filesystem>

namespace parley::storage {
namespace {

// RocksDB would make a new database where CURRENT is missing, beside the tables of the old one.
bool looks_like_remains(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::exists(path / "CURRENT", failure)) return false;
  for (const auto& file : std::filesystem::directory_iterator(path, failure)) {
    const auto name = file.path().filename().string();
    if (name.ends_with(".sst") || name.starts_with("MANIFEST")) return true;
  }
  return false;
}

}  // namespace

Status prepare_directory(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) {
    return make_error(Errc::io, fmt::format("data directory {} cannot be made: {}", path, failure.message()));
  }
  std::filesystem::directory_iterator(path, failure);
  if (failure) {
    return make_error(Errc::io, fmt::format("data directory {} cannot be read: {}", path, failure.message()));
  }
  if (looks_like_remains(path)) {
    return make_error(Errc::corrupt, fmt::format("data directory {} has tables but no CURRENT file: parts of it were "
                                                 "lost; restore it from a backup or choose another directory",
                                                 path));
  }
  return {};
}

std::optional<DirectoryPlace> place_of(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return std::nullopt;
  return DirectoryPlace{about.st_dev, about.st_ino};
}

}  // namespace parley::storage

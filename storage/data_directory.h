#pragma once
// The directory that a store lies in: whether it can be used, and which one it is, whatever its name points to by now.

#include "core/result.h"

#include <optional>
#include <string>

#include <sys/stat.h>

namespace parley::storage {

// Makes it where it is missing. An Error says in a sentence why it cannot be used.
Status prepare_directory(const std::string& path);

// A directory, or a file, by what it is and not by its name.
struct DirectoryPlace {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const DirectoryPlace&) const = default;
};
std::optional<DirectoryPlace> place_of(const std::string& path);

}  // namespace parley::storage

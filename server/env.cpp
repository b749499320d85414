#include "server/env.h"

#include <fstream>

namespace parley::server {

std::string this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace parley::server

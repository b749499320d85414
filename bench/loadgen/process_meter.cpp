#include "bench/loadgen/process_meter.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace loadgen {
namespace {

struct Stat {
  pid_t parent = 0;
  double cpu_seconds = 0;
  std::uint64_t rss_bytes = 0;
};

bool read_stat(pid_t pid, Stat& out) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  char text[2048];
  const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[size] = '\0';
  // The command name may hold spaces and parentheses; the last ')' ends it.
  const char* rest = std::strrchr(text, ')');
  if (rest == nullptr) return false;
  unsigned long utime = 0;
  unsigned long stime = 0;
  long cutime = 0;
  long cstime = 0;
  long rss_pages = 0;
  const int fields =
      std::sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %*d %*d %*u %*u %ld",
                  &out.parent, &utime, &stime, &cutime, &cstime, &rss_pages);
  if (fields != 6) return false;
  // A child's time moves to its parent's cutime when it is reaped, so the sum over a tree stays true.
  const double ticks = static_cast<double>(utime + stime) + static_cast<double>(cutime + cstime);
  out.cpu_seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  out.rss_bytes = static_cast<std::uint64_t>(rss_pages) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return true;
}

std::unordered_map<pid_t, Stat> all_processes() {
  std::unordered_map<pid_t, Stat> found;
  DIR* dir = opendir("/proc");
  if (dir == nullptr) return found;
  while (const dirent* entry = readdir(dir)) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto [stop, error] = std::from_chars(entry->d_name, end, pid);
    Stat stat;
    if (error == std::errc{} && stop == end && read_stat(pid, stat)) found.emplace(pid, stat);
  }
  closedir(dir);
  return found;
}

}  // namespace

Usage ProcessMeter::read() const {
  Usage usage;
  if (!enabled()) return usage;
  const auto processes = all_processes();
  if (!processes.contains(pid_)) {
    throw std::runtime_error("the measured process " + std::to_string(pid_) + " is gone");
  }
  std::unordered_multimap<pid_t, pid_t> children;
  for (const auto& [pid, stat] : processes) children.emplace(stat.parent, pid);
  std::vector<pid_t> todo{pid_};
  while (!todo.empty()) {
    const pid_t pid = todo.back();
    todo.pop_back();
    const Stat& stat = processes.at(pid);
    usage.cpu_seconds += stat.cpu_seconds;
    usage.rss_bytes += stat.rss_bytes;
    const auto [first, last] = children.equal_range(pid);
    for (auto child = first; child != last; ++child) todo.push_back(child->second);
  }
  return usage;
}

}  // namespace loadgen

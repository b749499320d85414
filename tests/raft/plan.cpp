#include "tests/raft/plan.h"

#include <array>

namespace parley::raft {
namespace {

thread_local Bug g_bug = Bug::none;

//                    name     v  s  lat  lost dbl late order disk stall crash  cut  trans change wipe  s
constexpr std::array<Profile, 11> kProfiles{{
    {"mild3", 3, 2, 10, 10, 0, 0, false, 3, 0, 6000, 6000, 0, 0, 0, 12},
    {"harsh3", 3, 2, 60, 200, 50, 20, false, 30, 0, 1500, 1500, 700, 0, 0, 12},
    {"order3", 3, 1, 30, 50, 0, 0, true, 20, 0, 1000, 1500, 700, 0, 0, 12},
    {"harsh5", 5, 1, 40, 100, 50, 20, false, 20, 0, 1000, 1200, 700, 0, 0, 12},
    {"churn3", 3, 2, 30, 50, 30, 10, false, 15, 0, 2000, 2000, 900, 300, 2000, 15},
    {"churn5", 5, 1, 40, 100, 50, 20, false, 30, 0, 1200, 1500, 900, 300, 2000, 15},
    {"single", 1, 3, 30, 50, 30, 10, false, 15, 0, 2500, 2500, 1500, 400, 0, 15},
    {"stall3", 3, 1, 20, 30, 20, 10, false, 25, 10, 2500, 2500, 900, 500, 2000, 15},
    {"solo", 1, 1, 20, 20, 20, 0, false, 250, 0, 450, 4000, 0, 700, 0, 15},
    {"late3", 3, 1, 100, 100, 100, 100, false, 20, 0, 1500, 1500, 700, 0, 0, 12},
    {"wiped3", 3, 2, 20, 20, 10, 0, false, 10, 0, 4000, 4000, 3000, 400, 1000, 15},
}};

}  // namespace

std::string_view to_text(Bug bug) {
  switch (bug) {
#define PARLEY_RAFT_BUG(name) \
  case Bug::name:             \
    return #name;
    PARLEY_RAFT_BUGS(PARLEY_RAFT_BUG)
#undef PARLEY_RAFT_BUG
    case Bug::none:
    case Bug::kCount:
      break;
  }
  return "none";
}

void plant(Bug bug) { g_bug = bug; }
bool planted(Bug bug) { return g_bug == bug; }

std::span<const Profile> profiles() { return kProfiles; }

const Profile* profile(std::string_view name) {
  for (const auto& one : kProfiles) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace parley::raft

#include "cluster/membership/founding.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

bool has_id(const Charter& charter) { return charter.cluster.value != 0; }

// Whether `a` is the better candidate.
bool before(bool a_data, const NodeAddress& a, bool b_data, const NodeAddress& b) {
  return a_data != b_data ? a_data : a < b;
}

std::string possession(const Charter& charter) {
  const auto* data = charter.data ? "holds data" : "holds no data";
  if (!has_id(charter)) return fmt::format("is of no cluster yet and {}", data);
  return fmt::format("is of cluster {} and {}", id_text(charter.cluster), data);
}

}  // namespace

Meeting meet(const Charter& ours, const Charter& theirs) {
  if (ours.cluster == theirs.cluster) {
    return !has_id(ours) && ours.data && theirs.data ? Meeting::refuse : Meeting::together;
  }
  if (ours.data && theirs.data) return Meeting::refuse;
  // Data without an id is a cluster that nobody has named yet: it cannot become part of one that exists.
  if (!has_id(ours)) return ours.data ? Meeting::refuse : Meeting::go_over;
  if (!has_id(theirs)) return theirs.data ? Meeting::refuse : Meeting::take_in;
  if (ours.data != theirs.data) return ours.data ? Meeting::take_in : Meeting::go_over;
  return ours.cluster < theirs.cluster ? Meeting::take_in : Meeting::go_over;
}

std::string refusal(std::string_view our_name, const Charter& ours, std::string_view their_name,
                    const Charter& theirs) {
  return fmt::format(
      "this node, {}, {}; {} {}: clusters are not merged. Take the node that is wrong here out of cluster.join, or "
      "start it with an empty data directory",
      our_name, possession(ours), their_name, possession(theirs));
}

Founding::Founding(NodeAddress self, Charter own) : self_(self), own_(own) {
  own_.backs = {};
  own_.round = 0;
}

bool Founding::step(const std::vector<Other>& others, Random& random) {
  if (take_over(others)) return true;
  if (has_id(own_)) {
    const auto has_data = [this](const Other& other) {
      return other.charter.cluster == own_.cluster && other.charter.data;
    };
    if (own_.data || std::none_of(others.begin(), others.end(), has_data)) return false;
    own_.data = true;  // the cluster has it: it does not give way any more
    return true;
  }
  if (follow_or_run(others)) return true;
  if (own_.backs != self_) return false;
  const auto backs_this = [this](const Other& other) {
    return !has_id(other.charter) && other.charter.backs == self_ && other.charter.round == own_.round;
  };
  const auto backers = 1 + std::count_if(others.begin(), others.end(), backs_this);
  if (backers < std::max<std::int64_t>(1, own_.expect)) return false;
  found(random);
  return true;
}

bool Founding::take_over(const std::vector<Other>& others) {
  const Charter* best = nullptr;
  for (const auto& other : others) {
    if (meet(own_, other.charter) != Meeting::go_over) continue;
    if (best == nullptr || meet(*best, other.charter) == Meeting::go_over) best = &other.charter;
  }
  if (best == nullptr) return false;
  own_.cluster = best->cluster;
  own_.data = best->data;
  own_.backs = {};
  own_.round = 0;
  return true;
}

bool Founding::backed_stands(const std::vector<Other>& others) const {
  if (!own_.backs.exists()) return false;
  if (own_.backs == self_) return true;
  return std::any_of(others.begin(), others.end(), [this](const Other& other) {
    return other.address == own_.backs && other.charter.backs == other.address && other.charter.round == own_.round;
  });
}

bool Founding::follow_or_run(const std::vector<Other>& others) {
  const bool stands = backed_stands(others);
  if (stands && own_.backs != self_) return false;
  const Other* best = nullptr;
  for (const auto& other : others) {
    const bool runs = !has_id(other.charter) && other.charter.backs == other.address;
    if (!runs || meet(own_, other.charter) == Meeting::refuse) continue;
    if (!before(other.charter.data, other.address, own_.data, self_)) continue;
    if (best == nullptr || before(other.charter.data, other.address, best->charter.data, best->address)) best = &other;
  }
  if (best != nullptr) {
    own_.backs = best->address;
    own_.round = best->charter.round;
    return true;
  }
  if (stands) return false;
  own_.backs = self_;
  own_.round = ++rounds_;  // who backed an earlier candidacy of this node does not back this one
  return true;
}

void Founding::found(Random& random) {
  do { own_.cluster.value = random.next(); } while (own_.cluster.value == 0);
  made_ = own_.cluster;
  own_.backs = {};
  own_.round = 0;
}

}  // namespace parley::cluster

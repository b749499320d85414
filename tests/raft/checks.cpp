#include "tests/raft/checks.h"

#include "tests/raft/machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::raft {
namespace {

bool majority(const std::vector<ReplicaId>& voters, const std::function<bool(ReplicaId)>& has) {
  const auto count = std::count_if(voters.begin(), voters.end(), has);
  return 2 * static_cast<std::size_t>(count) > voters.size();
}

}  // namespace

Checks::Breach Checks::elected(ShardId shard, ReplicaId id, Term term, LogIndex last, LogIndex begins_after,
                               const std::function<std::optional<Term>(LogIndex)>& term_at) {
  auto& known = of(shard);
  const auto [at, fresh] = known.leaders.insert({term, id});
  if (!fresh && at->second != id) return fmt::format("two leaders in term {}", term.value);
  if (last < known.newest) return fmt::format("leader of term {} misses committed entries", term.value);
  if (known.newest <= begins_after || known.newest.value <= 1) return std::nullopt;
  if (const auto has = term_at(known.newest); has != known.chosen.at(known.newest).term) {
    return fmt::format("leader of term {} has another entry at {} than was committed", term.value, known.newest.value);
  }
  return std::nullopt;
}

Checks::Breach Checks::applied(ShardId shard, const RaftEntryView& entry, const RaftMembership& members,
                               const Durable& durable) {
  auto& known = of(shard);
  const char kind = static_cast<char>(entry.kind);
  const auto hash = hashed(hashed(7, {&kind, 1}), entry.payload);
  const auto [at, fresh] = known.chosen.insert({entry.index, {entry.term, hash}});
  if (!fresh) {
    if (at->second.term == entry.term && at->second.hash == hash) return std::nullopt;
    return fmt::format("two values committed at {}", entry.index.value);
  }
  known.newest = std::max(known.newest, entry.index);
  const auto has = [&](ReplicaId id) { return durable(id, entry.index, entry.term); };
  // Whoever committed it may have been a membership ahead of or behind whoever applies it first.
  if (majority(members.voters, has)) return std::nullopt;
  const auto& all = known.memberships;
  for (std::size_t i = all.size(); i-- > 0 && i + 3 > all.size();) {
    if (majority(all[i].voters, has)) return std::nullopt;
  }
  return fmt::format("committed but not on the disks of a majority: {}", entry.index.value);
}

bool Checks::changed(ShardId shard, LogIndex index, const RaftMembership& members) {
  auto& known = of(shard);
  if (index <= known.newest_membership) return false;
  known.newest_membership = index;
  known.memberships.push_back(members);
  return true;
}

Checks::Breach Checks::final(ShardId shard, const std::vector<std::uint64_t>& commands) {
  const std::set<std::uint64_t> all(commands.begin(), commands.end());
  if (all.size() != commands.size()) return "a command was applied twice";
  for (const auto command : of(shard).acknowledged) {
    if (!all.contains(command)) return fmt::format("an acknowledged command is lost: {}", command);
  }
  return std::nullopt;
}

}  // namespace parley::raft

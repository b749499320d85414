#include "cluster/membership/node_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace parley::cluster {
namespace {

NodeRow row_of(const ClusterMember& member, const NodeRecord& own) {
  const auto& record = member.record;
  return {.node = id_text(member.address.node),
          .name = record.name,
          .place = record.port == 0 ? "" : fmt::format("{}:{}", record.host, record.port),
          .zone = record.zone,
          .version = record.version,
          .cluster = record.charter.cluster.value == 0 ? "" : id_text(record.charter.cluster),
          .incarnation = member.address.incarnation.value,
          .state = std::string(to_text(member.state)),
          .data = record.charter.data,
          .configured_otherwise = record.config_digest != own.config_digest,
          .connections = record.connections,
          .channels_awake = record.channels_awake,
          .shards_led = record.shards_led};
}

}  // namespace

NodeList list_nodes(const MemberView& view) {
  NodeList list{.refused = view.refused, .health = view.health};
  const auto& own = view.self.record;
  if (own.charter.cluster.value != 0) list.cluster = id_text(own.charter.cluster);
  auto self = row_of(view.self, own);
  self.self = true;
  self.linked = true;
  list.nodes.push_back(std::move(self));
  for (const auto& seen : view.others) {
    auto row = row_of(seen.member, own);
    row.linked = seen.linked;
    row.clock_offset_ms = seen.clock_offset_ms.value_or(0);
    row.seconds_in_state = std::chrono::duration_cast<seconds>(view.now - seen.since).count();
    list.nodes.push_back(std::move(row));
  }
  std::sort(list.nodes.begin(), list.nodes.end(),
            [](const NodeRow& a, const NodeRow& b) { return std::tie(a.name, a.node) < std::tie(b.name, b.node); });
  return list;
}

std::string to_text(const NodeList& list) {
  std::string text = list.cluster.empty() ? "no cluster yet\n" : fmt::format("cluster {}\n", list.cluster);
  constexpr auto* kRow = "{:<20} {:<16} {:<8} {:>8} {:<24} {:<12} {:<10} {:>7} {:>9} {:>7} {:>9}  {}\n";
  text += fmt::format(kRow, "NAME", "NODE", "STATE", "FOR", "PLACE", "ZONE", "VERSION", "CLIENTS", "CHANNELS", "SHARDS",
                      "CLOCK", "");
  for (const auto& row : list.nodes) {
    std::string notes;
    const auto note = [&notes](std::string_view what) { notes.append(notes.empty() ? "" : ", ").append(what); };
    if (row.self) note("this node");
    if (!row.linked) note("no link");
    if (row.configured_otherwise) note("configured otherwise");
    if (row.cluster != list.cluster) note(row.cluster.empty() ? "no cluster yet" : "of cluster " + row.cluster);
    text += fmt::format(kRow, row.name, row.node, row.state, row.self ? "" : fmt::format("{} s", row.seconds_in_state),
                        row.place, row.zone, row.version, row.connections, row.channels_awake, row.shards_led,
                        fmt::format("{:+} ms", row.clock_offset_ms), notes);
  }
  for (const auto& why : list.refused) text += fmt::format("refused: {}\n", why);
  return text;
}

}  // namespace parley::cluster

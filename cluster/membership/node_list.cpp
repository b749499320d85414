#include "cluster/membership/node_list.h"

#include "core/json_string.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace parley::cluster {
namespace {

constexpr std::uint64_t kJsonIntegerMax = (std::uint64_t{1} << 53) - 1;  // beyond it readers round

std::string place_of(const NodeRecord& record) {
  if (record.port == 0) return {};
  const bool v6 = record.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", record.host, v6 ? "]" : "", record.port);
}

NodeRow row_of(const ClusterMember& member, const NodeRecord& own) {
  const auto& record = member.record;
  return {.node = id_text(member.address.node),
          .name = record.name,
          .place = place_of(record),
          .zone = record.zone,
          .version = record.version,
          .cluster = record.charter.cluster.value == 0 ? "" : id_text(record.charter.cluster),
          .incarnation = std::min(member.address.incarnation.value, kJsonIntegerMax),
          .state = std::string(to_text(member.state)),
          .data = record.charter.data,
          .configured_otherwise = record.config_digest != own.config_digest,
          .connections = record.connections,
          .channels_awake = record.channels_awake,
          .shards_led = record.shards_led,
          .draining = record.draining,
          .removed = std::any_of(own.removed.begin(), own.removed.end(),
                                 [&member](const auto& one) { return one.node == member.address.node; })};
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

std::string to_json(const NodeList& list) {
  std::string out = "{";
  const auto text = [&out](std::string_view name, std::string_view value) {
    out.append(fmt::format("\"{}\":", name));
    if (value.empty()) {
      out.append("null");
    } else {
      append_json_string(out, value);
    }
  };
  text("cluster", list.cluster);
  out.append(fmt::format(",\"health\":{},\"nodes\":[", list.health));
  for (const auto& row : list.nodes) {
    if (out.back() != '[') out.push_back(',');
    out.push_back('{');
    text("node", row.node);
    for (const auto& [name, value] : {std::pair<const char*, const std::string*>{"name", &row.name},
                                      {"state", &row.state},
                                      {"place", &row.place},
                                      {"zone", &row.zone},
                                      {"version", &row.version},
                                      {"cluster", &row.cluster}}) {
      out.push_back(',');
      text(name, *value);
    }
    out.append(fmt::format(
        ",\"incarnation\":{},\"self\":{},\"linked\":{},\"data\":{},\"configured_otherwise\":{},"
        "\"seconds_in_state\":{},\"clock_offset_ms\":{},\"connections\":{},\"channels\":{},\"shards_led\":{},"
        "\"draining\":{},\"removed\":{}}}",
        row.incarnation, row.self, row.linked, row.data, row.configured_otherwise, row.seconds_in_state,
        row.clock_offset_ms, row.connections, row.channels_awake, row.shards_led, row.draining, row.removed));
  }
  out.append("],\"refused\":[");
  for (const auto& why : list.refused) {
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, why);
  }
  return out.append("]}");
}

}  // namespace parley::cluster

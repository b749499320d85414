#include "core/limits.h"
#include "server/config/config_reader.h"
#include "server/config/node_place.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::server::reader {
namespace {

bool is_address(const std::string& host) {
  in6_addr scratch{};
  return host == "localhost" || inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

}  // namespace

void check_cluster(const ConfigSources& sources, LoadedConfig& out) {
  const auto& config = out.config;
  const auto& cluster = config.cluster;
  if (!cluster.on()) {
    const ClusterConfig usual;
    if (cluster.expect_nodes != usual.expect_nodes || !cluster.advertise.empty() || !cluster.tls_certificate.empty()) {
      out.hints.push_back("cluster: it is off, and the node alone: set cluster.enabled, or cluster.join");
    }
    return;
  }
  if (cluster.join.size() > 1 && cluster.expect_nodes == 1) {
    out.hints.push_back(
        "cluster.expect_nodes is 1: nodes that begin apart each found a cluster, and those of them that hold data are "
        "never merged. Set it to more than half of the nodes");
  }
  const auto wrong = [&](const std::string& key, std::string what, std::string remedy) {
    mistake(out, origin_of(out, key), key, std::move(what), std::move(remedy));
  };
  if (!is_address(cluster.host)) {
    wrong("cluster.host", fmt::format("`{}` is not an address", cluster.host),
          "use 0.0.0.0, ::, or an address of this machine");
  }
  if (cluster.port != 0 && (cluster.port == config.server.port || cluster.port == config.metrics.port)) {
    wrong("cluster.port", fmt::format("{} is taken by server.port or metrics.port", cluster.port),
          "choose another port, or 0 for a free one");
  }
  constexpr const char* kPlaceRemedy = "write parley-0.parley:6002";
  for (const auto& place : cluster.join) {
    const auto parsed = parse_node_place(place, cluster.port);
    if (parsed && parsed->port == 0)
      wrong("cluster.join", fmt::format("`{}` has no port, and cluster.port is 0", place), kPlaceRemedy);
    if (parsed) continue;
    wrong("cluster.join", fmt::format("`{}` is neither a host nor host:port", place), kPlaceRemedy);
  }
  if (!cluster.advertise.empty() && !parse_node_place(cluster.advertise, cluster.port)) {
    wrong("cluster.advertise", fmt::format("`{}` is neither a host nor host:port", cluster.advertise), kPlaceRemedy);
  }
  for (const auto& [key, text] : {std::pair{"cluster.name", cluster.name}, {"cluster.zone", cluster.zone}}) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    const auto most = ClusterLimits{}.name_bytes_max;
    if (!plain || text.size() > most) {
      wrong(key, "it is too long, or has spaces or other characters that cannot be printed",
            fmt::format("at most {} letters, digits and signs", most));
    }
  }
  const std::array<std::pair<const char*, const std::string*>, 3> files{
      {{"cluster.tls.certificate", &cluster.tls_certificate},
       {"cluster.tls.key", &cluster.tls_key},
       {"cluster.tls.authority", &cluster.tls_authority}}};
  const bool some = std::any_of(files.begin(), files.end(), [](const auto& row) { return !row.second->empty(); });
  for (const auto& [key, path] : files) {
    if (path->empty()) {
      if (some) wrong(key, "it is missing beside the others", "set all three of cluster.tls, or none");
      continue;
    }
    if (!sources.readable) continue;
    if (const auto status = sources.readable(*path); !status) {
      wrong(key, status.error().message, "check the path, and that the user who runs parley may read the file");
    }
  }
  if (!some && !config.dev) {
    wrong("cluster.tls.authority", "whoever reaches the port could be a node of the cluster",
          "give each node a certificate of an authority of the cluster's own; only with --dev it may do without");
  }
}

}  // namespace parley::server::reader

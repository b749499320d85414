#pragma once
// Links between nodes over CAF's networking: its multiplexer and a broker on it, with frames of our own
// (docs/adr/0018-links-between-nodes.md). The one place, with its room, that uses caf/io.
//
// Owned by the node; outlives whoever sends. It has an actor system of its own, whose multiplexer thread
// (`parley-peers`) does all work and tells the listener, and two threads that look names up and connect.

#include "cluster/caf_transport/tls.h"
#include "cluster/transport.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace parley::cluster {

struct CafTransportConfig {
  NodeAddress self;
  std::string name;               // for people: in others' logs
  std::uint64_t cluster = 0;      // 0: not part of one yet
  std::string listen_host;        // an address or a name; empty: all addresses
  std::uint16_t listen_port = 0;  // 0: any that is free, for tests
  // Where others dial this node, as it says itself; empty and 0: where it listens.
  std::string advertised_host;
  std::uint16_t advertised_port = 0;
  TlsFiles tls;  // none: in the clear, and whoever reaches the port may be a node
  LinkLimits links;
  PeerLimits peers;
};

class CafTransport final : public Transport {
 public:
  // Listens, but answers nobody before start(). An Error: the address cannot be listened at, or a TLS file is bad.
  // What is borrowed outlives the transport; `random` is used on its thread alone.
  static Result<std::unique_ptr<CafTransport>> open(CafTransportConfig config, const Clock& clock, Random& random,
                                                    Metrics& metrics);
  ~CafTransport() override;

  void start(PeerListener& listener) override;
  void dial(std::vector<PeerPlace> places) override;
  Sent send(NodeId to, std::string bytes, Lane lane) override;
  void drop(NodeId to) override;
  void stop() override;  // not from within a call of the listener

  [[nodiscard]] std::uint16_t port() const override;
  void set_cluster(std::uint64_t cluster) override;

 private:
  struct Impl;
  explicit CafTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::cluster

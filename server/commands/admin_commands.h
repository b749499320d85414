#pragma once
// What an operator does to users and webhooks by hand, over the admin API: `parley users`, `status`,
// `kick`, `ban`, `terminate` and `webhooks`; and to nodes: `nodes`, `drain` and `undrain`. Each prints a table, or with
// `json` one JSON value a line; or one readable sentence on stderr; and returns the exit code.

#include "server/commands/client_target.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley::server {

struct UsersOptions {
  std::string status;    // online, away or offline; empty: all
  std::string domain;    // members of it only
  std::string sessions;  // of this user: its connections instead
  std::uint32_t limit = 1'000;
  bool json = false;
};
int users(const AdminTarget& target, const UsersOptions& options);

struct StatusOptions {
  std::vector<std::string> ids;
  bool json = false;
};
int status(const AdminTarget& target, const StatusOptions& options);

struct KickOptions {
  std::string user;
  std::string channel;
  std::string duration;  // `10m`; empty: may come back at once
};
int kick(const AdminTarget& target, const KickOptions& options);

struct BanOptions {
  std::string user;
  std::string duration;  // `2h`
  std::string until;     // milliseconds since 1970, or `2026-01-31T12:00:00Z`, or `2026-01-31`
  std::string reason;
  bool lift = false;
};
int ban(const AdminTarget& target, const BanOptions& options);

struct TerminateOptions {
  std::string user;
  bool revoke_tokens = false;
};
int terminate(const AdminTarget& target, const TerminateOptions& options);

int forget(const AdminTarget& target, const std::string& user);

struct WebhooksOptions {
  std::string target;
  std::vector<std::string> ids;  // of dead letters
  bool all = false;
  std::uint32_t limit = 1'000;
  bool json = false;
};
int list_webhooks(const AdminTarget& target, const WebhooksOptions& options);
int list_dead(const AdminTarget& target, const WebhooksOptions& options);
int replay_dead(const AdminTarget& target, const WebhooksOptions& options);
int drop_dead(const AdminTarget& target, const WebhooksOptions& options);

struct NodesOptions {
  bool json = false;
};
int nodes(const AdminTarget& target, const NodesOptions& options);

struct DrainOptions {
  std::string node;  // name or id; empty: the node that is asked
  std::uint32_t wait = 30;
};
// Orders it, and waits until the node leads nothing.
int drain(const AdminTarget& target, const DrainOptions& options);
int undrain(const AdminTarget& target, const DrainOptions& options);
int remove_node(const AdminTarget& target, const std::string& node);

// What `--until` takes.
Result<std::int64_t> parse_time_ms(const std::string& text);

}  // namespace parley::server

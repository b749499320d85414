#pragma once
// The options of the commands that speak to the admin API. main() owns it for as long as it parses.

#include "server/commands/admin_commands.h"
#include "server/commands/client_line.h"

namespace parley::server {

struct AdminCommands {
  ClientLine line;
  UsersOptions users_options;
  StatusOptions status_options;
  KickOptions kick_options;
  BanOptions ban_options;
  TerminateOptions terminate_options;
  std::string forget_user;
  WebhooksOptions webhooks_options;
  NodesOptions nodes_options;
  DrainOptions drain_options;
  std::string removed_node;

  void add_to(CLI::App& app, int& code);

 private:
  void add_users(CLI::App& app, int& code);
  void add_moderation(CLI::App& app, int& code);
  void add_webhooks(CLI::App& app, int& code);
  void add_nodes(CLI::App& app, int& code);
};

}  // namespace parley::server

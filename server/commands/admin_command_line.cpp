#include "server/commands/admin_command_line.h"

namespace parley::server {

void AdminCommands::add_to(CLI::App& app, int& code) {
  add_users(app, code);
  add_moderation(app, code);
  add_webhooks(app, code);
  add_nodes(app, code);
}

void AdminCommands::add_users(CLI::App& app, int& code) {
  auto* list = app.add_subcommand("users", "List users, members of a domain, or a user's sessions");
  line.add_admin_to(*list);
  list->add_option("--status", users_options.status, "Only those who are online, away or offline")
      ->check(CLI::IsMember({"online", "away", "offline"}));
  list->add_option("--domain", users_options.domain, "Only members of this domain");
  list->add_option("--sessions", users_options.sessions, "The connections of this user instead")->type_name("ID");
  list->add_option("--limit", users_options.limit, "At most N users")->check(kAtLeastOne);
  list->add_flag("--json", users_options.json, "One JSON object a line");
  list->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return users(target, users_options); }); });

  auto* ask = app.add_subcommand("status", "Is a user here, and when was it last?");
  line.add_admin_to(*ask);
  ask->add_option("ids", status_options.ids, "Users")->required()->type_name("ID...");
  ask->add_flag("--json", status_options.json, "The answer as JSON");
  ask->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return status(target, status_options); }); });
}

void AdminCommands::add_moderation(CLI::App& app, int& code) {
  auto* kick_command = app.add_subcommand("kick", "Take a user off a channel");
  line.add_admin_to(*kick_command);
  kick_command->add_option("user", kick_options.user, "User")->required()->type_name("USER");
  kick_command->add_option("channel", kick_options.channel, "Channel, with its prefix")
      ->required()
      ->type_name("CHANNEL");
  kick_command->add_option("--for", kick_options.duration, "May not come back for so long, as 10m");
  kick_command->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return kick(target, kick_options); }); });

  auto* ban_command = app.add_subcommand("ban", "End a user's connections and refuse new ones, or lift that");
  line.add_admin_to(*ban_command);
  ban_command->add_option("user", ban_options.user, "User")->required()->type_name("USER");
  ban_command->add_option("--for", ban_options.duration, "For so long, as 2h or 30d");
  ban_command->add_option("--until", ban_options.until, "Until then: 2026-01-31T12:00:00Z, or milliseconds since 1970")
      ->type_name("TIME");
  ban_command->add_option("--reason", ban_options.reason, "Told to the user");
  ban_command->add_flag("--lift", ban_options.lift, "The user may come back");
  ban_command->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return ban(target, ban_options); }); });

  auto* end = app.add_subcommand("terminate", "End all connections of a user");
  line.add_admin_to(*end);
  end->add_option("user", terminate_options.user, "User")->required()->type_name("USER");
  end->add_flag("--revoke-tokens", terminate_options.revoke_tokens, "Connection tokens issued until now are worthless");
  end->callback([this, &code] {
    code = line.run_admin([&](const auto& target) { return terminate(target, terminate_options); });
  });

  auto* forgetting = app.add_subcommand("forget", "End a user's connections and remove what is known of the user");
  line.add_admin_to(*forgetting);
  forgetting->add_option("user", forget_user, "User")->required()->type_name("USER");
  forgetting->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return forget(target, forget_user); }); });
}

void AdminCommands::add_nodes(CLI::App& app, int& code) {
  auto* list = app.add_subcommand("nodes", "The nodes of the cluster, as the asked one knows them");
  list->fallthrough();
  list->require_subcommand(0, 1);
  line.add_admin_to(*list);
  list->add_flag("--json", nodes_options.json, "The answer as JSON");
  auto* removing = list->add_subcommand("remove", "Give up a node that will not return: others get what it had");
  removing->add_option("node", removed_node, "Its name or id")->required()->type_name("NODE");
  removing->callback(
      [this, &code] { code = line.run_admin([&](const auto& target) { return remove_node(target, removed_node); }); });
  list->callback([this, &code, list] {
    if (!list->get_subcommands().empty()) return;
    code = line.run_admin([&](const auto& target) { return nodes(target, nodes_options); });
  });

  const auto add = [&](const char* name, const char* meaning, int (*run)(const AdminTarget&, const DrainOptions&)) {
    auto* command = app.add_subcommand(name, meaning);
    line.add_admin_to(*command);
    command->add_option("node", drain_options.node, "Its name or id (default: the node that is asked)")
        ->type_name("NODE");
    command->callback(
        [this, &code, run] { code = line.run_admin([&](const auto& target) { return run(target, drain_options); }); });
    return command;
  };
  add("drain", "Prepare a node to be stopped: others lead what it leads", &drain)
      ->add_option("--wait", drain_options.wait, "Wait at most N seconds for that");
  add("undrain", "It is not to be stopped after all", &undrain);
}

void AdminCommands::add_webhooks(CLI::App& app, int& code) {
  auto* webhooks = app.add_subcommand("webhooks", "How webhooks' delivery goes, and their dead letters");
  // Options may stand behind `list`, `dead`, … too.
  webhooks->fallthrough();
  webhooks->require_subcommand(0, 1);
  line.add_admin_to(*webhooks);
  webhooks->add_flag("--json", webhooks_options.json, "One JSON object a line");

  using Command = int (*)(const AdminTarget&, const WebhooksOptions&);
  auto* list = webhooks->add_subcommand("list", "How delivery goes (also without a word)");
  const auto add = [&](const char* name, const char* meaning, Command run) {
    auto* command = webhooks->add_subcommand(name, meaning);
    command->add_option("target", webhooks_options.target, "The webhook's name")->required()->type_name("TARGET");
    command->callback([this, &code, run] {
      code = line.run_admin([&](const auto& target) { return run(target, webhooks_options); });
    });
    return command;
  };
  add("dead", "Events that were given up", &list_dead)
      ->add_option("--limit", webhooks_options.limit, "At most N")
      ->check(kAtLeastOne);
  for (auto* command :
       {add("replay", "Send dead letters again", &replay_dead), add("drop", "Drop dead letters", &drop_dead)}) {
    command->add_option("ids", webhooks_options.ids, "Which")->type_name("ID...");
    command->add_flag("--all", webhooks_options.all, "All of the target");
  }
  webhooks->callback([this, &code, webhooks, list] {
    const auto chosen = webhooks->get_subcommands();
    if (!chosen.empty() && chosen.front() != list) return;
    code = line.run_admin([&](const auto& target) { return list_webhooks(target, webhooks_options); });
  });
}

}  // namespace parley::server

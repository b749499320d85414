// What an operator does to nodes: `parley drain`, `undrain`, `nodes remove`.
#include "net/text/query.h"
#include "server/commands/admin_call.h"
#include "server/commands/admin_commands.h"
#include "server/commands/command_output.h"

#include <fmt/format.h>

#include <thread>

namespace parley::server {
namespace {

// The row of GET /admin/nodes: by id, by name, or of the node that is asked; empty: there is none.
std::string row_of(std::string_view answer, const std::string& node) {
  const auto list = json_field(answer, "nodes");
  if (list.empty() || type_of(list) != JsonType::array) return {};
  std::string found;
  JsonArray items(list);
  while (items.next()) {
    const auto one = items.value();
    const bool meant = node.empty() ? json_field(one, "self") == "true" : cell_text(json_field(one, "node")) == node;
    if (meant) found = one;
  }
  return found;
}

std::optional<std::string> order(const AdminTarget& target, std::string_view what, const std::string& node,
                                 std::string_view verb) {
  auto named = node;
  if (named.empty()) {
    const auto answer = admin_call(target, what, "GET", "/admin/nodes");
    if (!answer) return std::nullopt;
    named = cell_text(json_field(row_of(*answer, {}), "node"));
  }
  return admin_call(target, what, "POST", fmt::format("/admin/nodes/{}/{}", net::percent_encode(named), verb));
}

std::string called(std::string_view answer) {
  const auto name = json_field(answer, "name");
  return printable(cell_text(name.empty() ? json_field(answer, "node") : name));
}

}  // namespace

int drain(const AdminTarget& target, const DrainOptions& options) {
  constexpr std::string_view kWhat = "drain the node";
  constexpr std::chrono::milliseconds kLook{250};
  const auto ordered = order(target, kWhat, options.node, "drain");
  if (!ordered) return 1;
  const auto id = cell_text(json_field(*ordered, "node"));
  std::string left = "not known";
  for (auto waited = std::chrono::milliseconds(0); waited <= std::chrono::seconds(options.wait); waited += kLook) {
    const auto answer = admin_call(target, kWhat, "GET", "/admin/nodes");
    if (!answer) return 1;
    const auto row = row_of(*answer, id);
    left = cell_text(json_field(row, "shards_led"));
    if (json_field(row, "draining") == "true" && left == "0") {
      fmt::print("{} drains: it leads nothing and is given nothing; /health/can-stop of it says when to stop it\n",
                 called(*ordered));
      return 0;
    }
    std::this_thread::sleep_for(kLook);
  }
  fmt::print(stderr, "{} is told to drain, and leads still: {} shards\n", called(*ordered), left);
  return 1;
}

int undrain(const AdminTarget& target, const DrainOptions& options) {
  const auto ordered = order(target, "end the draining of the node", options.node, "undrain");
  if (!ordered) return 1;
  fmt::print("{} drains no more\n", called(*ordered));
  return 0;
}

int remove_node(const AdminTarget& target, const std::string& node) {
  const auto ordered = order(target, "remove the node", node, "remove");
  if (!ordered) return 1;
  fmt::print("{} is removed: others get what it had, and its data directory is taken by no cluster\n",
             called(*ordered));
  return 0;
}

}  // namespace parley::server

// What an operator sees of nodes and does to them: `parley nodes`, `nodes remove`, `drain`, `undrain`.
#include "net/text/query.h"
#include "server/commands/admin_call.h"
#include "server/commands/admin_commands.h"
#include "server/commands/command_output.h"

#include <fmt/format.h>

#include <thread>

namespace parley::server {
namespace {

// The row of GET /admin/nodes: by id, or of the node that is asked; empty: there is none.
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

int nodes(const AdminTarget& target, const NodesOptions& options) {
  constexpr std::string_view kWhat = "list the nodes";
  const auto answer = admin_call(target, kWhat, "GET", "/admin/nodes");
  if (!answer) return 1;
  if (options.json) return fmt::print("{}\n", *answer), 0;
  const auto list = json_field(*answer, "nodes");
  if (list.empty() || type_of(list) != JsonType::array) {
    return complain(kWhat, make_error(Errc::bad_frame, "no nodes in the answer"));
  }
  const auto cluster = json_field(*answer, "cluster");
  Table table(
      {"NAME", "STATE", "FOR", "PLACE", "ZONE", "VERSION", "CLIENTS", "CHANNELS", "LEADS", "CLOCK", "NODE", "REMARKS"});
  JsonArray items(list);
  while (items.next()) {
    const auto one = items.value();
    std::string remarks;
    const auto remark = [&remarks](std::string_view what) { remarks.append(remarks.empty() ? "" : ", ").append(what); };
    const bool self = json_field(one, "self") == "true";
    if (self) remark("this node");
    if (json_field(one, "linked") == "false") remark("no link");
    if (json_field(one, "draining") == "true") remark("draining");
    if (json_field(one, "removed") == "true") remark("removed");
    if (json_field(one, "configured_otherwise") == "true") remark("configured otherwise");
    const auto of = json_field(one, "cluster");
    if (of != cluster) remark(of.empty() ? "in no cluster yet" : "of cluster " + cell_text(of));
    table.add({cell_text(json_field(one, "name")), cell_text(json_field(one, "state")),
               self ? "-" : cell_text(json_field(one, "seconds_in_state")) + " s", cell_text(json_field(one, "place")),
               cell_text(json_field(one, "zone")), cell_text(json_field(one, "version")),
               cell_text(json_field(one, "connections")), cell_text(json_field(one, "channels")),
               cell_text(json_field(one, "shards_led")), cell_text(json_field(one, "clock_offset_ms")) + " ms",
               cell_text(json_field(one, "node")), remarks.empty() ? "-" : remarks});
  }
  fmt::print("cluster {}\n", cluster.empty() ? "none yet" : cell_text(cluster));
  print_table(table, "no nodes");
  const auto refused = json_field(*answer, "refused");
  if (!refused.empty() && type_of(refused) == JsonType::array) {
    JsonArray why(refused);
    while (why.next()) fmt::print("refused: {}\n", cell_text(why.value()));
  }
  return 0;
}

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

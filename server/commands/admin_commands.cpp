#include "server/commands/admin_commands.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/json/fields.h"
#include "net/text/query.h"
#include "server/commands/admin_call.h"
#include "server/commands/command_output.h"
#include "server/config/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <optional>

namespace parley::server {
namespace {
using net::percent_encode;

constexpr std::uint32_t kPage = 100;

std::optional<std::string> app_path(const AdminTarget& target, std::string_view what, const std::string& rest) {
  if (target.app_id.empty()) {
    return complain(what, make_error(Errc::bad_request, "which application? Give --app-id or set PARLEY_APP_ID")),
           std::nullopt;
  }
  return fmt::format("/admin/apps/{}{}", percent_encode(target.app_id), rest);
}

std::string time_of(std::string_view value) {
  const auto ms = value.empty() ? std::nullopt : json_integer(value);
  return ms ? iso_time(*ms) : "-";
}

std::string list_of(std::string_view value) {
  std::string out;
  if (!value.empty() && type_of(value) == JsonType::array) {
    JsonArray items(value);
    while (items.next()) out += (out.empty() ? "" : ", ") + cell_text(items.value());
  }
  return out.empty() ? "-" : out;
}

// Rows of `name` over all pages of `path`, up to `limit`. False: it was told already.
bool for_each_row(const AdminTarget& target, std::string_view what, const std::string& path, std::string_view name,
                  std::uint32_t limit, const std::function<bool(std::string_view)>& take) {
  std::string after;
  std::uint32_t taken = 0;
  while (true) {
    auto page_path = fmt::format("{}{}limit={}", path, path.find('?') == std::string::npos ? '?' : '&', kPage);
    if (!after.empty()) page_path += "&after=" + percent_encode(after);
    const auto page = admin_call(target, what, "GET", page_path);
    if (!page) return false;
    const auto rows = json_field(*page, name);
    if (rows.empty() || type_of(rows) != JsonType::array) {
      complain(what, make_error(Errc::bad_frame, fmt::format("no {} in the answer", name)));
      return false;
    }
    JsonArray items(rows);
    while (items.next()) {
      if (taken >= limit) {
        fmt::print(stderr, "there are more: --limit {} shows them\n", std::uint64_t{limit} * 10);
        return true;
      }
      if (take(items.value())) ++taken;
    }
    const auto next = json_field(*page, "next");
    if (next.empty()) return true;
    after = cell_text(next);
  }
}

std::vector<std::string> user_cells(std::string id, std::string_view user) {
  return {std::move(id), cell_text(json_field(user, "status")), time_of(json_field(user, "since")),
          time_of(json_field(user, "last_seen")), list_of(json_field(user, "domains"))};
}
const std::vector<std::string> kUserHeads{"USER", "STATUS", "SINCE", "LAST SEEN", "DOMAINS"};

int sessions(const AdminTarget& target, const UsersOptions& options) {
  constexpr std::string_view kWhat = "list the sessions";
  const auto path = app_path(target, kWhat, fmt::format("/users/{}/sessions", percent_encode(options.sessions)));
  if (!path) return 1;
  const auto answer = admin_call(target, kWhat, "GET", *path);
  if (!answer) return 1;
  const auto list = json_field(*answer, "sessions");
  Table table({"SOCKET", "VIA", "ACTIVITY", "CONNECTED", "ADDRESS", "CLIENT", "CHANNELS"});
  if (!list.empty() && type_of(list) == JsonType::array) {
    JsonArray items(list);
    while (items.next()) {
      const auto one = items.value();
      if (options.json) fmt::print("{}\n", one);
      table.add({cell_text(json_field(one, "socket_id")), cell_text(json_field(one, "via")),
                 cell_text(json_field(one, "activity")), time_of(json_field(one, "connected")),
                 cell_text(json_field(one, "address")), cell_text(json_field(one, "client")),
                 list_of(json_field(one, "channels"))});
    }
  }
  if (!options.json) print_table(table, "no sessions");
  return 0;
}

// `"for_seconds":600` of `10m`, with a comma in front.
Result<std::string> for_seconds(const std::string& duration) {
  const auto ms = parse_duration_ms(duration, 1'000);
  if (!ms) return ms.error();
  if (*ms < 1'000) return make_error(Errc::bad_request, "--for is at least a second");
  return fmt::format(R"("for_seconds":{})", *ms / 1'000);
}

int settle(const AdminTarget& target, const WebhooksOptions& options, std::string_view verb) {
  const auto what = fmt::format("{} dead letters", verb);
  if (options.all == !options.ids.empty()) {
    return complain(what,
                    make_error(Errc::bad_request, "give either ids (`parley webhooks dead` shows them) or --all"));
  }
  std::string body = R"({"all":true})";
  if (!options.all) {
    body = R"({"ids":[)";
    for (const auto& id : options.ids) {
      if (body.back() != '[') body.push_back(',');
      append_json_string(body, id);
    }
    body += "]}";
  }
  const auto answer = admin_call(target, what, "POST",
                                 fmt::format("/admin/webhooks/{}/{}", percent_encode(options.target), verb), body);
  if (!answer) return 1;
  if (options.json) {
    fmt::print("{}\n", *answer);
  } else {
    const bool drop = verb == "drop";
    fmt::print("{} {}\n", drop ? "dropped" : "sent again",
               cell_text(json_field(*answer, drop ? "dropped" : "replayed")));
  }
  return 0;
}

}  // namespace

int users(const AdminTarget& target, const UsersOptions& options) {
  if (!options.sessions.empty()) return sessions(target, options);
  constexpr std::string_view kWhat = "list the users";
  const bool by_domain = !options.domain.empty();
  const auto query = options.status.empty() ? std::string() : "?status=" + options.status;
  const auto path = app_path(
      target, kWhat, by_domain ? fmt::format("/domains/{}/members", percent_encode(options.domain)) : "/users" + query);
  if (!path) return 1;
  Table table(kUserHeads);
  const bool listed = for_each_row(target, kWhat, *path, "users", options.limit, [&](std::string_view user) {
    if (by_domain && !options.status.empty() && cell_text(json_field(user, "status")) != options.status) return false;
    if (options.json) fmt::print("{}\n", user);
    table.add(user_cells(cell_text(json_field(user, "id")), user));
    return true;
  });
  if (!options.json && (listed || table.size() > 0)) print_table(table, "no users");
  return listed ? 0 : 1;
}

int status(const AdminTarget& target, const StatusOptions& options) {
  constexpr std::string_view kWhat = "ask for the status";
  const auto path = app_path(target, kWhat, "/users/status");
  if (!path) return 1;
  std::string body = R"({"ids":[)";
  for (const auto& id : options.ids) {
    if (body.back() != '[') body.push_back(',');
    append_json_string(body, id);
  }
  const auto answer = admin_call(target, kWhat, "POST", *path, body + "]}");
  if (!answer) return 1;
  if (options.json) {
    fmt::print("{}\n", *answer);
    return 0;
  }
  Table table(kUserHeads);
  const auto found = json_field(*answer, "users");
  for (const auto& id : options.ids) table.add(user_cells(id, json_field(found, id)));
  print_table(table, "no users");
  return 0;
}

int kick(const AdminTarget& target, const KickOptions& options) {
  constexpr std::string_view kWhat = "kick";
  std::string body = R"({"channel":)";
  append_json_string(body, options.channel);
  if (!options.duration.empty()) {
    const auto duration = for_seconds(options.duration);
    if (!duration) return complain(kWhat, duration.error());
    body += "," + *duration;
  }
  const auto path = app_path(target, kWhat, fmt::format("/users/{}/kick", percent_encode(options.user)));
  if (!path) return 1;
  const auto answer = admin_call(target, kWhat, "POST", *path, body + "}");
  if (!answer) return 1;
  const auto until = json_field(*answer, "until");
  fmt::print("{} is off {}{}\n", printable(options.user), printable(options.channel),
             until.empty() ? "" : " until " + time_of(until));
  return 0;
}

int ban(const AdminTarget& target, const BanOptions& options) {
  const std::string_view what = options.lift ? "lift the ban" : "ban";
  const auto path = app_path(target, what, fmt::format("/users/{}/ban", percent_encode(options.user)));
  if (!path) return 1;
  if (options.lift) {
    if (!options.duration.empty() || !options.until.empty() || !options.reason.empty()) {
      return complain(what, make_error(Errc::bad_request, "--lift stands alone"));
    }
    if (!admin_call(target, what, "DELETE", *path)) return 1;
    fmt::print("{} may come back\n", printable(options.user));
    return 0;
  }
  if (options.duration.empty() == options.until.empty()) {
    return complain(what, make_error(Errc::bad_request, "give either --for or --until"));
  }
  std::string body = "{";
  if (options.until.empty()) {
    const auto duration = for_seconds(options.duration);
    if (!duration) return complain(what, duration.error());
    body += *duration;
  } else {
    const auto until = parse_time_ms(options.until);
    if (!until) return complain(what, until.error());
    body += fmt::format(R"("until":{})", *until);
  }
  if (!options.reason.empty()) {
    body += R"(,"reason":)";
    append_json_string(body, options.reason);
  }
  const auto answer = admin_call(target, what, "POST", *path, body + "}");
  if (!answer) return 1;
  fmt::print("{} is banned until {}; connections ended: {}\n", printable(options.user),
             time_of(json_field(*answer, "until")), cell_text(json_field(*answer, "connections")));
  return 0;
}

int terminate(const AdminTarget& target, const TerminateOptions& options) {
  constexpr std::string_view kWhat = "end the connections";
  const auto path =
      app_path(target, kWhat, fmt::format("/users/{}/terminate_connections", percent_encode(options.user)));
  if (!path) return 1;
  if (!admin_call(target, kWhat, "POST", *path, fmt::format(R"({{"revoke_tokens":{}}})", options.revoke_tokens)))
    return 1;
  fmt::print("the connections of {} are ended{}\n", printable(options.user),
             options.revoke_tokens ? ", its tokens are revoked" : "");
  return 0;
}

int forget(const AdminTarget& target, const std::string& user) {
  constexpr std::string_view kWhat = "forget the user";
  const auto path = app_path(target, kWhat, fmt::format("/users/{}", percent_encode(user)));
  if (!path) return 1;
  if (!admin_call(target, kWhat, "DELETE", *path)) return 1;
  fmt::print("{} is forgotten\n", printable(user));
  return 0;
}

int list_webhooks(const AdminTarget& target, const WebhooksOptions& options) {
  constexpr std::string_view kWhat = "list the webhooks";
  const auto answer = admin_call(target, kWhat, "GET", "/admin/webhooks");
  if (!answer) return 1;
  Table table({"TARGET", "APP", "WAITING", "IN FLIGHT", "DELIVERED", "DEAD", "FAILURES", "LAST FAILURE", "URL"});
  const auto list = json_field(*answer, "webhooks");
  if (list.empty() || type_of(list) != JsonType::array) {
    return complain(kWhat, make_error(Errc::bad_frame, "no webhooks in the answer"));
  }
  JsonArray items(list);
  while (items.next()) {
    const auto one = items.value();
    if (options.json) fmt::print("{}\n", one);
    const bool configured = json_field(one, "configured") != "false";
    table.add({cell_text(json_field(one, "target")), cell_text(json_field(one, "app")),
               cell_text(json_field(one, "waiting")), cell_text(json_field(one, "in_flight")),
               cell_text(json_field(one, "delivered")), cell_text(json_field(one, "dead")),
               cell_text(json_field(one, "failures")), cell_text(json_field(one, "last_failure")),
               configured ? cell_text(json_field(one, "url")) : "not configured any more"});
  }
  if (!options.json) print_table(table, "no webhooks");
  return 0;
}

int list_dead(const AdminTarget& target, const WebhooksOptions& options) {
  constexpr std::string_view kWhat = "list the dead letters";
  Table table({"ID", "EVENT", "APP", "HAPPENED", "GIVEN UP", "ABOUT", "WHY"});
  const auto path = fmt::format("/admin/webhooks/{}/dead", percent_encode(options.target));
  const bool listed = for_each_row(target, kWhat, path, "notices", options.limit, [&](std::string_view one) {
    if (options.json) fmt::print("{}\n", one);
    const auto user = json_field(one, "user_id");
    table.add({cell_text(json_field(one, "id")), cell_text(json_field(one, "name")), cell_text(json_field(one, "app")),
               time_of(json_field(one, "time")), time_of(json_field(one, "died")),
               cell_text(user.empty() ? json_field(one, "channel") : user), cell_text(json_field(one, "why"))});
    return true;
  });
  if (!options.json && (listed || table.size() > 0)) print_table(table, "no dead letters");
  return listed ? 0 : 1;
}

int replay_dead(const AdminTarget& target, const WebhooksOptions& options) { return settle(target, options, "replay"); }
int drop_dead(const AdminTarget& target, const WebhooksOptions& options) { return settle(target, options, "drop"); }

Result<std::int64_t> parse_time_ms(const std::string& text) {
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    if (const auto ms = json_integer(text)) return *ms;
  }
  for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"}) {
    std::tm parts{};
    const auto* end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return std::int64_t{::timegm(&parts)} * 1'000;
  }
  return make_error(
      Errc::bad_request,
      fmt::format("`{}` is not a time: write 2026-01-31T12:00:00Z, 2026-01-31 or milliseconds since 1970", text));
}

}  // namespace parley::server

#include "server/config/echo_server_import.h"

#include "net/client/socket.h"
#include "server/config/config_load.h"
#include "server/config/config_value.h"
#include "server/config/flat_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace parley::server {
namespace {

using Kind = ImportRemark::Kind;
using Environment = std::map<std::string, std::string>;

constexpr auto kVariables = std::to_array<std::pair<const char*, const char*>>({
    {"LARAVEL_ECHO_SERVER_AUTH_HOST", "authHost"},
    {"LARAVEL_ECHO_SERVER_DEBUG", "devMode"},
    {"LARAVEL_ECHO_SERVER_HOST", "host"},
    {"LARAVEL_ECHO_SERVER_PORT", "port"},
    {"LARAVEL_ECHO_SERVER_PROTO", "protocol"},
    {"LARAVEL_ECHO_SERVER_REDIS_HOST", "databaseConfig.redis.host"},
    {"LARAVEL_ECHO_SERVER_REDIS_PORT", "databaseConfig.redis.port"},
    {"LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "databaseConfig.redis.password"},
    {"LARAVEL_ECHO_SERVER_SSL_CERT", "sslCertPath"},
    {"LARAVEL_ECHO_SERVER_SSL_KEY", "sslKeyPath"},
    {"LARAVEL_ECHO_SERVER_SSL_CHAIN", "sslCertChainPath"},
    {"LARAVEL_ECHO_SERVER_SSL_PASS", "sslPassphrase"},
});

// What is said of keys that have no counterpart, or need none. A name that ends with `.` stands for all below it.
struct WithoutCounterpart {
  std::string_view key;
  std::string_view text;
};
constexpr auto kWithoutCounterpart = std::to_array<WithoutCounterpart>({
    {"database", "who is present is kept by the server itself: no database is needed for it"},
    {"databaseConfig.sqlite.", "who is present is kept by the server itself: no database is needed for it"},
    {"databaseConfig.redis.db", "publications know no databases: the same messages come from each"},
    {"databaseConfig.redis.family", "the host's name or address decides"},
    {"databaseConfig.redis.tls", "TLS to Redis is not spoken: use a tunnel (stunnel)"},
    {"databaseConfig.redis.tls.", "TLS to Redis is not spoken: use a tunnel (stunnel)"},
    {"databaseConfig.redis.sentinels.", "sentinels are not asked: name the server, or an address that follows it"},
    {"databaseConfig.redis.name", "sentinels are not asked: name the server, or an address that follows it"},
    {"databaseConfig.redis.", "an option of ioredis; the connection is kept, asked after silence and made anew anyway"},
    {"secureOptions", "TLS 1.2 and 1.3 are spoken, whatever it says"},
    {"headers.", "no headers of one's own are added to answers: let the proxy in front do it"},
    {"socketio.cookie", "no cookie is set: a session is known by its id"},
    {"socketio.serveClient", "the client is not served: your pages bring their own"},
    {"socketio.transports", "polling, WebSocket and the upgrade between them are always there"},
    {"socketio.transports.", "polling, WebSocket and the upgrade between them are always there"},
    {"socketio.", "an option of socket.io 2 without a counterpart"},
});

// Options of socket.io 2 and what they are here. Times are milliseconds there, too.
constexpr auto kSocketIoOptions = std::to_array<std::pair<const char*, const char*>>({
    {"pingInterval", "ping_interval_ms"},
    {"pingTimeout", "ping_timeout_ms"},
    {"upgradeTimeout", "upgrade_timeout_ms"},
    {"maxHttpBufferSize", "message_bytes_max"},
});

bool charset_of_ids(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string list_toml(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + toml_quote(item);
  return out + "]";
}

class Importer {
 public:
  Importer(std::vector<FlatRow> rows, const Environment& environment, const FreshSecrets& fresh)
      : environment_(environment), fresh_(fresh) {
    for (auto& row : rows) {
      order_.push_back(row.path);
      values_[row.path] = std::move(row);
    }
    take_environment();
  }

  EchoServerImport run() {
    server();
    redis();
    apps();
    socketio();
    rest();
    EchoServerImport out;
    out.toml = "# Made of a laravel-echo-server.json. It holds secrets: let nobody but parley read it.\n" + toml_;
    out.remarks = std::move(remarks_);
    return out;
  }

 private:
  void say(Kind kind, std::string key, std::string text) {
    remarks_.push_back({kind, std::move(key), std::move(text)});
  }

  void take_environment() {
    for (const auto& [variable, path] : kVariables) {
      const auto found = environment_.find(variable);
      if (found == environment_.end() || found->second.empty()) continue;
      auto text = found->second;
      if (const auto open = text.find("${"), close = text.find('}', open + 2);
          open != text.npos && close != text.npos) {
        const auto inner = environment_.find(text.substr(open + 2, close - open - 2));
        text = inner == environment_.end() ? "" : inner->second;
      }
      // As there: it stands for the whole key, for a list too.
      std::erase_if(values_, [&](const auto& one) { return one.first.starts_with(std::string(path) + "."); });
      values_[path] = {path, FlatRow::Kind::text, text};
      by_variable_[path] = variable;
    }
  }

  // Empty: absent, null or "". What is asked for is used.
  std::string text(const std::string& path) {
    used_.insert(path);
    const auto found = values_.find(path);
    return found == values_.end() ? "" : found->second.text;
  }
  bool truthy(const std::string& path, bool absent) {
    used_.insert(path);
    const auto found = values_.find(path);
    if (found == values_.end()) return absent;
    const auto& value = found->second.text;
    return !value.empty() && value != "false" && value != "0";
  }
  // An object of the file replaces the default one whole: what is not in it is off.
  [[nodiscard]] bool has_below(std::string_view table) const {
    return std::any_of(order_.begin(), order_.end(), [&](const auto& path) { return path.starts_with(table); });
  }
  // A text, or the texts of a list.
  std::vector<std::string> texts(const std::string& path) {
    std::vector<std::string> found;
    if (auto one = text(path); !one.empty()) found.push_back(std::move(one));
    for (std::size_t i = 0; values_.contains(fmt::format("{}.{}", path, i)); ++i) {
      if (auto one = text(fmt::format("{}.{}", path, i)); !one.empty()) found.push_back(std::move(one));
    }
    return found;
  }

  // Would `parley check` take this beside an application that is good? Files are not looked at.
  [[nodiscard]] bool accepted(const std::string& tables, const std::string& of_app = {}) const {
    ConfigSources sources;
    sources.toml = fmt::format("{}\n[[apps]]\nid = \"a\"\nkey = \"{}\"\nsecret = \"{}\"\n{}\n", tables, fresh_.app_key,
                               fresh_.app_secret, of_app);
    return load_config(sources).ok();
  }

  void server() {
    std::string table;
    const auto add = [&](const std::string& line) {
      if (!accepted("[server]\n" + table + line)) return false;
      table += line + "\n";
      return true;
    };
    if (const auto host = text("host"); !host.empty()) {
      if (add("host = " + toml_quote(host))) {
        say(Kind::taken, "host", "server.host");
      } else {
        say(Kind::left_out, "host", fmt::format("`{}` is not an address to listen on: all of the machine's are", host));
      }
    }
    if (const auto port = text("port"); !port.empty()) {
      // There, whatever ends with digits is a port: `tcp://10.0.0.1:6001` too.
      const auto end = port.ends_with('/') ? port.size() - 1 : port.size();
      const auto last_other = end == 0 ? port.npos : port.find_last_not_of("0123456789", end - 1);
      const auto digits = port.substr(last_other + 1, end - last_other - 1);
      if (!digits.empty() && digits.front() != '0' && add("port = " + digits)) {
        say(Kind::taken, "port", "server.port");
      } else {
        say(Kind::mistake, "port", fmt::format("`{}` is not a port: 6001 is taken", port));
      }
    }
    tls(add);
    if (!table.empty()) toml_ += "\n[server]\n" + table;
    if (truthy("devMode", false)) {
      toml_ += "\n[log]\nlevel = \"debug\"\n";
      say(Kind::taken, "devMode", "log.level = \"debug\"");
    }
  }

  template <class Add>
  void tls(const Add& add) {
    const auto protocol = text("protocol");
    const auto certificate = text("sslCertPath");
    const auto key = text("sslKeyPath");
    const bool secure = protocol == "https";
    if (!secure && !protocol.empty() && protocol != "http") {
      say(Kind::mistake, "protocol", fmt::format("`{}` is neither http nor https: http is taken", protocol));
    }
    if (secure && (certificate.empty() || key.empty())) {
      say(Kind::mistake, "protocol", "https needs sslCertPath and sslKeyPath: http is taken");
    } else if (secure) {
      if (add(fmt::format("tls = {{ certificate = {}, key = {} }}", toml_quote(certificate), toml_quote(key)))) {
        say(Kind::taken, "sslCertPath, sslKeyPath", "server.tls: `parley check` says whether the files can be read");
      }
    } else if (!certificate.empty() || !key.empty()) {
      say(Kind::left_out, "sslCertPath, sslKeyPath", "they are not used with protocol = http");
    }
    if (!text("sslCertChainPath").empty()) {
      say(Kind::left_out, "sslCertChainPath", "put the chain behind the certificate, into one file");
    }
    if (!text("sslPassphrase").empty()) {
      say(Kind::left_out, "sslPassphrase",
          "a key with a passphrase cannot be used: `openssl pkey -in key.pem -out plain.pem` makes one without");
    }
  }

  void redis() {
    const bool wanted = truthy("subscribers.redis", !has_below("subscribers."));
    const std::string at = "databaseConfig.redis.";
    std::string table;
    const auto take = [&](const char* from, const char* to, bool number, const std::string& prefix = {}) {
      const auto value = text(at + from);
      if (value.empty()) return;
      const auto line = fmt::format("{} = {}\n", to, number ? value : toml_quote(value));
      if (number && value.find_first_not_of("0123456789") != value.npos) {
        say(Kind::mistake, at + from, fmt::format("`{}` is not a number", value));
      } else if (!accepted("[redis]\n" + prefix + line)) {
        say(Kind::mistake, at + from, "this cannot be used");
      } else {
        table += line;
        say(Kind::taken, at + from, fmt::format("redis.{}", to));
      }
    };
    take("host", "host", false);
    take("port", "port", true);
    take("path", "socket", false);
    if (by_variable_.contains(at + "password")) {
      text(at + "password");
      say(Kind::taken, by_variable_.at(at + "password"), "redis.password: the variable is read by parley too");
    } else {
      take("username", "username", false, "password = \"x\"\n");
      take("password", "password", false);
      if (table.find("username = ") != table.npos && table.find("password = ") == table.npos) {
        table.erase(table.find("username = "),
                    table.find('\n', table.find("username = ")) + 1 - table.find("username = "));
        say(Kind::mistake, at + "username", "there is no password beside it");
      }
    }
    take("keyPrefix", "key_prefix", false);
    if (table.find("key_prefix = ") == table.npos) {
      table += "detect_prefix = false\n";
      if (wanted) {
        say(Kind::taken, at + "keyPrefix",
            "none: redis.detect_prefix = false, channels have no prefix. If nothing arrives, set redis.key_prefix to "
            "Laravel's REDIS_PREFIX (laravel_database_ unless you changed it)");
      }
    }
    if (wanted) {
      say(Kind::taken, "subscribers.redis", "redis.enabled");
    } else {
      say(Kind::taken, "subscribers.redis", "false: redis.enabled = false, the keys beside it have no effect");
    }
    toml_ += fmt::format("\n[redis]\nenabled = {}\n{}", wanted, table);
  }

  // The URL to ask, and the pages that may connect with their visitors' cookies.
  struct Authorization {
    std::string url;
    std::vector<std::string> origins;
    std::vector<std::string> hosts;
  };

  Authorization authorization() {
    Authorization found;
    auto hosts = texts("authHost");
    const bool by_default = hosts.empty();
    if (by_default) hosts.emplace_back("http://localhost");
    auto endpoint = text("authEndpoint");
    if (endpoint.empty()) endpoint = "/broadcasting/auth";
    const auto add_origin = [&](const std::string& origin) {
      if (!accepted("", "allowed_origins = " + list_toml({origin}))) return false;
      if (std::find(found.origins.begin(), found.origins.end(), origin) == found.origins.end()) {
        found.origins.push_back(origin);
      }
      return true;
    };
    std::vector<std::string> others;
    for (const auto& host : hosts) {
      const auto scheme = host.find("://");
      if (scheme == host.npos) {
        // `.example.com`: whatever page below it asks. `example.com`: that page, with its own scheme.
        const auto name = host.starts_with('.') ? "*" + host : host;
        if (!add_origin("https://" + name) || !add_origin("http://" + name)) {
          say(Kind::mistake, "authHost", fmt::format("`{}` is not a host", host));
        }
        continue;
      }
      const auto origin_end = host.find_first_of("/?#", scheme + 3);
      const auto url =
          (host.ends_with('/') && endpoint.starts_with('/') ? host.substr(0, host.size() - 1) : host) + endpoint;
      const auto called = net::parse_url(url);
      const auto line = fmt::format("allowed_origins = [\"https://x\"]\nauth = {{ url = {} }}", toml_quote(url));
      if (!called || !accepted("", line) || !add_origin(host.substr(0, origin_end))) {
        // It is not shown: a name and a password may stand in it.
        say(Kind::mistake, "authHost", "one is not a URL that can be called");
      } else if (found.url.empty()) {
        found.url = url;
        if (accepted("[outbound]\nallowed_hosts = " + list_toml({called->host}))) found.hosts.push_back(called->host);
      } else {
        others.push_back(host);
      }
    }
    if (found.url.empty()) {
      say(Kind::mistake, "authHost", "there is no URL to ask: private channels need a signature or a token then");
      return found;
    }
    say(Kind::taken, by_default ? "authHost (its default)" : "authHost",
        fmt::format(
            "auth.url = {}, outbound.allowed_hosts, and allowed_origins: pages with another origin need a place "
            "there, for their visitors' cookies are handed on",
            found.url));
    if (!others.empty()) {
      say(Kind::left_out, "authHost",
          fmt::format("one is asked for each application, and not who the Referer names. Not asked: {}. Give each site "
                      "its own [[apps]]",
                      fmt::join(others, ", ")));
    }
    return found;
  }

  void apps() {
    const auto asked = authorization();
    std::string id;
    std::vector<std::string> keys;
    for (std::size_t i = 0;; ++i) {
      const auto at = fmt::format("clients.{}.", i);
      if (!values_.contains(at + "appId") && !values_.contains(at + "key")) break;
      const auto app = text(at + "appId");
      const auto key = text(at + "key");
      if (id.empty() && charset_of_ids(app)) {
        id = app;
        say(Kind::taken, at + "appId", "apps.id");
      } else if (!charset_of_ids(app)) {
        say(Kind::mistake, at + "appId", "an id has letters, digits, `_` and `-`");
      } else {
        say(Kind::left_out, at + "appId",
            fmt::format("one application is enough, for all clients shared their channels: call /apps/{}/…", id));
      }
      auto with = keys;
      with.push_back(key);
      if (accepted("", "api_keys = " + list_toml(with))) {
        keys = std::move(with);
      } else {
        say(Kind::mistake, at + "key", "it is empty, too short (16 characters at least) or no header can carry it");
      }
    }
    if (id.empty()) id = "laravel";
    if (!truthy("subscribers.http", !has_below("subscribers.")) && !keys.empty()) {
      keys.clear();
      say(Kind::left_out, "clients",
          "the keys: subscribers.http is false, and here they would open publishing too. Put them into apps.api_keys "
          "when you want that");
    } else if (!keys.empty()) {
      say(Kind::taken, "clients", fmt::format("apps.api_keys ({})", keys.size()));
    }
    write_app(id, keys, asked);
  }

  void write_app(const std::string& id, const std::vector<std::string>& keys, const Authorization& asked) {
    if (!asked.hosts.empty()) toml_ += "\n[outbound]\nallowed_hosts = " + list_toml(asked.hosts) + "\n";
    toml_ += fmt::format(
        "\n[[apps]]\nid = {}\n"
        "# Made for this file; laravel-echo-server has neither. Clients of Pusher's protocol (Echo's `reverb` and "
        "`pusher`)\n"
        "# connect with the key. Laravel signs with the secret when you move on to its `reverb` or `pusher` driver:\n"
        "# REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET in its .env are then id, key and secret.\n"
        "key = {}\nsecret = {}\n",
        toml_quote(id), toml_quote(fresh_.app_key), toml_quote(fresh_.app_secret));
    if (!keys.empty()) toml_ += "api_keys = " + list_toml(keys) + "\n";
    origins_ = asked.origins;
    if (!asked.origins.empty()) toml_ += "allowed_origins = " + list_toml(asked.origins) + "\n";
    if (!asked.url.empty()) toml_ += "auth = { url = " + toml_quote(asked.url) + " }\n";
    say(Kind::left_out, "(channels)",
        "the history of domain.*, user.* and admin.* is kept, of others (orders.5, App.Models.User.1) with a "
        "[[channels]] rule: docs/laravel-echo-server.md. A connection on one that is not kept is not recovered");
    say(Kind::taken, "(new)",
        "apps.key and apps.secret were made for this file, and are others the next time: keep it, or put your own in");
  }

  // As socket.io 2 reads them: texts with spaces between, `host:*` for any port.
  std::vector<std::string> origins_of_file() {
    std::vector<std::string> found;
    for (const auto& some : texts("socketio.origins")) {
      for (std::size_t at = 0; at < some.size();) {
        const auto end = std::min(some.find(' ', at), some.size());
        auto one = some.substr(at, end - at);
        at = end + 1;
        if (one == "*:*" || one == "*") {
          say(Kind::left_out, "socketio.origins",
              "pages of the hosts that are asked may poll, not any page: its visitors' cookies would go along");
          continue;
        }
        if (one.ends_with(":*")) one.resize(one.size() - 2);
        if (one.empty()) continue;
        if (accepted("[socketio]\ncors_origins = " + list_toml({one}))) {
          found.push_back(std::move(one));
        } else {
          say(Kind::left_out, "socketio.origins",
              fmt::format("`{}` is no origin: put https://host or https://host:port into socketio.cors_origins", one));
        }
      }
    }
    return found;
  }

  void socketio() {
    std::string table;
    const auto take = [&](const std::string& name, const std::string& key, const std::string& value) {
      const auto line = fmt::format("{} = {}\n", key, value);
      if (accepted("[socketio]\n" + table + line)) {
        table += line;
        say(Kind::taken, "socketio." + name, "socketio." + key);
      } else {
        say(Kind::mistake, "socketio." + name,
            fmt::format("`{}` is not taken for socketio.{}: the default is", value, key));
      }
    };
    for (const auto& [name, key] : kSocketIoOptions) {
      if (const auto value = text(fmt::format("socketio.{}", name)); !value.empty()) take(name, key, value);
    }
    if (const auto path = text("socketio.path"); !path.empty()) take("path", "path", toml_quote(path));
    auto origins = origins_of_file();
    const bool told = !origins.empty();
    if (!told) origins = origins_;
    if (!origins.empty() && accepted("[socketio]\n" + table + "cors_origins = " + list_toml(origins))) {
      table += "cors_origins = " + list_toml(origins) + "\ncors_credentials = true\n";
      say(Kind::taken, told ? "socketio.origins" : "authHost",
          "socketio.cors_origins and cors_credentials: pages that may poll from elsewhere, as socket.io-client 2 does");
    }
    if (!table.empty()) toml_ += "\n[socketio]\n" + table;
  }

  void rest() {
    if (truthy("databaseConfig.publishPresence", false)) {
      say(Kind::left_out, "databaseConfig.publishPresence",
          "nothing is published in Redis: a [[webhooks]] with member_added and member_removed tells your application");
    }
    if (truthy("apiOriginAllow.allowCors", false)) {
      say(Kind::left_out, "apiOriginAllow",
          "web pages may not call the API: its key would be every visitor's. Let your application call it");
    }
    for (const auto* name : {"Origin", "Methods", "Headers"}) text(fmt::format("apiOriginAllow.allow{}", name));
    std::set<std::string_view> told;
    for (const auto& path : order_) {
      if (used_.contains(path) || !values_.contains(path)) continue;
      const auto known = std::find_if(kWithoutCounterpart.begin(), kWithoutCounterpart.end(), [&](const auto& row) {
        return row.key.ends_with('.') ? path.starts_with(row.key) : path == row.key;
      });
      const bool empty = values_.at(path).kind == FlatRow::Kind::empty;
      if (known == kWithoutCounterpart.end()) {
        if (!empty) say(Kind::left_out, path, "laravel-echo-server knows no such key");
      } else if (told.insert(known->key).second || known->key == "socketio." || known->key == "databaseConfig.redis.") {
        say(Kind::left_out, path, std::string(known->text));
      }
    }
  }

  const Environment& environment_;
  const FreshSecrets& fresh_;
  std::vector<std::string> order_;
  std::map<std::string, FlatRow> values_;
  std::map<std::string, std::string> by_variable_;
  std::set<std::string> used_;
  std::vector<std::string> origins_;  // of the pages, as the hosts that are asked tell
  std::string toml_;
  std::vector<ImportRemark> remarks_;
};

}  // namespace

Result<EchoServerImport> import_echo_server(std::string_view json, const Environment& environment,
                                            const FreshSecrets& fresh) {
  auto rows = flatten_json(json);
  if (!rows) return rows.error();
  return Importer(std::move(*rows), environment, fresh).run();
}

std::string remarks_text(const std::vector<ImportRemark>& remarks) {
  std::string out;
  for (const auto kind : {Kind::mistake, Kind::left_out, Kind::taken}) {
    for (const auto& remark : remarks) {
      if (remark.kind != kind) continue;
      const auto* word = kind == Kind::mistake ? "mistake" : kind == Kind::left_out ? "left out" : "taken over";
      out += fmt::format("{}: {}: {}\n", word, remark.key, remark.text);
    }
  }
  return out;
}

}  // namespace parley::server

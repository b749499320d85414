#include "server/config_reader.h"

#include "core/channel_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace parley::server::reader {
namespace {

constexpr std::size_t kSecretCharsMin = 16;
constexpr std::size_t kTokenSecretsMax = 8;  // each may cost a refused token another sum
constexpr const char* kMakeSecret = "make one with `openssl rand -hex 20`";

// What examples of this and of other servers use; whoever copies one has no secret.
constexpr std::array<std::string_view, 12> kKnownSecrets{kDevAppSecret,
                                                         "app-secret",
                                                         "secret",
                                                         "password",
                                                         "changeme",
                                                         "change-me",
                                                         "my-app-secret",
                                                         "your-app-secret",
                                                         "your-pusher-secret",
                                                         "laravel-websockets",
                                                         "replace-with-a-secret",
                                                         "0123456789abcdef0123"};

bool all_of_charset(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
  });
}

bool address_or_block(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  in6_addr scratch{};
  const bool v4 = inet_pton(AF_INET, address.c_str(), &scratch) == 1;
  const bool v6 = !v4 && inet_pton(AF_INET6, address.c_str(), &scratch) == 1;
  if (!v4 && !v6) return false;
  if (slash == std::string::npos) return true;
  unsigned bits = 0;
  const auto* first = text.data() + slash + 1;
  const auto* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(first, last, bits);
  return first != last && failure == std::errc{} && end == last && bits <= (v4 ? 32U : 128U);
}

// `*`, or scheme://host[:port]; the host may begin with `*.`. No path: browsers send none.
bool origin_pattern(std::string_view text) {
  if (text == "*") return true;
  const auto separator = text.find("://");
  if (separator == std::string_view::npos || separator == 0) return false;
  auto host = text.substr(separator + 3);
  if (host.starts_with("*.")) host.remove_prefix(2);
  return !host.empty() && all_of_charset(text.substr(0, separator), "+-.") && all_of_charset(host, "-._:[]");
}

class Checker {
 public:
  Checker(const ConfigSources& sources, LoadedConfig& out) : sources_(sources), out_(out), config_(out.config) {}

  void run() {
    check_server();
    check_tls();
    check_apps();
    check_rules();
    check_limits();
  }

 private:
  void wrong(const std::string& key, std::string what, std::string remedy = {}) {
    mistake(out_, origin_of(out_, key), key, std::move(what), std::move(remedy));
  }

  void check_host(const std::string& key, const std::string& host) {
    in6_addr scratch{};
    if (host != "localhost" && inet_pton(AF_INET, host.c_str(), &scratch) != 1 &&
        inet_pton(AF_INET6, host.c_str(), &scratch) != 1) {
      wrong(key, fmt::format("`{}` is not an address", host),
            "use 0.0.0.0, ::, 127.0.0.1 or an address of this machine");
    }
  }

  void check_server() {
    const auto& server = config_.server;
    check_host("server.host", server.host);
    check_host("metrics.host", config_.metrics.host);
    if (server.port != 0 && server.port == config_.metrics.port) {
      wrong("metrics.port", fmt::format("{} is server.port too", server.port),
            "choose another port, or 0 for a free one");
    }
    const auto& prefix = server.path_prefix;
    if (!prefix.empty() && (prefix.front() != '/' || prefix.back() == '/' || !all_of_charset(prefix, "/-._~"))) {
      wrong("server.path_prefix", fmt::format("`{}` is not a path prefix", prefix),
            "begin with `/`, do not end with one: `/ws`");
    }
    for (const auto& proxy : server.trusted_proxies) {
      if (!address_or_block(proxy)) {
        wrong("server.trusted_proxies", fmt::format("`{}` is neither an address nor a CIDR block", proxy),
              "write 10.0.0.0/8, 192.0.2.7 or fd00::/8");
      }
    }
    if (config_.data.dir.empty()) wrong("data.dir", "the data directory has no name", "set data.dir = \"./data\"");
  }

  void check_tls() {
    const auto& tls = config_.server.tls;
    if (tls.certificate.empty() != tls.key.empty()) {
      const auto* missing = tls.key.empty() ? "server.tls.key" : "server.tls.certificate";
      const auto* given = tls.key.empty() ? "server.tls.certificate" : "server.tls.key";
      wrong(given, fmt::format("{} is missing beside it", missing), "set both, or none");
    }
    for (const auto& [key, path] :
         {std::pair{"server.tls.certificate", tls.certificate}, {"server.tls.key", tls.key}}) {
      if (path.empty() || !sources_.readable) continue;
      if (const auto status = sources_.readable(path); !status) {
        wrong(key, status.error().message, "check the path, and that the user who runs parley may read the file");
      }
    }
  }

  void check_secret(const std::string& key, const std::string& secret, const App& app) {
    if (config_.dev) return;
    if (std::find(kKnownSecrets.begin(), kKnownSecrets.end(), secret) != kKnownSecrets.end()) {
      wrong(key, "this secret is a well-known example", kMakeSecret);
    } else if (secret == app.key) {
      wrong(key, "the secret is the same as the public key", kMakeSecret);
    } else if (secret.size() < kSecretCharsMin) {
      wrong(key, fmt::format("{} characters are too few: at least {}", secret.size(), kSecretCharsMin), kMakeSecret);
    }
  }

  void check_app(const App& app, const std::string& at) {
    if (app.id.empty()) {
      wrong(at + ".id", "the app has no id", "letters, digits, `_` and `-`");
    } else if (!all_of_charset(app.id, "_-")) {
      wrong(at + ".id", fmt::format("`{}` has characters that an id must not have", app.id),
            "letters, digits, `_` and `-`");
    }
    if (app.key.empty()) {
      wrong(at + ".key", "the app has no key", "clients connect with it; `openssl rand -hex 10` makes one");
    } else if (!all_of_charset(app.key, "_-.")) {
      wrong(at + ".key", fmt::format("`{}` has characters that a key must not have", app.key),
            "letters, digits, `_`, `-` and `.`");
    } else if (app.key == kDevAppKey && !config_.dev) {
      wrong(at + ".key", "this key is that of the demo", "`openssl rand -hex 10` makes one");
    }
    if (app.secret.empty()) {
      wrong(at + ".secret", "the app has no secret", kMakeSecret);
    } else {
      check_secret(at + ".secret", app.secret, app);
    }
    if (!app.secret_previous.empty()) {
      check_secret(at + ".secret_previous", app.secret_previous, app);
      if (app.secret_previous == app.secret) {
        wrong(at + ".secret_previous", "it is the same as the secret", "remove it when the rotation is over");
      }
    }
    for (const auto& origin : app.allowed_origins) {
      if (!origin_pattern(origin)) {
        wrong(at + ".allowed_origins", fmt::format("`{}` is not an origin", origin),
              "write scheme://host or scheme://host:port without a path; the host may begin with `*.`");
      }
    }
    check_tokens(app, at + ".tokens");
    check_app_limits(app, at);
  }

  void check_tokens(const App& app, const std::string& at) {
    const auto& tokens = app.tokens;
    const auto secrets = at + ".hs256_secrets";
    if (tokens.hs256_secrets.size() > kTokenSecretsMax) {
      wrong(secrets, fmt::format("{} secrets are too many: at most {}", tokens.hs256_secrets.size(), kTokenSecretsMax),
            "remove those whose rotation is over");
    }
    for (const auto& secret : tokens.hs256_secrets) {
      if (secret.empty()) {
        wrong(secrets, "an empty secret would let everybody sign", kMakeSecret);
      } else if (secret.find("-----BEGIN") != std::string::npos) {
        wrong(secrets, "this is a key in PEM form, and a public one is no secret", "name its file in public_key_files");
      } else {
        check_secret(secrets, secret, app);
      }
    }
    if (tokens.lifetime_max.count() != 0 && tokens.warn >= tokens.lifetime_max) {
      wrong(at + ".warn_seconds",
            fmt::format("{}s is not less than lifetime_max_seconds = {}", tokens.warn.count(),
                        tokens.lifetime_max.count()),
            "every client would be told at once that its token ends");
    }
  }

  // What an app may send must fit through the doors of the node.
  void check_app_limits(const App& app, const std::string& at) {
    const auto& limits = config_.settings.limits;
    const auto data = app.limits.event_data_bytes_max;
    if (limits.frame_bytes_max <= data) {
      wrong("limits.frame_bytes_max",
            fmt::format("{} is too small for {}.limits.event_data_bytes_max = {}", limits.frame_bytes_max, at, data),
            fmt::format("set limits.frame_bytes_max to at least {}", data + data / 4 + 4'096));
    }
    if (limits.http_body_bytes_max / app.limits.events_per_batch_max <= data) {
      wrong("limits.http_body_bytes_max",
            fmt::format("{} is too small for {} events of {} bytes in a batch ({}.limits)", limits.http_body_bytes_max,
                        app.limits.events_per_batch_max, data, at),
            "raise it, or lower events_per_batch_max or event_data_bytes_max");
    }
    if (limits.write_queue_bytes_max <= data) {
      wrong("limits.write_queue_bytes_max",
            fmt::format("{} is not more than {}.limits.event_data_bytes_max = {}", limits.write_queue_bytes_max, at,
                        data),
            "one event would close every client");
    }
    if (app.limits.connections_max > limits.connections_max) {
      wrong(at + ".limits.connections_max",
            fmt::format("{} is more than the node's limits.connections_max = {}", app.limits.connections_max,
                        limits.connections_max),
            "lower it, or raise the node's");
    }
  }

  void check_apps() {
    const auto& apps = config_.settings.apps;
    if (apps.empty()) {
      mistake(out_, {}, "apps", "there is no application",
              "add [[apps]] with id, key and secret to the file, or set PARLEY_APP_ID, PARLEY_APP_KEY and "
              "PARLEY_APP_SECRET, or try `parley serve --dev`");
    }
    std::map<std::string, std::size_t> ids;
    std::map<std::string, std::size_t> keys;
    for (std::size_t i = 0; i < apps.size(); ++i) {
      const auto at = fmt::format("apps[{}]", i);
      check_app(apps[i], at);
      if (const auto [first, fresh] = ids.emplace(apps[i].id, i); !fresh && !apps[i].id.empty()) {
        wrong(at + ".id", fmt::format("`{}` is the id of apps[{}] too", apps[i].id, first->second),
              "give each app its own");
      }
      if (const auto [first, fresh] = keys.emplace(apps[i].key, i); !fresh && !apps[i].key.empty()) {
        wrong(at + ".key", fmt::format("`{}` is the key of apps[{}] too", apps[i].key, first->second),
              "give each app its own");
      }
    }
  }

  void check_rules() {
    const auto own_rules = config_.settings.rules.size() - default_rules().size();
    for (std::size_t i = 0; i < own_rules; ++i) {
      const auto& rule = config_.settings.rules[i];
      const auto at = fmt::format("channels[{}]", i);
      if (rule.match.empty()) {
        wrong(at + ".match", "the rule matches nothing", "set match to a pattern as `orders.*`");
      } else if (!all_of_charset(rule.match, "_-=@,.;*#")) {
        wrong(at + ".match", fmt::format("`{}` has characters that no channel name has", rule.match),
              "letters, digits, _ - = @ , . ; and * for any run of them");
      }
      for (std::size_t earlier = 0; earlier < i; ++earlier) {
        if (!rule.match.empty() && config_.settings.rules[earlier].match == rule.match) {
          wrong(at + ".match", fmt::format("channels[{}] has the same pattern, and the first rule decides", earlier),
                "merge the two");
        }
      }
      if (rule.durability != Durability::none) continue;
      for (const auto* kept : {"retention.age_seconds", "retention.count", "retention.bytes", "keep_client_events"}) {
        const auto key = fmt::format("{}.{}", at, kept);
        if (out_.origins.contains(key) && (std::string_view(kept) != "keep_client_events" || rule.keep_client_events)) {
          wrong(key, "nothing is kept with durability = \"none\"", "set durability = \"quorum\", or remove this");
          break;
        }
      }
    }
  }

  void check_limits() {
    const auto& limits = config_.settings.limits;
    if (limits.write_queue_bytes_max <= limits.frame_bytes_max) {
      wrong("limits.write_queue_bytes_max",
            fmt::format("{} is not more than limits.frame_bytes_max = {}", limits.write_queue_bytes_max,
                        limits.frame_bytes_max),
            "one message would close every client");
    }
    if (limits.catch_up_buffer_bytes_max > limits.write_queue_bytes_max) {
      wrong("limits.catch_up_buffer_bytes_max",
            fmt::format("{} is more than limits.write_queue_bytes_max = {}", limits.catch_up_buffer_bytes_max,
                        limits.write_queue_bytes_max),
            "what was held back must fit into the write queue");
    }
    // A retry that arrives with a still valid signature must still find the first result.
    if (limits.idempotency_window < limits.signature_window) {
      wrong("limits.idempotency_window",
            fmt::format("{}s is shorter than limits.signature_window = {}s", limits.idempotency_window.count(),
                        limits.signature_window.count()),
            "make it at least as long");
    }
    if (limits.connections_per_address_max > limits.connections_max) {
      wrong("limits.connections_per_address_max", "it is more than limits.connections_max",
            "lower it, or use 0 for no bound");
    }
  }

  const ConfigSources& sources_;
  LoadedConfig& out_;
  const Config& config_;
};

}  // namespace

void check(const ConfigSources& sources, LoadedConfig& out) { Checker(sources, out).run(); }

}  // namespace parley::server::reader

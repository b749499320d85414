#include "server/config/config_reader.h"

#include "core/channel_name.h"
#include "core/host_pattern.h"
#include "core/origin.h"
#include "net/client/socket.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace parley::server::reader {
namespace {

constexpr std::size_t kSecretCharsMin = 16;
constexpr std::size_t kApiKeysMax = 32;      // all are compared with each request
constexpr std::size_t kTokenSecretsMax = 8;  // each may cost a refused token another sum
constexpr const char* kMakeSecret = "make one with `openssl rand -hex 20`";

// What examples of this and of other servers use; whoever copies one has no secret.
constexpr std::array<std::string_view, 13> kKnownSecrets{kDevAppSecret,
                                                         kDevAdminKey,
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

constexpr std::string_view kPatternChars = "_-=@,.;*#";
constexpr const char* kPatternRemedy = "letters, digits, _ - = @ , . ; and * for any run of them";

bool header_name(std::string_view name) { return !name.empty() && all_of_charset(name, "!#$%&'*+-.^_`|~"); }

class Checker {
 public:
  Checker(const ConfigSources& sources, LoadedConfig& out) : sources_(sources), out_(out), config_(out.config) {}

  void run() {
    check_server();
    check_tls();
    check_admin();
    check_outbound();
    check_apps();
    check_webhooks();
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
      check_readable(key, path);
    }
  }

  // A key that is sent with each request, as `Authorization: Bearer …`.
  void check_bearer_key(const std::string& name, const std::string& key) {
    if (!std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; })) {
      return wrong(name, "it has characters that an HTTP header cannot carry",
                   "printable ASCII without spaces; " + std::string(kMakeSecret));
    }
    if (config_.dev) return;
    if (std::find(kKnownSecrets.begin(), kKnownSecrets.end(), key) != kKnownSecrets.end()) {
      wrong(name, "this key is a well-known example", kMakeSecret);
    } else if (key.size() < kSecretCharsMin) {
      wrong(name, fmt::format("{} characters are too few: at least {}", key.size(), kSecretCharsMin), kMakeSecret);
    }
  }

  void check_admin() {
    const auto& admin = config_.settings.admin;
    for (const auto& [name, key] : {std::pair{"admin.key", &admin.key}, {"admin.key_previous", &admin.key_previous}}) {
      if (!key->empty()) check_bearer_key(name, *key);
    }
    if (admin.key_previous.empty()) return;
    if (admin.key.empty()) wrong("admin.key_previous", "admin.key is missing beside it", "set both, or only admin.key");
    if (admin.key_previous == admin.key) {
      wrong("admin.key_previous", "it is the same as admin.key", "remove it when the rotation is over");
    }
  }

  void check_outbound() {
    for (const auto& pattern : config_.settings.outbound_hosts) {
      if (!valid_host_pattern(pattern)) {
        wrong("outbound.allowed_hosts", fmt::format("`{}` is not a host", pattern),
              "write hooks.example.com, *.example.com or 10.0.0.5:8080");
      }
    }
  }

  // A URL that this server will call.
  void check_outbound_url(const std::string& key, const std::string& text) {
    const auto starts = [&](std::string_view scheme) { return text.starts_with(scheme); };
    const auto authority = text.find("://") == std::string::npos ? std::string_view()
                                                                 : std::string_view(text).substr(text.find("://") + 3);
    if (authority.substr(0, authority.find_first_of("/?#")).find('@') != std::string_view::npos) {
      return wrong(key, "a name and a password in the URL are sent to nobody", "use a header for them");
    }
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    const auto url = net::parse_url(text);
    if ((!starts("http://") && !starts("https://")) || !plain || !url) {
      return wrong(key, fmt::format("`{}` is not a URL that can be called", text), "write https://host/path");
    }
    if (text.find('#') != std::string::npos) return wrong(key, "a URL that is called has no `#` part", "remove it");
    if (!host_allowed(config_.settings.outbound_hosts, url->host, url->port)) {
      wrong(key, fmt::format("outbound.allowed_hosts does not name {}", url->host), "add the host there");
    }
  }

  void check_readable(const std::string& key, const std::string& path) {
    if (path.empty() || !sources_.readable) return;
    if (const auto status = sources_.readable(path); !status) {
      wrong(key, status.error().message, "check the path, and that the user who runs parley may read the file");
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
    if (app.api_keys.size() > kApiKeysMax) {
      wrong(at + ".api_keys", fmt::format("{} keys are too many: at most {}", app.api_keys.size(), kApiKeysMax),
            "remove those that nobody uses any more");
    }
    for (const auto& key : app.api_keys) {
      check_bearer_key(at + ".api_keys", key);
      if (key == app.key) wrong(at + ".api_keys", "one of them is the public key", kMakeSecret);
    }
    for (const auto& origin : app.allowed_origins) {
      if (const auto valid = check_origin_pattern(origin); !valid) {
        wrong(at + ".allowed_origins", fmt::format("`{}` is not an origin: {}", origin, valid.error().message),
              kOriginRemedy);
      }
    }
    check_tokens(app, at + ".tokens");
    check_app_auth(app, at);
    check_app_status(app, at);
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

  void check_app_auth(const App& app, const std::string& at) {
    const auto& auth = app.auth;
    if (!auth.url.empty()) check_outbound_url(at + ".auth.url", auth.url);
    if (!auth.batch_url.empty()) check_outbound_url(at + ".auth.batch_url", auth.batch_url);
    const auto& origins = app.allowed_origins;
    const bool any_origin = origins.empty() || std::find(origins.begin(), origins.end(), "*") != origins.end();
    const bool cookies =
        std::find(auth.forward_headers.begin(), auth.forward_headers.end(), "cookie") != auth.forward_headers.end();
    if (!auth.url.empty() && any_origin && cookies && !config_.dev) {
      wrong(at + ".auth.url", "any web page could connect with a visitor's cookies, and they would be handed on",
            fmt::format("name your pages in {}.allowed_origins, or leave `cookie` out of auth.forward_headers", at));
    }
    if (auth.url.empty() && !auth.batch_url.empty()) {
      wrong(at + ".auth.batch_url", fmt::format("{}.auth.url is missing beside it", at), "set both, or only auth.url");
    }
    for (const auto& name : auth.forward_headers) {
      if (!header_name(name)) {
        wrong(at + ".auth.forward_headers", fmt::format("`{}` is not a header's name", name),
              "write names as `cookie`");
      }
    }
  }

  // What is filled in cannot make another channel of it, so any word stands for it here.
  void check_app_status(const App& app, const std::string& at) {
    for (const auto& channel : app.status.channels) {
      auto name = channel;
      for (const std::string_view place : {"{user}", "{domain}"}) {
        if (const auto found = name.find(place); found != std::string::npos) name.replace(found, place.size(), "1");
      }
      const auto traits = channel_traits(name);
      if (!check_channel_name(name, app.limits.channel_name_chars_max)) {
        wrong(at + ".status.channels", fmt::format("`{}` is no channel's name", channel),
              "letters, digits, _ - = @ , . ; with {user} or {domain} once each");
      } else if (!traits.needs_auth || traits.encrypted) {
        wrong(at + ".status.channels", fmt::format("everybody may listen to `{}`, or nobody can read it", channel),
              "use a private- or presence- channel");
      }
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

  void check_webhook(const WebhookTarget& target, const std::string& at) {
    if (target.name.empty()) {
      wrong(at + ".name", "the webhook has no name",
            "what waits for it is stored under it: letters, digits, `_` and `-`");
    } else if (!all_of_charset(target.name, "_-")) {
      wrong(at + ".name", fmt::format("`{}` has characters that a name must not have", target.name),
            "letters, digits, `_` and `-`");
    }
    if (target.app.empty()) {
      wrong(at + ".app", "the webhook has no app", "set app to the id of one of [[apps]]");
    } else if (config_.settings.app_by_id(target.app) == nullptr) {
      wrong(at + ".app", fmt::format("there is no app with the id `{}`", target.app), "use the id of one of [[apps]]");
    }
    if (target.url.empty()) {
      wrong(at + ".url", "the webhook has no url", "write https://host/path");
    } else {
      check_outbound_url(at + ".url", target.url);
    }
    if (target.events.empty()) wrong(at + ".events", "the webhook has no events", "`*` means all");
    for (const auto& event : target.events) {
      if (event == "*" || event == "pusher" || notice_kind(event)) continue;
      std::vector<std::string_view> names{"pusher"};
      for (std::size_t i = 0; i < kNoticeKinds; ++i) names.push_back(notice_name(static_cast<NoticeKind>(i)));
      const auto near = closest(event, names);
      wrong(at + ".events", fmt::format("there is no event `{}`", event),
            near.empty() ? fmt::format("use `*` or: {}", fmt::join(names, ", "))
                         : fmt::format("did you mean `{}`?", near));
    }
    if (target.channels.empty()) wrong(at + ".channels", "the webhook matches no channel", "`*` means all");
    for (const auto& pattern : target.channels) {
      if (pattern.empty() || !all_of_charset(pattern, kPatternChars)) {
        wrong(at + ".channels", fmt::format("`{}` has characters that no channel name has", pattern), kPatternRemedy);
      }
    }
    for (const auto& header : target.headers) check_header(at + ".headers", header);
    check_readable(at + ".ca_file", target.ca_file);
  }

  // The message never shows the value: it may be a secret.
  void check_header(const std::string& key, const std::string& header) {
    constexpr std::array<std::string_view, 9> kOurs{"host",         "content-length",     "content-type",
                                                    "connection",   "transfer-encoding",  "user-agent",
                                                    "x-pusher-key", "x-pusher-signature", "expect"};
    const auto colon = header.find(':');
    const auto name = header.substr(0, colon);
    if (colon == std::string::npos || !header_name(name)) {
      return wrong(key, "one of them is not `Name: value`", "write them as \"Authorization: Bearer …\"");
    }
    const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
    if (std::any_of(header.begin(), header.end(), control)) {
      return wrong(key, fmt::format("the value of `{}` has control characters", name), "remove them");
    }
    const bool ours = std::any_of(kOurs.begin(), kOurs.end(), [&](std::string_view own) {
      return std::equal(own.begin(), own.end(), name.begin(), name.end(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
      });
    });
    if (ours) wrong(key, fmt::format("`{}` is set by the server", name), "remove it");
  }

  void check_webhooks() {
    const auto& webhooks = config_.settings.webhooks;
    std::map<std::string, std::size_t> names;
    for (std::size_t i = 0; i < webhooks.size(); ++i) {
      const auto at = fmt::format("webhooks[{}]", i);
      check_webhook(webhooks[i], at);
      if (const auto [first, fresh] = names.emplace(webhooks[i].name, i); !fresh && !webhooks[i].name.empty()) {
        wrong(at + ".name", fmt::format("`{}` is the name of webhooks[{}] too", webhooks[i].name, first->second),
              "give each its own");
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
      } else if (!all_of_charset(rule.match, kPatternChars)) {
        wrong(at + ".match", fmt::format("`{}` has characters that no channel name has", rule.match), kPatternRemedy);
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
    // The default is one for large nodes, and no mistake on a small one.
    if (limits.connections_per_address_max > limits.connections_max &&
        limits.connections_per_address_max != NodeLimits{}.connections_per_address_max) {
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

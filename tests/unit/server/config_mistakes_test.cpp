// Every mistake is found, at once, with its line, its key and what to do.

#include "server/config/config_load.h"

#include "tests/unit/net/auth/keys.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace parley::server {
namespace {

constexpr const char* kApp = R"(
[[apps]]
id = "shop"
key = "4f0c8a1d2b7e9c63"
secret = "a-secret-of-good-length"
)";

LoadedConfig load(std::string toml, bool dev = false) {
  ConfigSources sources;
  sources.toml = std::move(toml);
  sources.dev = dev;
  return load_config(sources);
}

// Each mistake on one line: `where|key|what|remedy`.
std::vector<std::string> mistakes(const LoadedConfig& loaded) {
  std::vector<std::string> lines;
  for (const auto& m : loaded.mistakes) lines.push_back(m.where + '|' + m.key + '|' + m.what + '|' + m.remedy);
  return lines;
}

// The text is one mistake and this is it.
void expect_mistake(const std::string& toml, const std::string& where, const std::string& key,
                    const std::string& part) {
  const auto loaded = load(toml);
  const auto found = mistakes(loaded);
  ASSERT_EQ(found.size(), 1U) << toml << testing::PrintToString(found);
  EXPECT_EQ(loaded.mistakes[0].where, where) << toml;
  EXPECT_EQ(loaded.mistakes[0].key, key) << toml;
  EXPECT_NE(found[0].find(part), std::string::npos) << found[0];
}

TEST(ConfigMistakes, AGoodFileHasNone) { EXPECT_THAT(mistakes(load(kApp)), testing::IsEmpty()); }

TEST(ConfigMistakes, NoApplicationIsOne) {
  expect_mistake("", "", "apps", "there is no application");
  EXPECT_TRUE(load("", true).ok());
}

TEST(ConfigMistakes, OfACluster) {
  const std::string app = kApp;
  expect_mistake(app + "[cluster]\nenabled = true\n", "default", "cluster.tls.authority", "could be a node");
  EXPECT_TRUE(load(app + "[cluster]\nenabled = true\n", true).ok());
  EXPECT_EQ(load(app + "[cluster]\nenabled = true\n", true).config.cluster.host, "127.0.0.1");
  EXPECT_TRUE(load(app + "[cluster]\nport = 6001\n").ok()) << "it is off";
  const auto wrong = load(app +
                              "[cluster]\njoin = [\"a:b:c\", \"parley-0\"]\nadvertise = \"x:0\"\nname = \"two words\"\n"
                              "port = 6001\nhost = \"parley-0\"\ntls.key = \"k\"\n",
                          true);
  std::set<std::string> keys;
  for (const auto& one : wrong.mistakes) keys.insert(one.key);
  EXPECT_EQ(keys, (std::set<std::string>{"cluster.join", "cluster.advertise", "cluster.name", "cluster.port",
                                         "cluster.host", "cluster.tls.certificate", "cluster.tls.authority"}));
}

TEST(ConfigMistakes, NotToml) {
  const auto loaded = load("[server]\nport = = 1\n");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.mistakes.back().where, "parley.toml:2");
  EXPECT_NE(loaded.mistakes.back().what.find("not TOML"), std::string::npos);
}

TEST(ConfigMistakes, ANameOfManyPartsIsNoDepthForTheReader) {
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  for (const auto& text : {"[" + deep + "]\n", deep + " = 1\n", "[[" + deep + "]]\n"}) {
    const auto loaded = load("# one line\n" + text);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.mistakes.back().where, "parley.toml:2");
    EXPECT_NE(loaded.mistakes.back().what.find("more than 64 parts"), std::string::npos);
  }
}

TEST(ConfigMistakes, UnknownKeysAreNamedWithWhatWasMeant) {
  const std::string app = kApp;
  expect_mistake("[server]\nprot = 1" + app, "parley.toml:2", "server.prot", "did you mean `server.port`?");
  expect_mistake("[server]\ndrain = 1" + app, "parley.toml:2", "server.drain", "did you mean `server.drain_seconds`?");
  expect_mistake("port = 1" + app, "parley.toml:1", "port", "did you mean `server.port`?");
  expect_mistake("[sever]\nport = 1" + app, "parley.toml:1", "sever", "there is no such key");
  expect_mistake("[limits]\nmax_connections = 1" + app, "parley.toml:2", "limits.max_connections",
                 "did you mean `limits.connections_max`?");
  expect_mistake(app + "secert = \"x\"", "parley.toml:6", "apps[0].secert", "did you mean `apps[0].secret`?");
  expect_mistake(app + "[apps.limits]\nconections_max = 1", "parley.toml:7", "apps[0].limits.conections_max",
                 "did you mean `apps[0].limits.connections_max`?");
  expect_mistake(app + "[[channels]]\nmatch = \"a\"\ndurability = \"async\"\nretention = { age = 1 }", "parley.toml:9",
                 "channels[0].retention.age", "did you mean `channels[0].retention.age_seconds`?");
  expect_mistake("quantum_flux = 1" + app, "parley.toml:1", "quantum_flux", "docs/configuration.md");
}

TEST(ConfigMistakes, WrongTypes) {
  const std::string app = kApp;
  expect_mistake("[server]\nport = \"x\"" + app, "parley.toml:2", "server.port", "expected a whole number, found text");
  expect_mistake("[server]\nport = 1.5" + app, "parley.toml:2", "server.port", "found a decimal number");
  expect_mistake("[server]\nport = [1]" + app, "parley.toml:2", "server.port", "found a list of something else");
  expect_mistake("[server]\nport = { a = 1 }" + app, "parley.toml:2", "server.port", "found a table");
  expect_mistake("[server]\nhost = 1" + app, "parley.toml:2", "server.host", "expected text, found an integer");
  expect_mistake("[server]\ntrusted_proxies = \"10.0.0.0/8\"" + app, "parley.toml:2", "server.trusted_proxies",
                 "a list");
  expect_mistake("server = 1" + app, "parley.toml:1", "server", "expected a table");
  expect_mistake(app + "enabled = \"yes\"", "parley.toml:6", "apps[0].enabled", "expected true or false, found text");
  expect_mistake("[data]\ndir = 1979-05-27" + app, "parley.toml:2", "data.dir", "found a date or time");
  expect_mistake("[log]\nlevel = \"loud\"" + app, "parley.toml:2", "log.level", "`loud` is not one of `debug`, `info`");
  expect_mistake("channels = 1" + app, "parley.toml:1", "channels", "write [[channels]]");
}

TEST(ConfigMistakes, NumbersOutOfRange) {
  const std::string app = kApp;
  expect_mistake("[server]\nport = 65536" + app, "parley.toml:2", "server.port", "65536 is out of range: 0 to 65535");
  expect_mistake("[server]\nport = -1" + app, "parley.toml:2", "server.port", "-1 is out of range");
  expect_mistake("[limits]\nconnections_max = 0" + app, "parley.toml:2", "limits.connections_max",
                 "0 is out of range: 1 to");
  expect_mistake("[limits]\njson_depth_max = 9223372036854775807" + app, "parley.toml:2", "limits.json_depth_max",
                 "out of range");
}

TEST(ConfigMistakes, BadDurations) {
  const std::string app = kApp;
  for (const char* text :
       {"\"5 parsecs\"", "\"s\"", "\"\"", "\"-5s\"", "-5", "\"5.5s\"", "\"99999999999999999999s\"", "\"1e3\""}) {
    expect_mistake(std::string("[timing]\nactivity_timeout = ") + text + app, "parley.toml:2",
                   "timing.activity_timeout", "is not a duration");
  }
  expect_mistake("[timing]\nactivity_timeout = \"1500ms\"" + app, "parley.toml:2", "timing.activity_timeout",
                 "whole seconds");
  expect_mistake("[timing]\nactivity_timeout = \"2d\"" + app, "parley.toml:2", "timing.activity_timeout",
                 "out of range: 1s to 3600s");
  expect_mistake("[timing]\nactivity_timeout = \"999999999d\"" + app, "parley.toml:2", "timing.activity_timeout",
                 "longer than a century");
}

TEST(ConfigMistakes, SecretsThatAreNone) {
  const auto with = [](const std::string& secret) {
    return "[[apps]]\nid = \"a\"\nkey = \"a-key-that-is-longer-than-16\"\nsecret = \"" + secret + "\"\n";
  };
  expect_mistake(with(""), "parley.toml:4", "apps[0].secret", "has no secret");
  expect_mistake(with("short"), "parley.toml:4", "apps[0].secret", "5 characters are too few: at least 16");
  expect_mistake(with("app-secret"), "parley.toml:4", "apps[0].secret", "well-known example");
  expect_mistake(with("app-secret-demo"), "parley.toml:4", "apps[0].secret", "well-known example");
  expect_mistake(with("replace-with-a-secret"), "parley.toml:4", "apps[0].secret", "openssl rand -hex 20");
  expect_mistake(with("a-key-that-is-longer-than-16"), "parley.toml:4", "apps[0].secret", "same as the public key");
  expect_mistake("[[apps]]\nid = \"a\"\nkey = \"k\"\n", "default", "apps[0].secret", "has no secret");
  expect_mistake(std::string(kApp) + "secret_previous = \"short\"", "parley.toml:6", "apps[0].secret_previous",
                 "too few");
  expect_mistake(std::string(kApp) + "secret_previous = \"a-secret-of-good-length\"", "parley.toml:6",
                 "apps[0].secret_previous", "same as the secret");
}

TEST(ConfigMistakes, NoMessageEverHoldsASecret) {
  const auto loaded =
      load("[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = \"tiny-hush\"\nsecret_previous = \"small-hush\"\n");
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(mistakes_text(loaded.mistakes).find("hush"), std::string::npos) << mistakes_text(loaded.mistakes);
}

TEST(ConfigMistakes, DevTakesWeakSecretsYetNoEmptyOnes) {
  EXPECT_TRUE(load("[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = \"short\"\n", true).ok());
  EXPECT_FALSE(load("[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = \"\"\n", true).ok());
}

TEST(ConfigMistakes, IdsAndKeysThatCannotBeInAPath) {
  const auto app = [](const std::string& id, const std::string& key) {
    return "[[apps]]\nid = \"" + id + "\"\nkey = \"" + key + "\"\nsecret = \"a-secret-of-good-length\"\n";
  };
  expect_mistake(app("a/b", "k"), "parley.toml:2", "apps[0].id", "`a/b` has characters");
  expect_mistake(app("", "k"), "parley.toml:2", "apps[0].id", "has no id");
  expect_mistake(app("ä", "k"), "parley.toml:2", "apps[0].id", "letters, digits, `_` and `-`");
  expect_mistake(app("a.b", "k"), "parley.toml:2", "apps[0].id", "has characters");
  expect_mistake(app("a", "k/1"), "parley.toml:3", "apps[0].key", "`k/1` has characters");
  expect_mistake(app("a", ""), "parley.toml:3", "apps[0].key", "has no key");
  expect_mistake(app("a", "app-key-demo"), "parley.toml:3", "apps[0].key", "that of the demo");
}

TEST(ConfigMistakes, TheSameIdOrKeyTwice) {
  const std::string second = "[[apps]]\nid = \"shop\"\nkey = \"other\"\nsecret = \"another-secret-of-length\"\n";
  expect_mistake(kApp + second, "parley.toml:7", "apps[1].id", "`shop` is the id of apps[0] too");
  const std::string third = "[[apps]]\nid = \"x\"\nkey = \"4f0c8a1d2b7e9c63\"\nsecret = \"another-secret-of-length\"\n";
  expect_mistake(kApp + third, "parley.toml:8", "apps[1].key", "is the key of apps[0] too");
}

TEST(ConfigMistakes, AddressesBlocksOriginsAndPrefixes) {
  const std::string app = kApp;
  expect_mistake("[server]\nhost = \"example.com\"" + app, "parley.toml:2", "server.host", "is not an address");
  expect_mistake("[metrics]\nhost = \"\"" + app, "parley.toml:2", "metrics.host", "is not an address");
  for (const char* block :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/8x", "", "x"}) {
    expect_mistake(std::string("[server]\ntrusted_proxies = [\"") + block + "\"]" + app, "parley.toml:2",
                   "server.trusted_proxies", "neither an address nor a CIDR block");
  }
  for (const char* prefix : {"ws", "/ws/", "/", "/a b"}) {
    expect_mistake(std::string("[server]\npath_prefix = \"") + prefix + "\"" + app, "parley.toml:2",
                   "server.path_prefix", "is not a path prefix");
  }
  for (const char* origin : {"example.com", "https://", "https://example.com/", "https://a.*.com", "://x",
                             "https://x:80x", "https://x:99999", ""}) {
    expect_mistake(app + "allowed_origins = [\"" + origin + "\"]", "parley.toml:6", "apps[0].allowed_origins",
                   "is not an origin");
  }
  EXPECT_TRUE(
      load(app +
           "allowed_origins = [\"*\", \"https://*.example.com\", \"http://localhost:3000\", \"http://localhost:*\", "
           "\"http://[::1]:80\"]")
          .ok());
  EXPECT_TRUE(load("[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\", \"fd00::/8\", \"192.0.2.7\"]" + app).ok());
}

TEST(ConfigMistakes, TlsNeedsBothFilesAndBothReadable) {
  const std::string app = kApp;
  expect_mistake("[server.tls]\ncertificate = \"c.pem\"" + app, "parley.toml:2", "server.tls.certificate",
                 "server.tls.key is missing");
  expect_mistake("[server.tls]\nkey = \"k.pem\"" + app, "parley.toml:2", "server.tls.key",
                 "server.tls.certificate is missing");
  ConfigSources sources;
  sources.toml = "[server.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"" + app;
  sources.readable = [](const std::string& path) -> Status {
    if (path == "c.pem") return {};
    return make_error(Errc::io, "cannot read " + path + ": Permission denied");
  };
  const auto loaded = load_config(sources);
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].where, "parley.toml:3");
  EXPECT_EQ(loaded.mistakes[0].what, "cannot read k.pem: Permission denied");
}

TEST(ConfigMistakes, SecretsOfTokensThatAreNone) {
  const auto with = [](const std::string& secrets) {
    return std::string(kApp) + "tokens.hs256_secrets = [" + secrets + "]\n";
  };
  const auto expect = [&](const std::string& secrets, const std::string& part) {
    expect_mistake(with(secrets), "parley.toml:6", "apps[0].tokens.hs256_secrets", part);
  };
  EXPECT_TRUE(load(with("\"a-secret-for-tokens\", \"another-one-for-tokens\"")).ok());
  expect("\"a-secret-for-tokens\", \"\"", "an empty secret would let everybody sign");
  expect("\"short\"", "5 characters are too few");
  expect("\"0123456789abcdef0123\"", "well-known example");
  expect("\"4f0c8a1d2b7e9c63\"", "same as the public key");
  expect("\"-----BEGIN PUBLIC KEY-----\"", "public_key_files");
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += "\"a-secret-for-tokens-" + std::to_string(i) + "\",";
  expect(nine, "9 secrets are too many: at most 8");
  EXPECT_FALSE(load(with("\"\""), true).ok()) << "not with --dev either";
  EXPECT_EQ(mistakes_text(load(with("\"tiny-hush\"")).mistakes).find("hush"), std::string::npos);
}

TEST(ConfigMistakes, TokensThatEndBeforeTheirWarning) {
  const std::string app = kApp;
  expect_mistake(app + "tokens = { lifetime_max_seconds = 60 }", "default", "apps[0].tokens.warn_seconds",
                 "60s is not less than lifetime_max_seconds = 60");
  EXPECT_TRUE(load(app + "tokens = { lifetime_max_seconds = 60, warn_seconds = 10 }").ok());
  EXPECT_TRUE(load(app + "tokens = { lifetime_max_seconds = 0, warn_seconds = 3600 }").ok());
}

TEST(ConfigMistakes, KeysOfTokensThatCannotBeUsed) {
  const auto loaded_with = [](const std::string& files) {
    ConfigSources sources;
    sources.toml = std::string(kApp) + "[apps.tokens]\npublic_key_files = [" + files + "]\n";
    sources.contents = [](const std::string& path) -> Result<std::string> {
      if (path == "keys/idp-2025.pem") return net::auth::an_ed25519_pair().public_pem;
      if (path == "rsa") return net::auth::an_rsa_pair().public_pem;
      if (path == "weak.pem") return net::auth::make_rsa(1'024).public_pem;
      if (path == "curve.pem") return net::auth::make_p256().public_pem;
      if (path == "private.pem") return net::auth::an_rsa_pair().private_pem;
      if (path == "text.pem") return std::string("hush");
      return make_error(Errc::io, "cannot read " + path + ": No such file or directory");
    };
    return load_config(sources);
  };
  const auto good = loaded_with("\"keys/idp-2025.pem\", \"rsa\"");
  ASSERT_TRUE(good.ok()) << mistakes_text(good.mistakes);
  const auto& keys = good.config.settings.apps[0].tokens.public_keys;
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].name, "idp-2025");
  EXPECT_EQ(keys[0].pem, net::auth::an_ed25519_pair().public_pem);
  EXPECT_EQ(keys[1].name, "rsa");

  const std::pair<const char*, const char*> bad[] = {
      {"weak.pem", "weak.pem: an RSA key of 1024 bits is too weak"},
      {"curve.pem", "curve.pem: the key is neither RSA nor Ed25519"},
      {"private.pem", "private.pem: this is a private key"},
      {"text.pem", "text.pem: this is no PEM file"},
      {"gone.pem", "cannot read gone.pem: No such file"},
  };
  for (const auto& [file, what] : bad) {
    const auto loaded = loaded_with("\"rsa\", \"" + std::string(file) + "\"");
    ASSERT_EQ(loaded.mistakes.size(), 1U) << file;
    EXPECT_EQ(loaded.mistakes[0].where, "parley.toml:7");
    EXPECT_EQ(loaded.mistakes[0].key, "apps[0].tokens.public_key_files");
    EXPECT_NE(loaded.mistakes[0].what.find(what), std::string::npos) << loaded.mistakes[0].what;
    EXPECT_EQ(mistakes_text(loaded.mistakes).find("hush"), std::string::npos);
  }
  const auto many = loaded_with(R"("rsa","rsa","rsa","rsa","rsa","rsa","rsa","rsa","rsa")");
  ASSERT_EQ(many.mistakes.size(), 1U);
  EXPECT_EQ(many.mistakes[0].what, "9 keys are too many: at most 8");
}

TEST(ConfigMistakes, LimitsThatContradictEachOther) {
  const std::string app = kApp;
  expect_mistake("[limits]\nframe_bytes_max = 50_000" + app, "parley.toml:2", "limits.frame_bytes_max",
                 "too small for apps[0].limits.event_data_bytes_max = 102400");
  expect_mistake("[limits]\nhttp_body_bytes_max = 500_000" + app, "parley.toml:2", "limits.http_body_bytes_max",
                 "too small for 10 events");
  expect_mistake("[limits]\nwrite_queue_bytes_max = 120_000\ncatch_up_buffer_bytes_max = 100_000" + app,
                 "parley.toml:2", "limits.write_queue_bytes_max", "not more than limits.frame_bytes_max = 131072");
  expect_mistake("[limits]\ncatch_up_buffer_bytes_max = 8_000_000" + app, "parley.toml:2",
                 "limits.catch_up_buffer_bytes_max", "more than limits.write_queue_bytes_max");
  expect_mistake("[limits]\nidempotency_window = 60" + app, "parley.toml:2", "limits.idempotency_window",
                 "shorter than limits.signature_window");
  expect_mistake("[limits]\nconnections_max = 10\nconnections_per_address_max = 11" + app, "parley.toml:3",
                 "limits.connections_per_address_max", "more than limits.connections_max");
  expect_mistake("[limits]\nconnections_max = 10" + app + "limits = { connections_max = 11 }", "parley.toml:7",
                 "apps[0].limits.connections_max", "more than the node's");
  expect_mistake("[server]\nport = 7000\n[metrics]\nport = 7000" + app, "parley.toml:4", "metrics.port",
                 "is server.port too");
  EXPECT_TRUE(load("[server]\nport = 0\n[metrics]\nport = 0" + app).ok()) << "two free ports differ";
}

TEST(ConfigMistakes, RulesThatCannotMatchOrKeepNothing) {
  const std::string app = kApp;
  expect_mistake(app + "[[channels]]\ndurability = \"quorum\"", "default", "channels[0].match", "matches nothing");
  expect_mistake(app + "[[channels]]\nmatch = \"a b\"", "parley.toml:7", "channels[0].match", "has characters");
  expect_mistake(app + "[[channels]]\nmatch = \"a.*\"\n[[channels]]\nmatch = \"a.*\"", "parley.toml:9",
                 "channels[1].match", "channels[0] has the same pattern");
  expect_mistake(app + "[[channels]]\nmatch = \"a.*\"\nretention = { count = 5 }", "parley.toml:8",
                 "channels[0].retention.count", "nothing is kept");
  expect_mistake(app + "[[channels]]\nmatch = \"a.*\"\nkeep_client_events = true", "parley.toml:8",
                 "channels[0].keep_client_events", "nothing is kept");
}

TEST(ConfigMistakes, AdminKeysThatAreNone) {
  const std::string app = kApp;
  const auto with = [&](const std::string& key) { return "[admin]\nkey = \"" + key + "\"" + app; };
  EXPECT_TRUE(load(with("an-admin-key-of-length")).ok());
  expect_mistake(with("short"), "parley.toml:2", "admin.key", "5 characters are too few: at least 16");
  expect_mistake(with("admin-key-demo"), "parley.toml:2", "admin.key", "well-known example");
  expect_mistake(with("replace-with-a-secret"), "parley.toml:2", "admin.key", "openssl rand -hex 20");
  expect_mistake(with("a key with spaces in it"), "parley.toml:2", "admin.key", "cannot carry");
  const std::string both = "[admin]\nkey = \"an-admin-key-of-length\"\nkey_previous = ";
  expect_mistake(both + "\"short\"" + app, "parley.toml:3", "admin.key_previous", "too few");
  expect_mistake(both + "\"an-admin-key-of-length\"" + app, "parley.toml:3", "admin.key_previous", "same as admin.key");
  expect_mistake("[admin]\nkey_previous = \"an-admin-key-of-length\"" + app, "parley.toml:2", "admin.key_previous",
                 "admin.key is missing");
  EXPECT_TRUE(load("[admin]\nkey = \"short\"", true).ok()) << "with --dev a weak one will do";
}

TEST(ConfigMistakes, OutboundHosts) {
  const std::string app = kApp;
  for (const std::string host : {"https://example.com", "*", "a/b", ""}) {
    expect_mistake("[outbound]\nallowed_hosts = [\"" + host + "\"]" + app, "parley.toml:2", "outbound.allowed_hosts",
                   "is not a host");
  }
}

TEST(ConfigMistakes, UrlsThatAreAskedForAuthorisation) {
  EXPECT_TRUE(load(std::string(kApp) + "auth = { url = \"https://a/\", forward_headers = [\"authorization\"] }").ok());
  expect_mistake(std::string(kApp) + "auth.url = \"https://a/\"", "parley.toml:6", "apps[0].auth.url", "any web page");
  expect_mistake(std::string(kApp) + "allowed_origins = [\"*\"]\nauth.url = \"https://a/\"", "parley.toml:7",
                 "apps[0].auth.url", "any web page");
  const std::string app = std::string(kApp) + "allowed_origins = [\"https://a\"]\n";
  const auto with = [&](const std::string& url) { return app + "auth = { url = \"" + url + "\" }"; };
  EXPECT_TRUE(load(with("https://shop.example.com/broadcasting/auth")).ok());
  for (const std::string url : {"shop.example.com", "ftp://a/b", "http://", "https://a:0/", "http://a b/", "ws://a/"}) {
    expect_mistake(with(url), "parley.toml:7", "apps[0].auth.url", "is not a URL that can be called");
  }
  expect_mistake(with("https://me:hush@a/"), "parley.toml:7", "apps[0].auth.url", "use a header");
  expect_mistake(with("https://a/#b"), "parley.toml:7", "apps[0].auth.url", "no `#` part");
  expect_mistake("[outbound]\nallowed_hosts = [\"*.example.com\"]" + with("http://127.0.0.1/"), "parley.toml:8",
                 "apps[0].auth.url", "outbound.allowed_hosts does not name 127.0.0.1");
  expect_mistake(app + "auth = { batch_url = \"https://a/\" }", "parley.toml:7", "apps[0].auth.batch_url",
                 "apps[0].auth.url is missing");
  expect_mistake(app + "auth = { forward_headers = [\"a b\"] }", "parley.toml:7", "apps[0].auth.forward_headers",
                 "is not a header's name");
  expect_mistake(app + "auth = { timeout_ms = 1 }", "parley.toml:7", "apps[0].auth.timeout_ms", "out of range");
}

TEST(ConfigMistakes, StatusChannelsThatEverybodyReads) {
  const std::string app = kApp;
  const auto with = [&](const std::string& channel) { return app + "status = { channels = [\"" + channel + "\"] }"; };
  for (const std::string channel : {"private-user.{user}", "presence-domain.{domain}", "private-all"}) {
    EXPECT_TRUE(load(with(channel)).ok()) << channel;
  }
  expect_mistake(with("user.{user}"), "parley.toml:6", "apps[0].status.channels", "everybody may listen");
  expect_mistake(with("private-encrypted-{user}"), "parley.toml:6", "apps[0].status.channels", "nobody can read it");
  expect_mistake(with("private-{name}"), "parley.toml:6", "apps[0].status.channels", "is no channel's name");
  expect_mistake(with(""), "parley.toml:6", "apps[0].status.channels", "is no channel's name");
}

TEST(ConfigMistakes, Webhooks) {
  const std::string app = kApp;
  // The webhook is good but for what stands in `line`, which replaces the line of the same key.
  const auto with = [&](const std::string& line) {
    std::string out = app + "[[webhooks]]\n";
    for (const std::string usual : {"name = \"hook\"", "app = \"shop\"", "url = \"https://shop.example.com/x\""}) {
      if (line.substr(0, line.find(' ')) != usual.substr(0, usual.find(' '))) out += usual + '\n';
    }
    return out + line;
  };
  EXPECT_THAT(mistakes(load(with(""))), testing::IsEmpty());
  expect_mistake(with("name = \"\""), "parley.toml:9", "webhooks[0].name", "has no name");
  expect_mistake(with("name = \"a.b\""), "parley.toml:9", "webhooks[0].name", "letters, digits, `_` and `-`");
  expect_mistake(with("app = \"other\""), "parley.toml:9", "webhooks[0].app", "no app with the id `other`");
  expect_mistake(with("url = \"\""), "parley.toml:9", "webhooks[0].url", "has no url");
  expect_mistake(with("url = \"mailto:a@b\""), "parley.toml:9", "webhooks[0].url", "is not a URL");
  expect_mistake(with("events = []"), "parley.toml:10", "webhooks[0].events", "has no events");
  expect_mistake(with("events = [\"member_aded\"]"), "parley.toml:10", "webhooks[0].events",
                 "did you mean `member_added`?");
  expect_mistake(with("events = [\"quantum\"]"), "parley.toml:10", "webhooks[0].events", "channel_occupied");
  expect_mistake(with("channels = [\"a b\"]"), "parley.toml:10", "webhooks[0].channels", "has characters");
  expect_mistake(with("channels = []"), "parley.toml:10", "webhooks[0].channels", "matches no channel");
  expect_mistake(with("headers = [\"nothing\"]"), "parley.toml:10", "webhooks[0].headers", "not `Name: value`");
  expect_mistake(with("headers = [\"A B: c\"]"), "parley.toml:10", "webhooks[0].headers", "not `Name: value`");
  expect_mistake(with("headers = [\"A: b\\r\\nC: d\"]"), "parley.toml:10", "webhooks[0].headers", "control characters");
  expect_mistake(with("headers = [\"Content-Length: 5\"]"), "parley.toml:10", "webhooks[0].headers",
                 "set by the server");
  expect_mistake(with("headers = [\"X-Pusher-Key: 5\"]"), "parley.toml:10", "webhooks[0].headers", "set by the server");
  expect_mistake(with("timeout_ms = 1"), "parley.toml:10", "webhooks[0].timeout_ms", "out of range");
  expect_mistake(with("concurrency_max = 0"), "parley.toml:10", "webhooks[0].concurrency_max", "out of range");
  expect_mistake(with("retry_for_seconds = 0"), "parley.toml:10", "webhooks[0].retry_for_seconds", "out of range");
  expect_mistake(with("event = [\"*\"]"), "parley.toml:10", "webhooks[0].event", "did you mean `webhooks[0].events`?");
  expect_mistake("[outbound]\nallowed_hosts = [\"hooks.example.com\"]" + with(""), "parley.toml:10", "webhooks[0].url",
                 "does not name shop.example.com");
  expect_mistake(with("") + "\n" + with("").substr(app.size()), "parley.toml:12", "webhooks[1].name",
                 "is the name of webhooks[0] too");
  const std::string second = "\n[[apps]]\nid = \"b\"\nkey = \"b\"\nsecret = \"a-secret-of-good-length\"\n";
  expect_mistake(app + second + "[[webhooks]]\nname = \"a\"\nurl = \"https://a/\"", "default", "webhooks[0].app",
                 "has no app");
}

TEST(ConfigMistakes, AWebhooksHeadersAreNeverShown) {
  const auto loaded =
      load(std::string(kApp) +
           "[[webhooks]]\nname = \"a\"\nurl = \"https://a/\"\nheaders = [\"hush hush: x\", \"Host: hush\"]");
  EXPECT_EQ(loaded.mistakes.size(), 2U);
  EXPECT_EQ(mistakes_text(loaded.mistakes).find("hush"), std::string::npos) << mistakes_text(loaded.mistakes);
}

TEST(ConfigMistakes, AllOfAFileAreToldAtOnceInItsOrder) {
  const auto loaded = load(R"([server]
prot = 6001
port = 70000
[log]
level = "loud"
[limits]
handshake_timeout = "soon"
[[apps]]
id = "a/b"
key = "k"
secret = "short"
[[apps]]
id = "x"
key = "k"
secret = ""
)");
  std::vector<std::string> where;
  for (const auto& mistake : loaded.mistakes) where.push_back(mistake.where);
  EXPECT_THAT(where, testing::ElementsAre("parley.toml:2", "parley.toml:3", "parley.toml:5", "parley.toml:7",
                                          "parley.toml:9", "parley.toml:11", "parley.toml:14", "parley.toml:15"));
  EXPECT_NE(mistakes_text(loaded.mistakes).find("8 mistakes in the configuration"), std::string::npos);
}

TEST(ConfigMistakes, Redis) {
  const std::string app = kApp;
  const auto redis = [&](const std::string& keys) { return "[redis]\n" + keys + app; };
  expect_mistake(redis("url = \"http://secret-pass@host\""), "parley.toml:2", "redis.url", "redis://host:6379");
  EXPECT_EQ(mistakes(load(redis("url = \"http://secret-pass@host\"")))[0].find("secret-pass"), std::string::npos);
  expect_mistake(redis("url = \"rediss://host\""), "parley.toml:2", "redis.url", "TLS to Redis");
  expect_mistake(redis("url = \"redis://host\"\nport = 7000"), "parley.toml:3", "redis.port",
                 "redis.url stands beside");
  expect_mistake(redis("host = \"\""), "parley.toml:2", "redis.host", "there is no host");
  expect_mistake(redis("socket = \"redis.sock\""), "parley.toml:2", "redis.socket", "begin with `/`");
  expect_mistake(redis("socket = \"/" + std::string(107, 'x') + "\""), "parley.toml:2", "redis.socket", "at most 107");
  expect_mistake(redis("username = \"echo\""), "parley.toml:2", "redis.username", "redis.password is missing");
  expect_mistake(redis("app = \"blog\""), "parley.toml:2", "redis.app", "no app with the id `blog`");
  expect_mistake(redis("reconnect_pause_ms = \"11s\""), "parley.toml:2", "redis.reconnect_pause_ms", "it is more than");
  expect_mistake(redis("port = 0"), "parley.toml:2", "redis.port", "out of range");
  expect_mistake(redis("prefix = \"a\""), "parley.toml:2", "redis.prefix", "there is no such key");
  EXPECT_TRUE(load(redis("enabled = true\nurl = \"redis://:a@host:7000/2\"\npassword = \"b\"\napp = \"shop\"")).ok());
}

TEST(ConfigMistakes, ALearnedPrefixIsWorthAWordAtEveryStartAndAGivenOneToWhoAsks) {
  const auto loaded = [](const std::string& keys) { return load("[redis]\n" + keys + kApp); };
  EXPECT_THAT(loaded("enabled = false").notes, testing::IsEmpty());
  EXPECT_THAT(loaded("enabled = false").hints, testing::IsEmpty());
  EXPECT_THAT(loaded("enabled = true").notes, testing::ElementsAre(testing::HasSubstr("redis.key_prefix is not set")));
  for (const auto* keys : {"enabled = true\nkey_prefix = \"shop_\"", "enabled = true\ndetect_prefix = false"}) {
    EXPECT_THAT(loaded(keys).notes, testing::IsEmpty()) << keys;
    EXPECT_THAT(loaded(keys).hints, testing::ElementsAre(testing::HasSubstr("If nothing arrives"))) << keys;
  }
}

TEST(ConfigMistakes, ApiKeys) {
  const std::string app = kApp;
  expect_mistake(app + "api_keys = [\"short\"]", "parley.toml:6", "apps[0].api_keys", "too few");
  expect_mistake(app + "api_keys = [\"app-secret-demo\"]", "parley.toml:6", "apps[0].api_keys", "well-known example");
  expect_mistake(app + "api_keys = [\"with a space in it\"]", "parley.toml:6", "apps[0].api_keys", "HTTP header");
  expect_mistake(app + "api_keys = [\"4f0c8a1d2b7e9c63\"]", "parley.toml:6", "apps[0].api_keys", "public key");
  std::string many = "api_keys = [";
  for (int i = 10; i < 43; ++i) many += fmt::format("\"a-key-of-good-length-{}\",", i);
  expect_mistake(app + many + "]", "parley.toml:6", "apps[0].api_keys", "33 keys are too many");
}

}  // namespace
}  // namespace parley::server

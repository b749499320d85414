// TLS on the listener, with certificates made here.

#include "support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <thread>

namespace parley::net::test {
namespace {

struct Certificate {
  std::string certificate_file;
  std::string key_file;
};

std::string pem_of(const std::function<void(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

// Signed by itself, for 127.0.0.1.
Certificate make_certificate(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  const std::string prefix = std::to_string(::getpid()) + "-" + name;
  Certificate files{temp_file(prefix + ".crt", pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); })),
                    temp_file(prefix + ".key", pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); }))};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

Server tls_server(const Certificate& files) {
  return Server([&](FrontEndConfig& config, Settings&) {
    config.tls_certificate = files.certificate_file;
    config.tls_key = files.key_file;
  });
}

ClientOptions trusting(const Certificate& files) {
  ClientOptions options;
  options.ca_file = files.certificate_file;
  return options;
}

TEST(Tls, ServesHttpAndWebSocket) {
  const auto files = make_certificate("one");
  auto server = tls_server(files);
  EXPECT_EQ(http_call("GET", server.url("https", "/who"), "", {}, trusting(files))->body, "127.0.0.1 tls");
  auto client = WebSocketClient::connect(server.url("wss", "/test"), trusting(files));
  ASSERT_TRUE(client.ok()) << client.error().message;
  EXPECT_TRUE(next(*client).starts_with("hello "));
  ASSERT_TRUE(client->send_text("listen room").ok());
  EXPECT_EQ(next(*client), "listening room");
  const std::string big(100'000, 'b');
  for (int i = 0; i < 50; ++i) server.gateway.publish("room", i % 2 == 0 ? "small" : big);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(next(*client).size(), (i % 2 == 0 ? 5U : big.size()) + std::string(R"({"event":"e","channel":"room","data":""})").size());
  EXPECT_TRUE(server.sessions->last().tls);
  EXPECT_EQ(http_call("GET", server.url("https", "/large"), "", {}, trusting(files))->body.size(), 5'000'000U);
}

TEST(Tls, ClosesProperly) {
  const auto files = make_certificate("two");
  auto server = tls_server(files);
  auto client = WebSocketClient::connect(server.url("wss", "/test"), trusting(files));
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(next(*client).starts_with("hello "));
  ASSERT_TRUE(client->send_text("close 4009").ok());
  EXPECT_EQ(next(*client), "bye");
  EXPECT_EQ(next(*client), "close 4009 asked");
}

TEST(Tls, PlainTalkIsCutOff) {
  const auto files = make_certificate("three");
  auto server = tls_server(files);
  EXPECT_FALSE(http_call("GET", server.url("http", "/hello")).ok());
  EXPECT_TRUE(server.metric_reaches("parley_handshakes_refused_total", 1, "tls"));
}

TEST(Tls, AHalfHandshakeTimesOut) {
  const auto files = make_certificate("four");
  Server server([&](FrontEndConfig& config, Settings& settings) {
    config.tls_certificate = files.certificate_file;
    config.tls_key = files.key_file;
    settings.limits.handshake_timeout = std::chrono::seconds(1);
  });
  auto silent = HttpClient::connect(*parse_url(server.url("http", "/")));
  ASSERT_TRUE(silent.ok());
  const auto end = silent->socket().read_some(kSoon);
  EXPECT_TRUE(!end.ok() || end->empty());
  EXPECT_TRUE(server.metric_reaches("parley_handshakes_refused_total", 1, "timeout"));
}

TEST(Tls, AReloadServesTheNewCertificateAndKeepsOldConnections) {
  const auto first = make_certificate("five");
  const auto second = make_certificate("six");
  auto server = tls_server(first);
  auto old = WebSocketClient::connect(server.url("wss", "/test"), trusting(first));
  ASSERT_TRUE(old.ok());
  EXPECT_TRUE(next(*old).starts_with("hello "));
  EXPECT_FALSE(http_call("GET", server.url("https", "/hello"), "", {}, trusting(second)).ok());

  std::rename(second.certificate_file.c_str(), first.certificate_file.c_str());
  const auto mismatch = server.front_end->reload_tls();
  ASSERT_FALSE(mismatch.ok());  // the key is still the old one
  EXPECT_NE(mismatch.error().message.find("key"), std::string::npos) << mismatch.error().message;
  std::rename(second.key_file.c_str(), first.key_file.c_str());
  ASSERT_TRUE(server.front_end->reload_tls().ok());
  EXPECT_EQ(http_call("GET", server.url("https", "/hello"), "", {}, trusting(first))->status, 200);  // the file is the new one now
  ASSERT_TRUE(old->send_text("say still").ok());
  EXPECT_EQ(next(*old), "still");
}

TEST(Tls, AMissingCertificateIsAClearError) {
  Metrics metrics;
  FakeGateway gateway;
  SystemClock clock;
  OsRandom random;
  SettingsSource settings(std::make_shared<const Settings>());
  FrontEndConfig config;
  config.port = 0;
  config.tls_certificate = "/nonexistent/cert.pem";
  config.tls_key = "/nonexistent/key.pem";
  FrontEnd front_end(config, settings, clock, random, metrics, gateway, {}, {});
  const auto status = front_end.start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("/nonexistent/cert.pem"), std::string::npos);
}

}  // namespace
}  // namespace parley::net::test

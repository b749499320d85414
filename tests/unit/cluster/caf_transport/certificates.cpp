#include "certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace parley::cluster::test {
namespace {

std::string pem_of(const std::function<void(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

X509* make(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, int number) {
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), number);
  X509_gmtime_adj(X509_getm_notBefore(made), -60);
  X509_gmtime_adj(X509_getm_notAfter(made), 3'600);
  X509_set_pubkey(made, key);
  X509_NAME* subject = X509_get_subject_name(made);
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, bytes, -1, -1, 0);
  X509_set_issuer_name(made, issuer == nullptr ? subject : X509_get_subject_name(issuer));
  if (issuer == nullptr) {
    X509_EXTENSION* constraints = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(made, constraints, -1);
    X509_EXTENSION_free(constraints);
  }
  X509_sign(made, issuer_key, EVP_sha256());
  return made;
}

}  // namespace

Authority::Authority(const std::string& name) {
  auto pattern = (std::filesystem::temp_directory_path() / "parley-authority-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  key_ = EVP_EC_gen("P-256");
  certificate_ = make(name, key_, nullptr, key_, 1);
  file_ = write("authority.crt", pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate_); }));
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Authority::write(const std::string& name, const std::string& text) {
  auto path = folder_ + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TlsFiles Authority::give(const std::string& node) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = make(node, key, certificate_, key_, 2);
  TlsFiles files{write(node + ".crt", pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, made); })),
                 write(node + ".key", pem_of([&](BIO* bio) {
                         PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
                       })),
                 file_};
  X509_free(made);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace parley::cluster::test

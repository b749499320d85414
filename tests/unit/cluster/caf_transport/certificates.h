#pragma once
// An authority and the certificates it gives to nodes, made on the spot in a folder that is removed again.

#include "cluster/caf_transport/tls.h"

#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace parley::cluster::test {

class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  TlsFiles give(const std::string& node);
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string write(const std::string& name, const std::string& text);
  std::string folder_;
  std::string file_;
  evp_pkey_st* key_;
  x509_st* certificate_;
};

}  // namespace parley::cluster::test

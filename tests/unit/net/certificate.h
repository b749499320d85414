#pragma once
// A certificate for tests of TLS, made on the spot.

#include "net/front_end.h"

#include <string>

namespace parley::net::test {

struct Certificate {
  std::string certificate_file;
  std::string key_file;
};

// Signed by itself, for 127.0.0.1.
Certificate make_certificate(const std::string& name);
void serve_with(const Certificate& files, FrontEndConfig& front_end);

}  // namespace parley::net::test

#include "bench/loadgen/signed_post.h"

#include <ctime>

#include "bench/loadgen/signature.h"

namespace loadgen {

std::string signed_post(const Options& options, std::string_view path, std::string_view body) {
  const std::string whole_path = "/apps/" + options.app_id + std::string(path);
  const std::string query = "auth_key=" + options.app_key + "&auth_timestamp=" + std::to_string(std::time(nullptr)) +
                            "&auth_version=1.0&body_md5=" + md5_hex(body);
  const std::string signature = hmac_sha256_hex(options.app_secret, "POST\n" + whole_path + '\n' + query);
  std::string request = "POST " + whole_path + '?' + query + "&auth_signature=" + signature +
                        " HTTP/1.1\r\nHost: " + options.host + ':' + std::to_string(options.port) +
                        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\n\r\n";
  request.append(body);
  return request;
}

}  // namespace loadgen

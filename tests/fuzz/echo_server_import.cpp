// A laravel-echo-server.json of any bytes: refused, or a configuration that is accepted.

#include "server/config/echo_server_import.h"
#include "core/check.h"
#include "server/config/config_load.h"

using namespace parley;
using namespace parley::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto made = import_echo_server({reinterpret_cast<const char*>(bytes), size}, {},
                                       {"3448824d1961672576d1", "4938bba7bf2a47daabc36e412265513cdc167e9d"});
  if (!made) {
    CHECK(!made.error().message.empty());
    return 0;
  }
  ConfigSources sources;
  sources.toml = made->toml;
  CHECK(load_config(sources).ok());
  return 0;
}

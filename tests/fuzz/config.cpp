// A configuration file of any bytes: mistakes or a Config, never an exception; what is accepted prints
// as a file that is accepted again.

#include "core/check.h"
#include "server/config/config_load.h"
#include "server/config/config_print.h"

using namespace parley;
using namespace parley::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  ConfigSources sources;
  sources.toml = std::string(reinterpret_cast<const char*>(bytes), size);
  auto loaded = load_config(sources);
  if (!loaded.ok()) {
    CHECK(!mistakes_text(loaded.mistakes).empty());
    return 0;
  }
  sources.toml = config_toml(loaded, Secrets::shown);
  CHECK(load_config(sources).ok());
  return 0;
}

#include "server/config/config_reader.h"

#include "net/auth/signature.h"

namespace parley::server::reader {
namespace {

// Each one more may cost a refused token another check of a signature.
constexpr std::size_t kKeysMax = 8;

// `idp-2025` of `/etc/parley/idp-2025.pem`.
std::string stem_of(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0: no folder
  const auto dot = name.rfind('.');
  return std::string(dot == 0 ? name : name.substr(0, dot));
}

}  // namespace

void read_token_keys(const ConfigSources& sources, LoadedConfig& out) {
  auto& apps = out.config.settings.apps;
  for (std::size_t i = 0; i < apps.size(); ++i) {
    auto& tokens = apps[i].tokens;
    const auto key = fmt::format("apps[{}].tokens.public_key_files", i);
    const auto wrong = [&](std::string what, std::string remedy) {
      mistake(out, origin_of(out, key), key, std::move(what), std::move(remedy));
    };
    if (tokens.public_key_files.size() > kKeysMax) {
      wrong(fmt::format("{} keys are too many: at most {}", tokens.public_key_files.size(), kKeysMax),
            "remove those whose rotation is over");
      continue;
    }
    if (!sources.contents) continue;
    for (const auto& path : tokens.public_key_files) {
      auto pem = sources.contents(path);
      if (!pem) {
        wrong(pem.error().message, "check the path, and that the user who runs parley may read the file");
        continue;
      }
      if (const auto parsed = net::auth::PublicKey::from_pem(*pem); !parsed) {
        wrong(fmt::format("{}: {}", path, parsed.error().message),
              "name PEM files with one public key each, RSA of at least 2048 bits or Ed25519");
        continue;
      }
      tokens.public_keys.push_back({stem_of(path), std::move(*pem)});
    }
  }
}

}  // namespace parley::server::reader

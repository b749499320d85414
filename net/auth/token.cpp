#include "net/auth/token.h"

#include "net/text/base64.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace parley::net::auth {
namespace {

constexpr std::size_t kHeaderCharsMax = 1'024;  // of the 8192: an algorithm and a key's id need a hundred
constexpr std::size_t kSignatureCharsMax = (kRsaBitsMax / 8 * 4 + 2) / 3;

Error refuse(std::string message) { return make_error(Errc::token_invalid, std::move(message)); }

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header.payload
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (const auto algorithm : {Algorithm::hs256, Algorithm::rs256, Algorithm::eddsa}) {
    if (name == to_text(algorithm)) return algorithm;
  }
  return std::nullopt;
}

// Comes from a stranger and goes into a message.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 24;
  std::string out(text.substr(0, kShownMax));
  for (auto& c : out) {
    if (c < 0x20 || c > 0x7E || c == '`') c = '?';
  }
  return text.size() > kShownMax ? out + "…" : out;
}

// Rounded up, so that nothing is "0 s ago".
std::int64_t whole_seconds(std::int64_t ms) { return (ms + 999) / 1'000; }

std::string signed_text(const Claims& claims, const Envelope& envelope, Algorithm algorithm) {
  std::string text;
  append_base64url(text, header_json(to_text(algorithm), envelope.key_id));
  text.push_back('.');
  append_base64url(text, payload_json(claims, envelope));
  return text;
}

std::string with_signature(std::string text, std::string_view signature) {
  text.push_back('.');
  append_base64url(text, signature);
  return text;
}

}  // namespace

struct TokenVerifier::Keys {
  struct Named {
    std::string name;
    PublicKey key;
  };

  std::string app_id;
  std::string app_key;
  TokenSettings settings;
  AppLimits limits;
  std::vector<std::string> secrets;
  std::vector<Named> public_keys;

  [[nodiscard]] bool has_key_for(Algorithm algorithm) const {
    if (algorithm == Algorithm::hs256) return !secrets.empty();
    return std::any_of(public_keys.begin(), public_keys.end(),
                       [&](const Named& named) { return named.key.algorithm() == algorithm; });
  }

  [[nodiscard]] bool signed_by_one(Algorithm algorithm, std::string_view key_id, std::string_view text,
                                   std::string_view signature) const {
    if (algorithm == Algorithm::hs256) {
      return std::any_of(secrets.begin(), secrets.end(), [&](const std::string& secret) {
        return equal_in_constant_time(hmac_sha256(secret, text), signature);
      });
    }
    // The key that the token names goes first; a name that is no key's excludes nothing.
    for (const bool named_one : {true, false}) {
      for (const auto& [name, key] : public_keys) {
        if (key.algorithm() == algorithm && (name == key_id) == named_one && key.verifies(text, signature)) return true;
      }
    }
    return false;
  }

  [[nodiscard]] Status check_times(const Payload& payload, WallTime now) const {
    const auto& claims = payload.claims;
    const auto leeway = milliseconds(settings.leeway);
    if (now > claims.expires + leeway) {
      return refuse(fmt::format("the token expired {} s ago", whole_seconds(now.ms - claims.expires.ms)));
    }
    if (const auto& from = payload.envelope.not_before; from && *from > now + leeway) {
      return refuse(fmt::format("the token is not valid yet, not for {} s (`nbf`)", whole_seconds(from->ms - now.ms)));
    }
    if (claims.issued_at > now + leeway) {
      return refuse(fmt::format("the token was issued {} s in the future (`iat`): compare the clocks",
                                whole_seconds(claims.issued_at.ms - now.ms)));
    }
    // Without `iat` what counts is how long it still lives.
    const auto since = claims.issued_at.ms == 0 ? now : claims.issued_at;
    const auto lifetime_max = milliseconds(settings.lifetime_max);
    if (lifetime_max.count() != 0 && claims.expires > since + lifetime_max) {
      return refuse(fmt::format("the token lives for {} s, longer than tokens.lifetime_max_seconds = {}",
                                whole_seconds(claims.expires.ms - since.ms), settings.lifetime_max.count()));
    }
    return {};
  }

  [[nodiscard]] Status check_parties(const Envelope& envelope, Algorithm algorithm) const {
    if (!settings.issuer.empty() && envelope.issuer != settings.issuer) {
      return refuse(envelope.issuer.empty() ? "the token names no issuer (`iss`)"
                                            : "the token is by another issuer (`iss`) than tokens.issuer");
    }
    if (envelope.audience.empty()) {
      // One identity provider signs for many applications with one key: only `aud` tells them apart.
      if (algorithm == Algorithm::hs256) return {};
      return refuse(fmt::format("the token has no `aud`, which it must have when signed with {}", to_text(algorithm)));
    }
    for (const auto& name : envelope.audience) {
      if (name == app_id || name == app_key || (!settings.audience.empty() && name == settings.audience)) return {};
    }
    return refuse(
        "the token is for another audience: `aud` holds neither this application's id nor its key nor "
        "tokens.audience");
  }
};

TokenVerifier::TokenVerifier(const App& app) {
  auto keys = std::make_shared<Keys>();
  keys->app_id = app.id;
  keys->app_key = app.key;
  keys->settings = app.tokens;
  keys->limits = app.limits;
  keys->secrets = app.tokens.hs256_secrets;
  if (keys->secrets.empty()) keys->secrets = {app.secret, app.secret_previous};
  std::erase(keys->secrets, std::string());  // an empty one would make everybody able to sign
  for (const auto& [name, pem] : app.tokens.public_keys) {
    if (auto key = PublicKey::from_pem(pem)) keys->public_keys.push_back({name, std::move(*key)});
  }
  keys_ = std::move(keys);
}

Result<Claims> TokenVerifier::verify(std::string_view token, WallTime now) const {
  if (!keys_->settings.enabled) return refuse("connection tokens are not enabled for this application");
  if (token.empty()) return refuse("the token is empty");
  if (token.size() > keys_->limits.token_bytes_max) {
    return refuse(fmt::format("the token is larger than {} bytes", keys_->limits.token_bytes_max));
  }
  const auto parts = split(token);
  if (!parts) return refuse("a token has three parts with dots between them");
  if (parts->header.size() > kHeaderCharsMax) {
    return refuse(fmt::format("the token's header is larger than {} characters", kHeaderCharsMax));
  }
  if (parts->signature.size() > kSignatureCharsMax) return refuse("the token's signature is too long for any key");
  const auto header_text = decode_base64url(parts->header);
  const auto payload_text = decode_base64url(parts->payload);
  const auto signature = decode_base64url(parts->signature);
  if (!header_text || !payload_text || !signature) return refuse("the token is not base64url throughout");

  const auto header = read_header(*header_text);
  if (!header) return header.error();
  const auto algorithm = algorithm_named(header->algorithm);
  if (!algorithm) {
    return refuse(
        fmt::format("the algorithm `{}` is not accepted, only HS256, RS256 and EdDSA are", shown(header->algorithm)));
  }
  if (!keys_->has_key_for(*algorithm)) {
    return refuse(
        fmt::format("the token is signed with {}, and this application has no key of that kind", to_text(*algorithm)));
  }
  if (!keys_->signed_by_one(*algorithm, header->key_id, parts->signed_text, *signature)) {
    return refuse(fmt::format("the token's signature ({}) is not by a key of this application", to_text(*algorithm)));
  }

  // Only now is what it says believed.
  auto payload = read_payload(*payload_text, keys_->limits);
  if (!payload) return payload.error();
  if (const auto status = keys_->check_times(*payload, now); !status) return status.error();
  if (const auto status = keys_->check_parties(payload->envelope, *algorithm); !status) return status.error();
  return std::move(payload->claims);
}

TokenVerifier TokenVerifiers::of(const SettingsPtr& settings, const App& app) {
  const MutexLock lock(mutex_);
  if (settings_ != settings) {
    verifiers_.clear();
    settings_ = settings;
  }
  return verifiers_.try_emplace(&app, app).first->second;
}

bool looks_like_token(std::string_view text) {
  const auto first = text.find('.');
  const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (first == 0 || second == std::string_view::npos || second == first + 1) return false;
  return std::all_of(text.begin(), text.end(), [dots = 0](char c) mutable {
    if (c == '.') return ++dots <= 2;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string make_token(const Claims& claims, const Envelope& envelope, std::string_view secret) {
  auto text = signed_text(claims, envelope, Algorithm::hs256);
  const auto signature = hmac_sha256(secret, text);
  return with_signature(std::move(text), signature);
}

std::string make_token(const Claims& claims, const Envelope& envelope, const PrivateKey& key) {
  auto text = signed_text(claims, envelope, key.algorithm());
  const auto signature = key.sign(text);
  return with_signature(std::move(text), signature);
}

}  // namespace parley::net::auth

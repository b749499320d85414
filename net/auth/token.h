#pragma once
// Connection tokens: JWTs by which an application says, once, who connects and what this user may join,
// instead of signing each sign-in and each private channel. Checked here and made here.
//
// A key's kind pins the algorithm: secrets check HS256 only, RSA keys RS256 only, Ed25519 keys EdDSA only.
// Keys come from the configuration alone; nothing in a token names a place to get one from.
// Why OpenSSL and Boost.JSON and no library of tokens: docs/adr/0005-connection-tokens.md.

#include "core/mutex.h"
#include "core/settings.h"
#include "net/auth/claims.h"
#include "net/auth/signature.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace parley::net::auth {

// Of one application, with its keys parsed. A value whose copies share the keys; immutable, any thread.
class TokenVerifier {
 public:
  // A public key that cannot be used is left out: `parley check` and every reload refuse such a
  // configuration, and without a key its tokens are refused.
  explicit TokenVerifier(const App& app);

  // Errors are token_invalid; the message says what was wrong, for the application's developer, and holds
  // nothing secret. An expired token is token_invalid too: token_expired is for live connections.
  [[nodiscard]] Result<Claims> verify(std::string_view token, WallTime now) const;

 private:
  struct Keys;
  std::shared_ptr<const Keys> keys_;
};

// The verifiers of the settings in force: each app's is made when it is asked for first, and anew after a
// reload. Thread-safe.
class TokenVerifiers {
 public:
  TokenVerifier of(const SettingsPtr& settings, const App& app);  // `app` is one of `settings`

 private:
  Mutex mutex_;
  SettingsPtr settings_ PARLEY_GUARDED_BY(mutex_);
  std::map<const App*, TokenVerifier> verifiers_ PARLEY_GUARDED_BY(mutex_);
};

// Three parts of base64url with dots between: tells tokens from other credentials, and proves nothing.
bool looks_like_token(std::string_view text);

// By an HS256 secret, which is not empty.
std::string make_token(const Claims& claims, const Envelope& envelope, std::string_view secret);
std::string make_token(const Claims& claims, const Envelope& envelope, const PrivateKey& key);

}  // namespace parley::net::auth

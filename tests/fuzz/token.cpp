// Connection tokens: checking is total; nobody guesses a signature; what a signed payload says is either
// refused or comes back the same from a token made of it.

#include "net/auth/token.h"
#include "core/check.h"
#include "net/auth/rights.h"
#include "net/text/base64.h"

using namespace parley;
using namespace parley::net;
using namespace parley::net::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static constexpr WallTime kNow{1'760'000'000'000};
  static const App app = [] {
    App made;
    made.id = "shop";
    made.key = "key";
    made.secret = "a-secret-of-good-length";
    made.tokens.public_keys = {{"idp",
                                "-----BEGIN PUBLIC KEY-----\n"
                                "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                "-----END PUBLIC KEY-----\n"}};
    return made;
  }();
  static const TokenVerifier verifier(app);
  const std::string input(reinterpret_cast<const char*>(bytes), size);

  const auto stranger = verifier.verify(input, kNow);
  CHECK(!stranger.ok() && stranger.error().code == Errc::token_invalid && !stranger.error().message.empty());
  if (const auto decoded = decode_base64url(input)) {
    std::string again;
    append_base64url(again, *decoded);
    CHECK(again == input);  // one text for each token
  }

  // The same bytes as header and as payload, signed.
  const auto signed_with = [&](std::string_view header, std::string_view payload) {
    std::string text;
    append_base64url(text, header);
    text.push_back('.');
    append_base64url(text, payload);
    const auto signature = hmac_sha256(app.secret, text);
    text.push_back('.');
    append_base64url(text, signature);
    return verifier.verify(text, kNow);
  };
  static_cast<void>(signed_with(input, R"({"sub":"42","exp":1760000060})"));
  const auto claims = signed_with(R"({"alg":"HS256"})", input);
  if (claims) {
    CHECK(!claims->user_id.empty() && claims->user_info.size() <= app.limits.member_bytes_max);
    CHECK(may_join(*claims, "#server-to-user-" + claims->user_id));
    CHECK(may_join(*claims, "private-user." + claims->user_id));
    // Whole seconds are written; a fraction of one may be all that was left of it.
    auto rounded = *claims;
    rounded.expires.ms -= rounded.expires.ms % 1'000;
    rounded.issued_at.ms -= rounded.issued_at.ms % 1'000;
    const auto again = verifier.verify(make_token(rounded, {}, app.secret), kNow);
    if (again) {
      rounded.admin = rounded.admin_all ? std::vector<std::string>{} : rounded.admin;
      CHECK(*again == rounded);
    }
  }
  return 0;
}

// Query strings of the signed HTTP API: parsing is total, what we sign ourselves is accepted, and any
// change to what was signed is refused.

#include "net/auth/http_signature.h"
#include "core/check.h"

#include <algorithm>

using namespace parley;
using namespace parley::net;
using namespace parley::net::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(bytes), size);
  const auto query = Query::parse(input);
  const auto& fields = query.fields();
  CHECK(std::is_sorted(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; }));
  CHECK(string_to_sign("GET", "/apps/1/channels", query).starts_with("GET\n/apps/1/channels\n"));
  CHECK(percent_decode(percent_encode(input), false) == input);

  App app;
  app.key = "key";
  app.secret = "a-secret-of-good-length";
  const WallTime now{1'760'000'000'000};
  const SignedRequest foreign{"POST", "/apps/1/events", input};
  CHECK(!check_request(app, foreign, query, now, std::chrono::seconds(600)).ok());  // nobody guesses a signature

  const auto signed_query = sign_request(app.key, app.secret, foreign, {{"info", "user_count"}}, now);
  const auto again = Query::parse(signed_query);
  CHECK(check_request(app, foreign, again, now, std::chrono::seconds(600)).ok());
  const auto other_body = input + "x";
  CHECK(!check_request(app, {"POST", "/apps/1/events", other_body}, again, now, std::chrono::seconds(600)).ok());
  CHECK(!check_request(app, {"GET", "/apps/1/events", input}, again, now, std::chrono::seconds(600)).ok());
  return 0;
}

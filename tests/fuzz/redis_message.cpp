// What comes from Redis: a channel's name, a line feed, a message. Data that is taken is JSON of the message, as it
// stands there; a name that is ours is never another's private channel in disguise.

#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/redis/message.h"
#include "net/redis/prefix.h"
#include "net/redis/target.h"

#include <algorithm>

using namespace parley;
using namespace parley::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto end = std::min(input.find('\n'), size);
  const auto name = input.substr(0, end);
  const auto text = input.substr(std::min(end + 1, size));

  constexpr std::size_t kDepth = 32;
  if (const auto got = decode_redis_broadcast(text, kDepth)) {
    CHECK(!got->data.empty() && check_json(got->data, kDepth).ok());
    CHECK(got->data == "null" || text.find(got->data) != std::string_view::npos);
  }
  auto learning = RedisPrefix::to_be_learned();
  auto none = RedisPrefix::given("");
  for (auto* prefix : {&learning, &none}) {
    const auto seen = prefix->look(name);
    if (seen.whose != RedisPrefix::Whose::ours) continue;
    CHECK(prefix->prefix() + std::string(seen.channel) == name);
    const bool kind = seen.channel.starts_with("private-") || seen.channel.starts_with("presence-");
    CHECK(kind || seen.channel.find("_private-") == std::string_view::npos);
  }
  if (const auto target = parse_redis_url(name)) CHECK(!target->address().empty());
  return 0;
}

#include "net/redis/target.h"

#include "net/text/query.h"

#include <fmt/format.h>

#include <charconv>

namespace parley::net {
namespace {

Error wrong(std::string what) { return make_error(Errc::config_invalid, std::move(what)); }

bool whole(std::string_view text, std::uint32_t& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && failure == std::errc{} && end == text.data() + text.size();
}

std::string decoded(std::string_view text) { return percent_decode(text, false); }

Status read_authority(std::string_view authority, RedisTarget& target) {
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    const auto login = authority.substr(0, at);
    const auto colon = login.find(':');
    // `redis://secret@host` is how some tools write a password without a name.
    if (colon == std::string_view::npos) {
      target.password = decoded(login);
    } else {
      target.username = decoded(login.substr(0, colon));
      target.password = decoded(login.substr(colon + 1));
    }
    authority.remove_prefix(at + 1);
  }
  const bool bracketed = authority.starts_with('[');
  const auto colon = authority.find(':', bracketed ? std::min(authority.find(']'), authority.size()) : 0);
  auto host = authority.substr(0, colon);
  if (colon != std::string_view::npos) {
    std::uint32_t port = 0;
    if (!whole(authority.substr(colon + 1), port) || port == 0 || port > 65'535) {
      return wrong("the port is not a number from 1 to 65535");
    }
    target.port = static_cast<std::uint16_t>(port);
  }
  if (bracketed) {
    if (host.size() < 3 || !host.ends_with(']')) return wrong("an IPv6 address stands in brackets");
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) return wrong("there is no host");
  target.host = host;
  return {};
}

}  // namespace

std::string RedisTarget::address() const {
  if (!socket.empty()) return socket;
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

Result<RedisTarget> parse_redis_url(std::string_view text) {
  const auto separator = text.find("://");
  if (separator == std::string_view::npos) return wrong("this is not redis://host:port");
  const auto scheme = text.substr(0, separator);
  auto rest = text.substr(separator + 3);
  RedisTarget target;
  if (scheme == "rediss" || scheme == "tls") return wrong("TLS to Redis is not spoken: use a tunnel (stunnel)");
  if (scheme == "unix") {
    target.socket = decoded(rest.substr(0, rest.find('?')));
    if (!target.socket.starts_with('/')) return wrong("a socket's path begins with `/`: unix:///run/redis.sock");
    return target;
  }
  if (scheme != "redis" && scheme != "tcp") return wrong("the scheme is not redis, tcp or unix");
  const auto question = rest.find('?');
  if (question != std::string_view::npos) {
    const auto query = Query::parse(rest.substr(question + 1));
    if (query.has("database") && !whole(query.get("database"), target.database)) {
      return wrong("the database is not a number");
    }
    rest = rest.substr(0, question);
  }
  // A password may hold a slash that nobody has encoded: the path begins behind the last `@`.
  const auto login_end = rest.rfind('@');
  const auto slash = rest.find('/', login_end == std::string_view::npos ? 0 : login_end);
  if (slash != std::string_view::npos && slash + 1 < rest.size() && !whole(rest.substr(slash + 1), target.database)) {
    return wrong("the path is not the number of a database");
  }
  if (auto read = read_authority(rest.substr(0, slash), target); !read) return read.error();
  return target;
}

}  // namespace parley::net

#include "tests/scenarios/credentials.h"

#include "core/json_string.h"
#include "net/auth/pusher_signature.h"
#include "net/auth/token.h"
#include "tests/scenarios/node.h"

#include <boost/json.hpp>

namespace parley::scenarios {

namespace json = boost::json;
using namespace net;
using namespace net::auth;

namespace {

// {"sub":"42","domains":["7"],"in":60}: good for that many seconds from the beginning; "ago": issued then.
std::string make_token_from(std::string_view argument) {
  const auto object = json::parse(argument).as_object();
  const WallTime begin{1'760'000'000'000};
  auth::Claims claims{.user_id = text(object, "sub")};
  if (object.contains("info")) claims.user_info = json::serialize(object.at("info"));
  const auto list = [&](const char* name) {
    std::vector<std::string> values;
    if (object.contains(name)) {
      for (const auto& value : object.at(name).as_array()) values.emplace_back(value.as_string());
    }
    return values;
  };
  claims.domains = list("domains");
  claims.channels = list("channels");
  claims.admin = list("admin");
  claims.watchlist = list("watchlist");
  claims.issued_at = begin - seconds(object.contains("ago") ? number(object, "ago") : 0);
  claims.expires = begin + seconds(object.contains("in") ? object.at("in").to_number<std::int64_t>() : 3'600);
  return auth::make_token(claims, {}, text(object, "secret", "app-secret-demo"));
}

std::string fields_of(std::string_view name, std::string_view argument, std::string_view socket) {
  std::string out = R"("auth":")";
  if (name == "token") return make_token_from(argument);
  if (name == "user") {
    out += sign_user("app-key-demo", "app-secret-demo", socket, argument) + R"(","user_data":)";
    append_json_string(out, argument);
    return out;
  }
  const auto channel = argument.substr(0, argument.find(','));
  if (name == "private")
    return out + sign_channel("app-key-demo", "app-secret-demo", socket, channel) + R"(","channel":")" +
           std::string(channel) + '"';
  const auto data = argument.substr(std::min(channel.size() + 1, argument.size()));
  out += sign_channel("app-key-demo", "app-secret-demo", socket, channel, data) + R"(","channel_data":)";
  append_json_string(out, data);
  return out + R"(,"channel":")" + std::string(channel) + '"';
}

}  // namespace

std::string expand(std::string_view line, SocketId socket) {
  std::string out;
  while (!line.empty()) {
    bool found = false;
    for (const std::string_view name : {"private", "presence", "user", "token"}) {
      if (!line.starts_with('$') || !line.substr(1).starts_with(name) || !line.substr(1 + name.size()).starts_with('('))
        continue;
      const auto start = name.size() + 2;
      std::size_t depth = 1;
      auto finish = start;
      for (; finish < line.size() && depth > 0; ++finish)
        depth += line[finish] == '(' ? 1U : line[finish] == ')' ? ~std::size_t{0} : 0U;
      out += fields_of(name, line.substr(start, finish - start - 1), socket.text());
      line.remove_prefix(finish);
      found = true;
      break;
    }
    if (found) continue;
    out.push_back(line.front());
    line.remove_prefix(1);
  }
  return out;
}

}  // namespace parley::scenarios

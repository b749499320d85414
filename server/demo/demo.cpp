#include "server/demo/demo.h"

#include "core/channel_name.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/auth/http_signature.h"
#include "net/auth/pusher_signature.h"
#include "net/http/static_files.h"
#include "net/json/fields.h"
#include "net/rest/call.h"
#include "server/config/config.h"
#include "server/demo/demo_assets.h"

#include <fmt/format.h>

#include <map>
#include <optional>

namespace parley::server {
namespace {
using net::Exchange;
using net::HttpRequest;
using net::Query;
using ExchangePtr = std::shared_ptr<Exchange>;

constexpr std::string_view kRoute = "demo";
constexpr std::size_t kTextBytesMax = 4'000;
constexpr std::size_t kHistoryMax = 200;
constexpr std::size_t kNotifiedMax = 1'000;                    // members of a domain who are told of one message
constexpr std::size_t kNotifiedTextBytes = 200;                // of the message; the bell shows a line
constexpr std::string_view kUserDomains = R"(["1","2","3"])";  // everybody belongs to all the page has

std::string_view content_type(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".json", "application/json"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::shared_ptr<net::HttpHandler> page_files() {
  std::map<std::string, net::StaticFile, std::less<>> files;
  for (const auto& asset : demo_assets()) {
    net::StaticFile file{std::string(asset.bytes), std::string(content_type(asset.name))};
    if (asset.name == "index.html") files["/"] = file;
    files["/" + std::string(asset.name)] = std::move(file);
  }
  return net::make_static_files(std::move(files));
}

void refuse(Exchange& exchange, const Error& error) { net::respond_error(exchange, kRoute, error); }

// Pages of other sites must not write into the demo through the visitor's browser.
bool from_this_site(const HttpRequest& request) {
  const auto origin = request.header("origin");
  const auto separator = origin.find("://");
  return origin.empty() ||
         (separator != std::string_view::npos && origin.substr(separator + 3) == request.header("host"));
}

// Who the visitor says to be. A site would look into its session.
struct Visitor {
  explicit Visitor(const Query& form) : id(form.get("user_id")), name(form.get("user_name")) {
    if (id.empty()) id = name.empty() ? "guest" : name;
    if (name.empty()) name = id;
  }
  // `{"user_id":"7","user_info":{"name":"Ada"}`, still open.
  [[nodiscard]] std::string json(std::string_view id_key) const {
    auto data = fmt::format(R"({{"{}":)", id_key);
    append_json_string(data, id);
    data += R"(,"user_info":{"name":)";
    append_json_string(data, name);
    return data + "}";
  }
  std::string id, name;
};

// ---- POST /demo/auth: what a site's /broadcasting/auth answers ----

void authorize(const HttpRequest& request, Exchange& exchange, const App& app) {
  const auto form = Query::parse(request.body);
  const auto channel = form.get("channel_name");
  const auto socket = SocketId::parse(form.get("socket_id"));
  if (!socket) return refuse(exchange, socket.error());
  if (const auto named = check_channel_name(channel, app.limits.channel_name_chars_max); !named) {
    return refuse(exchange, named.error());
  }
  const auto traits = channel_traits(channel);
  if (!traits.needs_auth || traits.encrypted) {
    return refuse(exchange, make_error(Errc::unauthorized, "the demo authorises private- and presence- channels only"));
  }
  std::optional<std::string> data;
  if (traits.presence) data = Visitor(form).json("user_id") + "}";
  std::string body = R"({"auth":)";
  append_json_string(body, net::auth::sign_channel(app.key, app.secret, socket->text(), channel, data));
  if (data) {
    body += R"(,"channel_data":)";
    append_json_string(body, *data);
  }
  exchange.respond({.body = body + "}", .route = kRoute});
}

// ---- POST /demo/user-auth: what a site's /broadcasting/user-auth answers ----

void authenticate(const HttpRequest& request, Exchange& exchange, const App& app) {
  const auto form = Query::parse(request.body);
  const auto socket = SocketId::parse(form.get("socket_id"));
  if (!socket) return refuse(exchange, socket.error());
  const auto data = fmt::format(R"({},"domains":{}}})", Visitor(form).json("id"), kUserDomains);
  std::string body = R"({"auth":)";
  append_json_string(body, net::auth::sign_user(app.key, app.secret, socket->text(), data));
  body += R"(,"user_data":)";
  append_json_string(body, data);
  exchange.respond({.body = body + "}", .route = kRoute});
}

// ---- POST /demo/messages ----

struct Message {
  std::string id, channel, text, user_id, user_name, socket_id;
};

Result<Message> decode_message(const HttpRequest& request, std::size_t depth_max) {
  if (const auto json = check_json(request.body, depth_max); !json) return json.error();
  constexpr std::array<std::string_view, 7> kNames{"id",        "channel", "text",     "user_id",
                                                   "user_name", "name",    "socket_id"};
  const auto fields = net::read_fields(net::trimmed(request.body), kNames, Errc::bad_request, "the body");
  if (!fields) return fields.error();
  Message message;
  std::string* const to[] = {&message.id,        &message.channel,   &message.text,     &message.user_id,
                             &message.user_name, &message.user_name, &message.socket_id};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (const auto read = net::read_string((*fields)[i], kNames[i], Errc::bad_request, *to[i]); !read)
      return read.error();
  }
  if (message.text.empty()) return make_error(Errc::bad_request, "`text` is missing or empty");
  if (message.text.size() > kTextBytesMax) {
    return make_error(Errc::too_large, fmt::format("`text` has at most {} bytes", kTextBytesMax));
  }
  return message;
}

// `{"id":…,"text":…,"user_id":…,"name":…,"at":…}`
std::string message_json(const Message& message, WallTime at) {
  std::string data = R"({"id":)";
  append_json_string(data, message.id);
  data += R"(,"text":)";
  append_json_string(data, message.text);
  data += R"(,"user_id":)";
  append_json_string(data, message.user_id);
  data += R"(,"name":)";
  append_json_string(data, message.user_name);
  return data + fmt::format(R"(,"at":{}}})", at.ms);
}

// At most `bytes_max`, not ending within a UTF-8 character.
std::string_view beginning(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

// `{"id":…,"domain":"7","from":"Ada","text":…,"at":…}`
std::string notification_json(const Message& message, std::string_view domain, WallTime at) {
  std::string data = R"({"id":)";
  append_json_string(data, message.id);
  data += R"(,"domain":)";
  append_json_string(data, domain);
  data += R"(,"from":)";
  append_json_string(data, message.user_name);
  data += R"(,"text":)";
  append_json_string(data, beginning(message.text, kNotifiedTextBytes));
  return data + fmt::format(R"(,"at":{}}})", at.ms);
}

// Tells the other members of the message's domain, each on a channel of their own: what a site's backend
// would do from a queue. Nobody waits for it, and a member whose notification is refused is not told. The
// message's idempotency key is theirs too: a message sent again after a doubt rings no bell twice.
void notify_members(const ExchangePtr& exchange, const App& app, const Message& message, std::string key, WallTime at) {
  const auto traits = channel_traits(message.channel);
  if (traits.kind != ChannelKind::domain) return;
  const auto domain = traits.base.substr(traits.base.find('.') + 1);
  ListDomain members{.app = app.id, .domain = std::string(domain), .limit = kNotifiedMax};
  exchange->request({.from = {}, .what = std::move(members)},
                    [exchange, data = notification_json(message, domain, at), from = message.user_id,
                     key = std::move(key), name_max = app.limits.channel_name_chars_max](Reply& reply) {
                      const auto* list = std::get_if<UserList>(&reply.what);
                      if (list == nullptr) return;
                      for (const auto& member : list->users) {
                        const auto channel = "private-user." + member.user.id;
                        if (!member.known || member.user.id == from || !check_channel_name(channel, name_max)) continue;
                        Publish publish;
                        publish.channel = ChannelKey(member.user.app, channel);
                        publish.event = "message.notification";
                        publish.data = data;
                        publish.idempotency_key = key;
                        publish.accepted = exchange->now();
                        exchange->request({.from = {}, .what = std::move(publish)}, [](Reply&) {});
                      }
                    });
}

void post_message(const HttpRequest& request, const ExchangePtr& exchange, const App& app) {
  if (!request.header("content-type").starts_with("application/json")) {
    return refuse(*exchange, make_error(Errc::bad_request, "send JSON with Content-Type: application/json"));
  }
  auto message = decode_message(request, exchange->settings()->limits.json_depth_max);
  if (!message) return refuse(*exchange, message.error());
  if (const auto named = check_channel_name(message->channel, app.limits.channel_name_chars_max); !named) {
    return refuse(*exchange, named.error());
  }
  Publish publish;
  publish.channel = ChannelKey(app.id, message->channel);
  publish.event = "message.sent";
  if (!message->socket_id.empty()) {
    const auto socket = SocketId::parse(message->socket_id);
    if (!socket) return refuse(*exchange, socket.error());
    publish.except = *socket;
  }
  const auto header_key = request.header("idempotency-key");
  publish.idempotency_key = header_key.empty() ? message->id : std::string(header_key);
  if (publish.idempotency_key.size() > 128) {
    return refuse(*exchange, make_error(Errc::bad_request, "`id` has at most 128 characters"));
  }
  publish.accepted = exchange->now();
  const auto at = exchange->wall();
  publish.data = message_json(*message, at);
  exchange->request({.from = {}, .what = publish}, [exchange, at, message = std::move(*message),
                                                    key = publish.idempotency_key](Reply& reply) {
    const auto* published = std::get_if<Published>(&reply.what);
    if (published == nullptr) return refuse(*exchange, net::error_of(reply));
    std::string body = R"({"id":)";
    append_json_string(body, message.id);
    exchange->respond({.body = body + fmt::format(R"(,"at":{},"offset":{},"duplicate":{}}})", at.ms,
                                                  published->position.offset.value, published->duplicate),
                       .route = kRoute});
    const auto settings = exchange->settings();
    if (const auto* demo = settings->app_by_id(kDevAppId)) notify_members(exchange, *demo, message, key, at);
  });
}

// ---- GET /demo/history ----

std::string history_json(const HistoryPage& page) {
  std::string out = R"({"publications":[)";
  for (const auto& publication : page.publications) {
    if (publication->deleted) continue;
    if (out.back() != '[') out.push_back(',');
    out += fmt::format(R"({{"offset":{},"time":{},"event":)", publication->position.offset.value, publication->time.ms);
    append_json_string(out, publication->event);
    out += R"(,"data":)";
    if (publication->kind == DataKind::text) {
      append_json_string(out, publication->data);
    } else {
      out += publication->data;
    }
    out.push_back('}');
  }
  return out + fmt::format(R"(],"more":{}}})", page.more);
}

void read_history(const HttpRequest& request, const ExchangePtr& exchange, const App& app) {
  const auto query = Query::parse(request.query);
  const auto channel = query.get("channel");
  if (const auto named = check_channel_name(channel, app.limits.channel_name_chars_max); !named) {
    return refuse(*exchange, named.error());
  }
  GetHistory history{.channel = ChannelKey(app.id, channel), .limit = 50, .direction = Direction::backward};
  const auto limit_text = query.get("limit");
  if (const auto limit = limit_text.empty() ? std::nullopt : json_integer(limit_text); limit && *limit > 0) {
    history.limit = std::min(static_cast<std::size_t>(*limit), kHistoryMax);
  }
  if (query.get("direction") == "forward") history.direction = Direction::forward;
  exchange->request({.from = {}, .what = std::move(history)}, [exchange](Reply& reply) {
    const auto* page = std::get_if<HistoryPage>(&reply.what);
    if (page == nullptr) return refuse(*exchange, net::error_of(reply));
    exchange->respond({.body = history_json(*page), .headers = {{"Cache-Control", "no-store"}}, .route = kRoute});
  });
}

class Demo final : public net::HttpHandler {
 public:
  bool handle(const HttpRequest& request, const ExchangePtr& exchange) override {
    if (!request.path.starts_with("/demo/")) return files_->handle(request, exchange);
    const bool get = request.path == "/demo/history";
    if (!get && request.path != "/demo/auth" && request.path != "/demo/user-auth" && request.path != "/demo/messages") {
      return false;
    }
    const auto settings = exchange->settings();
    const auto* app = settings->app_by_id(kDevAppId);
    if (app == nullptr) return refuse(*exchange, make_error(Errc::unknown_app)), true;
    if (request.method != (get ? "GET" : "POST")) {
      exchange->respond(
          {.status = 405, .content_type = "", .headers = {{"Allow", get ? "GET" : "POST"}}, .route = kRoute});
    } else if (!from_this_site(request)) {
      refuse(*exchange, make_error(Errc::origin_refused, "the demo answers its own page only"));
    } else if (get) {
      read_history(request, exchange, *app);
    } else if (request.path == "/demo/auth") {
      authorize(request, *exchange, *app);
    } else if (request.path == "/demo/user-auth") {
      authenticate(request, *exchange, *app);
    } else {
      post_message(request, exchange, *app);
    }
    return true;
  }

 private:
  std::shared_ptr<net::HttpHandler> files_ = page_files();
};

}  // namespace

std::shared_ptr<net::HttpHandler> make_demo_handler() { return std::make_shared<Demo>(); }

}  // namespace parley::server

#include "net/engine/service.h"

#include "core/log.h"
#include "core/origin.h"
#include "net/session/handshake.h"
#include "net/socketio/fixture.h"
#include "net/socketio/jsonp.h"
#include "net/text/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace parley::net {

using socketio::EngineAnswer;
using socketio::EngineVersion;
using socketio::PollForm;

namespace {

constexpr std::string_view kRoute = "socketio";

// An exchange that is answered from whatever thread the session lives on.
class Answerer {
 public:
  Answerer(std::shared_ptr<Exchange> exchange, std::vector<std::pair<std::string, std::string>> headers)
      : exchange_(std::move(exchange)), hub_(exchange_->hub()), headers_(std::move(headers)) {}
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;
  // An exchange ends on its own thread.
  ~Answerer() {
    if (exchange_ != nullptr) hub_->post([exchange = std::move(exchange_)] {});
  }

  void answer(EngineAnswer answer, const Hub& here) {
    if (exchange_ == nullptr) return;
    HttpResponse response{.status = answer.status,
                          .body = std::move(answer.body),
                          .content_type = std::string(answer.content_type),
                          .headers = std::move(headers_),
                          .route = kRoute};
    response.headers.emplace_back("Cache-Control", "no-store");
    const auto exchange = std::exchange(exchange_, nullptr);
    if (hub_ == &here) return exchange->respond(std::move(response));
    hub_->post([exchange, response = std::move(response)]() mutable { exchange->respond(std::move(response)); });
  }

 private:
  std::shared_ptr<Exchange> exchange_;
  Hub* hub_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

// python-engineio takes an answer to a poll with more packets for damage, and gives up the session. It does not say who
// it is, but its HTTP libraries do.
constexpr std::size_t kPythonPacketsMax = 16;
bool is_python(std::string_view user_agent) {
  return user_agent.find("python-requests/") != std::string_view::npos ||
         user_agent.find("aiohttp/") != std::string_view::npos;
}

}  // namespace

// What is served, by the settings of the moment or by the fixture.
struct EngineService::Terms {
  bool enabled = true;
  std::string path;
  socketio::EngineSettings engine;
  milliseconds connect_timeout{0};
  bool v3 = true;
  bool strict_version = false;  // of protocol 3 only who says so
  const std::vector<std::string>* cors_origins = nullptr;
  bool cors_credentials = false;
  [[nodiscard]] bool speaks(const Query& query) const;
};

struct EngineService::Query {
  EngineVersion version = EngineVersion::v3;
  bool says_v3 = false;
  bool websocket = false;
  bool known_transport = false;
  std::string sid;
  std::string token;
  PollForm form;
};

bool EngineService::Terms::speaks(const Query& query) const {
  return query.version == EngineVersion::v4 || (v3 && (query.says_v3 || !strict_version));
}

EngineService::EngineService(SessionContext& context, Random& random) : context_(context), registry_(random) {}

EngineService::EngineService(SessionContext& context, Random& random, EngineFixture fixture)
    : context_(context),
      registry_(random),
      fixture_(std::make_unique<EngineFixture>(std::move(fixture))),
      fixture_maker_(socketio::make_fixtures(fixture_->recovery)) {}

EngineService::~EngineService() = default;

EngineService::Terms EngineService::terms(const Settings& settings) const {
  if (fixture_ != nullptr) {
    return {.path = fixture_->path,
            .engine = fixture_->engine,
            .connect_timeout = fixture_->connect_timeout,
            .strict_version = true,
            .cors_origins = &fixture_->cors_origins};
  }
  const auto& socketio = settings.socketio;
  return {.enabled = socketio.enabled,
          .path = socketio.path,
          .engine = {.ping_interval = socketio.ping_interval,
                     .ping_timeout = socketio.ping_timeout,
                     .upgrade_timeout = socketio.upgrade_timeout,
                     .message_bytes_max = socketio.message_bytes_max,
                     .packets_per_body_max = settings.limits.socketio_packets_per_body_max,
                     .queue_bytes_max = settings.limits.write_queue_bytes_max},
          .connect_timeout = socketio.connect_timeout,
          .v3 = socketio.eio3,
          .cors_origins = &socketio.cors_origins,
          .cors_credentials = socketio.cors_credentials};
}

EngineService::Query EngineService::parse(std::string_view text) const {
  const auto query = net::Query::parse(text);
  Query out;
  // The reference server takes whatever is not 4 for 3.
  out.version = query.get("eio") == "4" ? EngineVersion::v4 : EngineVersion::v3;
  out.says_v3 = query.get("eio") == "3";
  const auto transport = query.get("transport");
  out.websocket = transport == "websocket";
  out.known_transport = out.websocket || transport == "polling";
  out.sid = query.get("sid");
  out.token = query.get("token");
  out.form.base64_only = query.has("b64") && query.get("b64") != "0" && query.get("b64") != "false";
  if (query.has("j") && out.version == EngineVersion::v3) {
    const auto index = query.get("j");
    out.form.jsonp = std::from_chars(index.data(), index.data() + index.size(), out.form.jsonp_index).ec == std::errc{};
  }
  return out;
}

// ---- opening ----

socketio::ClientHello EngineService::hello(const Settings& settings, std::string_view origin,
                                           std::span<const std::pair<std::string, std::string>> headers,
                                           std::string_view address, const Query& query, bool tls,
                                           bool over_capacity) const {
  socketio::ClientHello hello{.origin = std::string(origin),
                              .address = std::string(address),
                              .token = query.token,
                              .tls = tls,
                              .over_capacity = over_capacity};
  const auto wanted = [&](std::string_view name) {
    if (name == "authorization") return true;
    return std::any_of(settings.apps.begin(), settings.apps.end(), [&](const App& app) {
      const auto& list = app.auth.forward_headers;
      return !app.auth.url.empty() && std::find(list.begin(), list.end(), name) != list.end();
    });
  };
  for (const auto& [name, value] : headers) {
    if (wanted(name)) hello.headers.emplace_back(name, value);
  }
  return hello;
}

std::shared_ptr<EngineSession> EngineService::make_session(Hub& hub, const Terms& terms, const Query& query,
                                                           socketio::ClientHello hello) {
  const bool fixture = fixture_ != nullptr;
  return std::make_shared<EngineSession>(registry_, context_, hub,
                                         EngineSession::Opening{.settings = terms.engine,
                                                                .version = query.version,
                                                                .sid = registry_.new_sid(query.version),
                                                                .hello = std::move(hello),
                                                                .connect_timeout = terms.connect_timeout,
                                                                .fixture = fixture ? &fixture_maker_ : nullptr,
                                                                .echo = fixture && fixture_->echo});
}

bool EngineService::serves(std::string_view path) const {
  const auto settings = context_.settings();
  const auto served = terms(*settings);
  if (path.ends_with('/')) path.remove_suffix(1);
  return served.enabled && path == served.path;
}

// ---- HTTP ----

namespace {

using ResponseHeaders = std::vector<std::pair<std::string, std::string>>;

ResponseHeaders cors_headers(const std::vector<std::string>& origins, bool credentials, EngineVersion version,
                             std::string_view origin) {
  ResponseHeaders headers;
  if (origin.empty()) return headers;
  // Clients of protocol 3 expect any origin unless the operator named some, and ask with credentials whether they have
  // any or not: browsers take no `*` then. Whose cookies count is the application's allowed_origins' business.
  const bool as_ever = origins.empty() && version == EngineVersion::v3;
  const bool any = as_ever || std::find(origins.begin(), origins.end(), "*") != origins.end();
  if (any && !credentials && !as_ever) {
    headers.emplace_back("Access-Control-Allow-Origin", "*");
    return headers;
  }
  if (origins.empty() && !any) return headers;
  if (any || origin_allowed(origins, origin)) {
    headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    if (credentials || as_ever) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  }
  headers.emplace_back("Vary", "Origin");
  return headers;
}

// Where a request comes from, as a browser tells it; of a script's request (JSONP) the page that holds the script.
std::string_view page_of(const HttpRequest& request, bool jsonp) {
  const auto origin = request.header("origin");
  if (!origin.empty() || !jsonp) return origin;
  const auto referer = request.header("referer");
  const auto host = referer.find("://");
  return host == std::string_view::npos ? std::string_view() : referer.substr(0, referer.find('/', host + 3));
}

void answer_preflight(const HttpRequest& request, Exchange& exchange, ResponseHeaders headers) {
  if (headers.empty()) {  // no page of another origin: a browser reads nothing of this
    return exchange.respond({.status = 204, .content_type = "", .route = kRoute});
  }
  headers.emplace_back("Content-Length", "0");  // or Safari waits for a body
  headers.emplace_back("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
  if (const auto asked = request.header("access-control-request-headers"); !asked.empty()) {
    headers.emplace_back("Access-Control-Allow-Headers", std::string(asked));
    headers.emplace_back("Vary", "Access-Control-Request-Headers");
  }
  exchange.respond({.status = 204, .content_type = "", .headers = std::move(headers), .route = kRoute});
}

}  // namespace

// A page that the application does not allow shall not act with its visitors' cookies, in no request of a session.
bool EngineService::page_allowed(const Settings& settings, std::string_view page, bool jsonp) const {
  if (fixture_ != nullptr) return true;
  const auto* app = settings.socketio.app_of("/", settings.apps);
  if (app == nullptr || app->allowed_origins.empty()) return true;
  if (page.empty()) return !jsonp;  // no browser says nothing, but for scripts
  return origin_allowed(app->allowed_origins, page);
}

// Two posts of one session at a time: neither is to be trusted. The second is noticed when its head is there.
HttpHandler::BodyBegins EngineService::body_begins(std::string_view path, std::string_view query, std::uint64_t bytes) {
  if (!serves(path)) return {};
  auto session = registry_.find(parse(query).sid);
  if (session == nullptr) return {};
  session->posting.fetch_add(1);
  const bool too_large = bytes > terms(*context_.settings()).engine.message_bytes_max;
  if (too_large) {
    session->hub().post([session] { session->post_too_large([](EngineAnswer) {}); });
  }
  return {.token = {session.get(), [session](void*) { session->posting.fetch_sub(1); }}, .too_large = too_large};
}

bool EngineService::handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
  if (!serves(request.path) || exchange->hub() == nullptr) return false;
  const auto settings = context_.settings();
  const auto served = terms(*settings);
  auto query = parse(request.query);
  if (is_python(request.header("user-agent"))) query.form.packets_max = kPythonPacketsMax;
  auto headers = cors_headers(*served.cors_origins, served.cors_credentials, query.version, request.header("origin"));
  if (request.method == "OPTIONS") {
    answer_preflight(request, *exchange, std::move(headers));
    return true;
  }
  const auto fail = [&](int code) {
    Answerer(exchange, std::move(headers)).answer(socketio::engine_error(code), *exchange->hub());
  };
  if (!page_allowed(*settings, page_of(request, query.form.jsonp), query.form.jsonp)) {
    context_.metrics.handshakes_refused(info(Errc::origin_refused).name).add();
    const auto page = page_of(request, query.form.jsonp);
    const bool own = is_own_address(page, request.header("host"));
    log_debug("a page of another origin is refused",
              {{"origin", page},
               {"remedy", own ? "a client that is no browser sends the server's own address: add it to allowed_origins"
                              : info(Errc::origin_refused).remedy}});
    fail(4);
  } else if (!query.known_transport) {
    fail(0);
  } else if (!query.sid.empty()) {
    pass_on(request, exchange, query, served);
  } else if (request.method != "GET") {
    fail(2);
  } else if (query.websocket) {
    fail(3);  // a WebSocket without an upgrade
  } else if (!served.speaks(query)) {
    fail(5);
  } else {
    open(request, exchange, query, served);
  }
  return true;
}

void EngineService::open(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
                         const Terms& terms) {
  Hub& hub = *exchange->hub();
  const auto settings = context_.settings();
  auto headers = cors_headers(*terms.cors_origins, terms.cors_credentials, query.version, request.header("origin"));
  auto place = exchange->take_place(request.client_address);
  if (!place.granted()) {  // a session that nobody counts would be one without a bound
    return Answerer(exchange, std::move(headers)).answer(EngineSession::over_capacity(), hub);
  }
  // A script that does not say where it stands is of no allowed page.
  auto origin = page_of(request, query.form.jsonp);
  if (origin.empty() && query.form.jsonp) origin = "null";
  const auto session = make_session(
      hub, terms, query,
      hello(*settings, origin, request.headers, request.client_address, query, request.tls, !place.granted()));
  registry_.remember(session);
  const auto answerer = std::make_shared<Answerer>(exchange, std::move(headers));
  session->open_polling(query.form, std::move(place),
                        [answerer, &hub](EngineAnswer answer) { answerer->answer(std::move(answer), hub); });
}

void EngineService::pass_on(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
                            const Terms& terms) {
  Hub& here = *exchange->hub();
  auto answerer = std::make_shared<Answerer>(
      exchange, cors_headers(*terms.cors_origins, terms.cors_credentials, query.version, request.header("origin")));
  auto session = registry_.find(query.sid);
  if (session == nullptr) return answerer->answer(socketio::engine_error(1), here);
  if (query.websocket) return answerer->answer(socketio::engine_error(3), here);
  Hub& home = session->hub();
  // The session's own thread does the rest, be it this one or another.
  const auto on_home = [&home, &here](std::function<void()> work) {
    if (&home == &here) return work();
    home.post(std::move(work));
  };
  const EngineSession::Answer answer = [answerer, &home](EngineAnswer said) {
    answerer->answer(std::move(said), home);
  };
  if (request.method == "GET") {
    const auto number = session->new_poll();
    exchange->watch([session, on_home, number] { on_home([session, number] { session->poll_lost(number); }); });
    on_home([session, answer, number, form = query.form] { session->poll(number, form, answer); });
  } else if (request.method == "POST") {
    if (session->posting.load() > 0) {
      return on_home([session, answer] { session->post_refused(answer); });
    }
    if (request.body.size() > terms.engine.message_bytes_max) {
      return on_home([session, answer] { session->post_too_large(answer); });
    }
    const bool binary = request.header("content-type").starts_with("application/octet-stream");
    auto body = request.body;
    if (query.form.jsonp) {
      auto plain = socketio::unwrap_jsonp_post(body);
      body = plain ? std::move(*plain) : std::string();
    }
    on_home([session, answer, binary, body = std::move(body)] { session->post(body, binary, answer); });
  } else {
    on_home([session, answer] { session->bad_method(answer); });
  }
}

// ---- WebSockets ----

bool EngineService::joins(std::string_view query) const { return registry_.find(parse(query).sid) != nullptr; }

std::variant<Accepted, HttpRefusal> EngineService::accept(const UpgradeRequest& request) {
  const auto settings = context_.settings();
  const auto served = terms(*settings);
  const auto query = parse(request.query);
  // Clients read these words, not JSON.
  const auto refuse = [](int code, Errc why) {
    return HttpRefusal{400, make_error(why), std::string(socketio::engine_error_message(code)), "text/html"};
  };
  if (!query.known_transport) return refuse(0, Errc::bad_request);
  if (!query.websocket) return refuse(3, Errc::bad_request);
  if (request.draining) return refuse(3, Errc::reconnect);
  Accepted accepted{.wire = Wire::socketio, .message_bytes_max = served.engine.message_bytes_max, .in_hub = false};
  if (!query.sid.empty()) {
    auto session = registry_.find(query.sid);
    if (session == nullptr) return refuse(1, Errc::bad_request);
    accepted.home = &session->hub();
    accepted.protocol = std::make_unique<EngineWebSocket>(std::move(session), true);
    return accepted;
  }
  if (!served.speaks(query)) return refuse(5, Errc::unsupported_protocol_version);
  auto session = make_session(*request.hub, served, query,
                              hello(*settings, request.origin, request.headers, request.client_address, query,
                                    request.tls, request.over_capacity));
  accepted.protocol = std::make_unique<EngineWebSocket>(std::move(session), false);
  return accepted;
}

}  // namespace parley::net

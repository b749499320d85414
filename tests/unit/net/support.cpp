#include "support.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

namespace parley::net::test {

namespace {

class WordsProtocol final : public Protocol {
 public:
  WordsProtocol(SocketId socket, std::int64_t deadline_ms) : socket_(socket), deadline_after_(deadline_ms) {}

  void on_open(MonoTime now, Actions& actions) override {
    if (deadline_after_.count() > 0) deadline_ = now + deadline_after_;
    actions.send_text("hello " + socket_.text());
  }
  void on_text(std::string_view payload, MonoTime now, Actions& actions) override {
    const auto space = payload.find(' ');
    const auto word = payload.substr(0, space);
    const auto rest = space == std::string_view::npos ? std::string_view() : payload.substr(space + 1);
    if (word == "say") {
      actions.send_text(rest);
    } else if (word == "listen" || word == "through") {
      const ChannelKey channel("app", rest);
      actions.listen(channel, word == "listen" ? ListenMode::direct : ListenMode::through);
      actions.send_text("listening " + std::string(rest));
    } else if (word == "leave") {
      actions.unlisten(ChannelKey("app", rest));
      actions.send_text("left " + std::string(rest));
    } else if (word == "publish") {
      const auto split = rest.find(' ');
      Publish publish{.channel = ChannelKey("app", rest.substr(0, split)),
                      .event = "e",
                      .data = std::string(rest.substr(split + 1))};
      publish.except = socket_;
      publish.accepted = now;
      actions.request({{}, std::move(publish)});
    } else if (word == "flood") {
      std::size_t bytes = 0;
      std::from_chars(rest.data(), rest.data() + rest.size(), bytes);
      const std::string piece(1000, 'f');
      for (std::size_t sent = 0; sent < bytes; sent += piece.size()) actions.send_text(piece);
    } else if (word == "close") {
      int code = 0;
      std::from_chars(rest.data(), rest.data() + rest.size(), code);
      actions.send_text("bye");
      actions.close(static_cast<std::uint16_t>(code), "asked", Errc::terminated);
      actions.send_text("never sent");
    } else if (word == "controls") {
      actions.send_text("controls " + std::to_string(controls_));
    } else {
      actions.send_text("text " + std::to_string(payload.size()));
    }
  }
  void on_binary(std::string_view payload, MonoTime, Actions& actions) override {
    actions.send_text("binary " + std::to_string(payload.size()));
  }
  void on_control(MonoTime) override { ++controls_; }
  void on_reply(Reply& reply, MonoTime, Actions& actions) override {
    if (const auto* published = std::get_if<Published>(&reply.what)) {
      actions.send_text("published " + std::string(published->channel.name()));
    }
  }
  void on_event(const ChannelEvent& event, const Bytes& frame, MonoTime, Actions& actions) override {
    actions.send_text("through");
    actions.send_frame(frame);
    // Leaving in the middle of a fan-out must be safe.
    if (const auto* what = std::get_if<ChannelEvent::Published>(&event.what); what && what->publication->data == "go") {
      actions.unlisten(event.channel);
    }
  }
  void on_deadline(MonoTime, Actions& actions) override {
    deadline_ = MonoTime::max();
    actions.send_text("deadline");
  }
  [[nodiscard]] MonoTime deadline() const override { return deadline_; }
  void on_drain(MonoTime, Actions& actions) override { actions.close(4200, "drain", Errc::reconnect); }
  void on_end(EndReason reason, MonoTime, Actions& actions) override {
    Unsubscribe gone{.channel = ChannelKey("app", "end"), .subscription = {}};
    gone.reason = reason == EndReason::closed_by_client ? LeaveReason::closed_by_client : LeaveReason::connection_lost;
    gone.client_id = reason == EndReason::closed_by_us ? "by us" : "";
    actions.request({{}, std::move(gone)});
  }
  [[nodiscard]] SocketId socket_id() const override { return socket_; }

 private:
  SocketId socket_;
  milliseconds deadline_after_;
  MonoTime deadline_ = MonoTime::max();
  int controls_ = 0;
};

class TestHandler final : public HttpHandler {
 public:
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override {
    if (request.path == "/hello") {
      exchange->respond({.body = "hello " + request.query, .content_type = "text/plain", .route = "hello"});
    } else if (request.path == "/echo-body") {
      exchange->respond({.body = request.method + " " + request.body, .content_type = "text/plain", .route = "echo"});
    } else if (request.path == "/who") {
      exchange->respond(
          {.body = request.client_address + (request.tls ? " tls" : " plain"), .content_type = "text/plain"});
    } else if (request.path == "/large") {
      exchange->respond({.body = std::string(5'000'000, 'x'), .content_type = "text/plain"});
    } else if (request.path == "/split") {
      exchange->respond({.body = "ok", .headers = {{"X-Evil", "a\r\nX-Injected: 1"}}});
    } else if (request.path == "/ask") {
      exchange->request({{}, GetChannel{ChannelKey("app", "asked")}}, [exchange](Reply& reply) {
        if (const auto* channel = std::get_if<ChannelInfo>(&reply.what)) {
          exchange->respond({.body = std::string(channel->channel.name())});
        } else {
          exchange->respond({.status = 503, .body = std::get<Refused>(reply.what).error.message});
        }
      });
    } else if (request.path == "/never") {
      return true;
    } else {
      return false;
    }
    return true;
  }
};

}  // namespace

// ---- FakeGateway ----

SessionAddress FakeGateway::attach(std::shared_ptr<actors::HubInbox> inbox) {
  const std::lock_guard lock(mutex_);
  inboxes_.push_back(std::move(inbox));
  return {HubId{static_cast<std::uint16_t>(inboxes_.size() - 1)}, {}};
}

void FakeGateway::submit(std::vector<Request>&& requests) {
  ++batches_;
  const std::lock_guard lock(mutex_);
  for (auto& request : requests) {
    if (!silent) answer(request);
    seen_.push_back(std::move(request));
  }
  came_.notify_all();
}

void FakeGateway::answer(const Request& request) {
  const auto& inbox = inboxes_.at(request.from.hub.value);
  if (const auto* publish = std::get_if<Publish>(&request.what)) {
    auto publication = std::make_shared<Publication>();
    publication->event = publish->event;
    publication->data = publish->data;
    const auto event = std::make_shared<ChannelEvent>(
        ChannelEvent{publish->channel, ChannelEvent::Published{publication}, publish->except, publish->accepted});
    for (const auto& each : inboxes_) each->push(ChannelEventPtr(event));
    inbox->push(Reply{request.from, Published{.channel = publish->channel}});
  } else if (const auto* get = std::get_if<GetChannel>(&request.what)) {
    inbox->push(Reply{request.from, ChannelInfo{.channel = get->channel}});
  }
}

void FakeGateway::publish(const std::string& channel, const std::string& data, SocketId except) {
  auto publication = std::make_shared<Publication>();
  publication->event = "e";
  publication->data = data;
  push_all(std::make_shared<ChannelEvent>(
      ChannelEvent{ChannelKey("app", channel), ChannelEvent::Published{publication}, except, SystemClock().now()}));
}

void FakeGateway::push_all(const ChannelEventPtr& event) {
  const std::lock_guard lock(mutex_);
  for (const auto& inbox : inboxes_) inbox->push(event);
}

bool FakeGateway::wait_for(const std::function<bool(const Request&)>& wanted) {
  std::unique_lock lock(mutex_);
  return came_.wait_for(lock, kSoon, [&] { return std::any_of(seen_.begin(), seen_.end(), wanted); });
}

// ---- FakeSessions ----

std::variant<Accepted, HttpRefusal> FakeSessions::accept(const UpgradeRequest& request) {
  const std::lock_guard lock(mutex_);
  last_ = {std::string(request.path), std::string(request.query), std::string(request.origin),
           std::string(request.client_address), request.tls};
  if (request.path == "/test/forbidden") return HttpRefusal{403, make_error(Errc::origin_refused)};
  if (request.over_capacity) return Accepted{make_refusal("full", 4100, make_error(Errc::over_capacity)), Wire::pusher};
  if (request.draining) return Accepted{make_refusal("drain", 4200, make_error(Errc::reconnect)), Wire::pusher};
  return Accepted{std::make_unique<WordsProtocol>(request.socket, deadline_ms.load()), Wire::pusher};
}

FakeSessions::Seen FakeSessions::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::shared_ptr<HttpHandler> test_handler() { return std::make_shared<TestHandler>(); }

// ---- Server ----

Server::Server(std::function<void(FrontEndConfig&, Settings&)> change,
               std::vector<std::shared_ptr<SessionFactory>> more_sessions) {
  FrontEndConfig config;
  config.port = 0;
  config.metrics_port = 0;
  config.tick = 5ms;
  Settings values;
  if (change) change(config, values);
  settings = std::make_unique<SettingsSource>(std::make_shared<const Settings>(std::move(values)));
  more_sessions.push_back(sessions);
  front_end = std::make_unique<FrontEnd>(config, *settings, clock, random, metrics, gateway, std::move(more_sessions),
                                         std::vector{test_handler()});
  const auto started = front_end->start();
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message);
}

Server::~Server() { front_end->stop(); }

std::string Server::url(std::string_view scheme, std::string_view target) const {
  return fmt::format("{}://127.0.0.1:{}{}", scheme, front_end->port(), target);
}

Result<WebSocketClient> Server::open(std::string_view target, const ClientHeaders& headers) {
  return WebSocketClient::connect(url("ws", target), {}, headers);
}

Result<HttpClient> Server::http() { return HttpClient::connect(*parse_url(url("http", "/"))); }

double Server::metric(std::string_view name, std::string_view labels) {
  const std::string text = metrics.text();
  double sum = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end == std::string::npos ? text.size() : end + 1;
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char after = line[name.size()];
    if (after != ' ' && after != '{') continue;
    if (!labels.empty() && line.find(labels) == std::string_view::npos) continue;
    sum += std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return sum;
}

bool Server::metric_reaches(std::string_view name, double value, std::string_view labels) {
  // Counted on another thread; there is nothing to be notified by.
  const MonoTime until = clock.now() + kSoon;
  while (clock.now() < until) {
    if (metric(name, labels) >= value) return true;
    std::this_thread::yield();
  }
  return false;
}

std::string next(WebSocketClient& client, milliseconds timeout) {
  const auto message = client.receive(timeout);
  if (!message) return "error: " + message.error().message;
  if (message->opcode == Opcode::close) return fmt::format("close {} {}", message->close_code, message->payload);
  if (message->opcode == Opcode::pong) return "pong " + message->payload;
  if (message->opcode == Opcode::binary) return "binary " + message->payload;
  return message->payload;
}

std::string temp_file(const std::string& name, const std::string& content) {
  // Tests read them again on a reload: they go with the process.
  struct Swept {
    std::set<std::string> paths;
    ~Swept() {
      for (const auto& path : paths) std::remove(path.c_str());
    }
  };
  static Swept swept;
  std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  swept.paths.insert(path);
  return path;
}

}  // namespace parley::net::test

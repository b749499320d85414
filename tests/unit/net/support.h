#pragma once
// A front-end on free ports with a gateway that answers by itself and a protocol of few words, so that
// net is tested without actors and without Pusher.
//
// Words of the protocol: `say TEXT` (comes back), `listen C`, `through C`, `leave C`, `publish C TEXT`,
// `flood N` (bytes), `close CODE`.

#include "actors/gateway.h"
#include "core/metrics.h"
#include "core/random.h"
#include "net/client/client.h"
#include "net/front_end.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace parley::net::test {

using namespace std::chrono_literals;

inline constexpr milliseconds kSoon{60'000};  // far longer than anything that works takes

// Publishes to all hubs at once and answers what is asked.
class FakeGateway final : public actors::Gateway {
 public:
  SessionAddress attach(std::shared_ptr<actors::HubInbox> inbox) override;
  void submit(std::vector<Request>&& requests) override;

  void publish(const std::string& channel, const std::string& data, SocketId except = {});
  void push_all(const ChannelEventPtr& event);
  // Waits until a request for which `wanted` holds came; false when none does in time.
  bool wait_for(const std::function<bool(const Request&)>& wanted);
  std::size_t batches() const { return batches_; }
  std::atomic<bool> silent{false};  // answers nothing

 private:
  void answer(const Request& request);
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::shared_ptr<actors::HubInbox>> inboxes_;
  std::vector<Request> seen_;
  std::atomic<std::size_t> batches_{0};
};

class FakeSessions final : public SessionFactory {
 public:
  [[nodiscard]] bool serves(std::string_view path) const override { return path.starts_with("/test"); }
  [[nodiscard]] bool joins(std::string_view) const override { return false; }
  std::variant<Accepted, HttpRefusal> accept(const UpgradeRequest& request) override;

  struct Seen {
    std::string path, query, origin, client_address;
    bool tls = false;
  };
  Seen last() const;
  std::atomic<std::int64_t> deadline_ms{0};  // 0: none. Sends `deadline` when it passes

 private:
  mutable std::mutex mutex_;
  Seen last_;
};

// Answers by path: /hello, /echo-body, /ask (through the gateway), /never (forgets the request), /late, /large.
std::shared_ptr<HttpHandler> test_handler();

class Server {
 public:
  explicit Server(std::function<void(FrontEndConfig&, Settings&)> change = {},
                  std::vector<std::shared_ptr<SessionFactory>> more_sessions = {});
  ~Server();

  [[nodiscard]] std::string url(std::string_view scheme, std::string_view target) const;
  Result<WebSocketClient> open(std::string_view target = "/test", const ClientHeaders& headers = {});
  Result<HttpClient> http();
  // Sums all samples of a metric, or of those whose labels contain `labels`.
  double metric(std::string_view name, std::string_view labels = {});
  bool metric_reaches(std::string_view name, double value, std::string_view labels = {});

  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  FakeGateway gateway;
  std::shared_ptr<FakeSessions> sessions = std::make_shared<FakeSessions>();
  std::unique_ptr<SettingsSource> settings;
  std::unique_ptr<FrontEnd> front_end;
};

// What the client gets next, as text; `close CODE REASON` for a close; `error: …` when nothing came.
std::string next(WebSocketClient& client, milliseconds timeout = kSoon);

std::string temp_file(const std::string& name, const std::string& content);

}  // namespace parley::net::test

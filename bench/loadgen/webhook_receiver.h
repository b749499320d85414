#pragma once
// A webhook's target: takes POST requests on a loopback port and answers 200 a fixed time after each, or
// is down, when nobody can connect. Reads Parley's user events out of the bodies.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/loadgen/loop.h"

namespace loadgen {

struct UserEvent {
  std::string_view name;  // these are borrowed from the request
  std::string_view user_id;
  std::string_view id;
};

class WebhookReceiver final : private Pollable {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void on_user_event(const UserEvent& event) = 0;
  };

  WebhookReceiver(Loop& loop, Sink& sink, std::uint16_t port, std::int64_t answer_after_ns);
  ~WebhookReceiver() override;
  WebhookReceiver(const WebhookReceiver&) = delete;
  WebhookReceiver& operator=(const WebhookReceiver&) = delete;

  void go_up();
  // Ends all connections too; requests that were not answered stay so. Not from inside the loop's turn.
  void go_down();
  // Sends the answers that are due; call it after each turn of the loop.
  void answer(std::int64_t now);

  std::uint64_t requests() const { return requests_; }

 private:
  class Caller;

  void on_events(std::uint32_t events) override;  // somebody connects
  void took(Caller& caller, std::string_view body);

  Loop& loop_;
  Sink& sink_;
  std::uint16_t port_;
  std::int64_t answer_after_ns_;
  int fd_ = -1;
  std::uint64_t next_caller_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Caller>> callers_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> answers_;  // when, and to whom
  std::uint64_t requests_ = 0;
};

}  // namespace loadgen

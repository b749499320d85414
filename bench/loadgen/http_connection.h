#pragma once
// One HTTP connection with one request under way at a time. It is kept alive as long as the server lets
// it, and opened anew when a response says "Connection: close".

#include <string>
#include <string_view>

#include "bench/loadgen/loop.h"
#include "bench/loadgen/socket.h"

namespace loadgen {

class HttpConnection final : public Pollable {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void on_response(HttpConnection& connection, int status, std::string_view body) = 0;
  };

  HttpConnection(Loop& loop, Observer& observer, const Endpoint& server, unsigned source);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void send(std::string request);
  void on_events(std::uint32_t events) override;

 private:
  void open();
  void shut();
  void flush();
  void take_response();

  Loop& loop_;
  Observer& observer_;
  Endpoint server_;
  unsigned source_;
  int fd_ = -1;
  bool connected_ = false;
  std::string in_;
  std::string out_;
};

}  // namespace loadgen

#pragma once
// A client of Pusher's protocol: an own one resumes with `since`, a stock one by what the server knows of it.

#include "tests/sim/client.h"

namespace parley::sim {

class PusherClient final : public Client {
 public:
  using Client::Client;
  void on_frame(std::string_view payload) override;
  void leave_a_channel() override;

 private:
  [[nodiscard]] Address address() const override;
  void on_connecting() override { socket_ = {}; }
  void say_publish(std::uint64_t ack, const Pending& what) override;
  void subscribe_wanted() override;
  void sign_in();
  void subscribe(ChannelView& view);
  void on_succeeded(ChannelView& view, const boost::json::object& frame);
  void on_event_of(ChannelView& view, std::string_view event, const boost::json::object& frame);
  void on_ack(const boost::json::object& data);

  SocketId socket_;
};

}  // namespace parley::sim

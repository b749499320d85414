#pragma once
// A Socket.IO client, as socket.io-client 4.6 and later: keeps the name of its session and the last string that ended
// an event, brings both when it comes back, and goes on with its channels if the server takes it up again. If not, it
// subscribes anew, with the position that it has of each channel, or without it, and loads what it missed. What came
// before CONNECT on a connection that broke was not handed on, and is forgotten. Judges besides
//
//   recovered_is_whole  who is taken up again has its id, and had not been told that nothing could be taken up
//   offset_is_its_own   the offset that ends an event names the event's place in its channel
//   offset_is_had       what an offset names, of any channel, the client has
//   own_stays_away      what was acknowledged to a session does not come to it
//   off_is_off          nothing comes of a channel that the client knows it is off

#include "tests/sim/backlog.h"
#include "tests/sim/client.h"

#include <list>
#include <string>
#include <vector>

namespace parley::sim {

class SocketIoClient final : public Client {
 public:
  SocketIoClient(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network, ClientSpec spec);
  void on_frame(std::string_view payload) override;
  void leave_a_channel() override;
  [[nodiscard]] std::uint64_t recovered() const override { return recovered_; }
  [[nodiscard]] std::size_t waits_for() const override { return Client::waits_for() + backlogs_.size(); }

 private:
  // Whether the session is on a channel, as far as its client can know: a question may be on its way, or its answer
  // have got lost with a connection.
  enum class Place : std::uint8_t { off, joining, on, leaving };
  enum class Ask : std::uint8_t { subscribe, unsubscribe, history };
  struct Question {
    Ask what;
    std::string channel;
    std::list<Backlog>::iterator backlog{};
  };

  [[nodiscard]] Address address() const override { return {"/socket.io/", "EIO=4&transport=websocket"}; }
  void on_connecting() override;
  void on_disconnected() override { connected_ = false; }
  void say_goodbye() override;
  void say_publish(std::uint64_t ack, const Pending& what) override;
  void subscribe_wanted() override;

  void on_connect(const boost::json::object& session);
  void go_on(bool recovered);
  void on_event(const boost::json::array& event);
  void on_event_of(ChannelView& view, const boost::json::array& event);
  void on_message(ChannelView& view, const boost::json::array& event);
  [[nodiscard]] std::optional<Position> place_of(const ChannelView& view, const std::string& message,
                                                 const std::string& told) const;
  void on_offset(const std::string& told);
  void on_answer(std::uint64_t ack, const boost::json::object& answer);
  void on_subscribed(ChannelView& view, const boost::json::object& answer);
  void on_page(std::list<Backlog>::iterator backlog, const boost::json::object& page);

  void emit(std::uint64_t ack, std::string_view event, const boost::json::object& argument);
  void ask(Question question, std::string_view event, const boost::json::object& argument);
  void subscribe(ChannelView& view);
  void unsubscribe(ChannelView& view);
  void load(std::list<Backlog>::iterator backlog);

  std::map<std::string, Place> places_;
  std::map<std::string, std::set<std::string>> published_;  // by this session, since it is on the channel
  std::string pid_;
  std::string sid_;
  std::string offset_;
  bool connected_ = false;
  std::vector<boost::json::array> early_;    // events before CONNECT: they are handed on when it has come
  std::map<std::uint64_t, Question> asked_;  // on this connection
  std::list<Backlog> backlogs_;
  std::uint64_t next_question_;
  std::uint64_t visits_ = 0;  // connections
  std::uint64_t recovered_ = 0;
};

}  // namespace parley::sim

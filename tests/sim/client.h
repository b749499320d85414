#pragma once
// The clients of a simulated world. An own client keeps its positions and resumes with `since`; a
// stock client has a client id in its address, answers pings and keeps nothing. Both subscribe to
// whatever channels they were given, presence channels too, publish with `ack` and an idempotency
// key, ask again until they are answered, come back when they were cut, and judge what they receive.

#include "tests/sim/checker.h"
#include "tests/sim/connection.h"

#include <boost/json.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace parley::sim {

// Where connections come from.
class Network {
 public:
  virtual ~Network() = default;
  // Null: nobody answers; on_closed() of the client follows.
  virtual std::shared_ptr<Connection> connect(const std::shared_ptr<ClientEnd>& client, const std::string& path) = 0;
};

enum class ClientKind : std::uint8_t { own, stock };

struct ClientSpec {
  std::string name;  // of a stock client also its client id
  ClientKind kind = ClientKind::own;
  std::string user_id;  // for presence channels
  std::vector<std::string> channels;
};

// One channel as one client sees it.
struct ChannelView {
  std::string channel;
  bool wanted = true;
  bool asked = false;  // on this connection
  bool subscribed = false;
  bool left = false;         // once on this connection: what was on its way may still come
  bool visited = false;      // has been subscribed since it was last left on purpose
  bool resuming = false;     // asked for what was missed
  bool adopts = false;       // a stock client whose leaving got lost: the first event says where it is
  std::string epoch;         // empty: nothing was published yet
  std::uint64_t offset = 0;  // everything up to here was received, or published by this client itself
  std::uint64_t last_on_connection = 0;
  std::set<std::uint64_t> ahead;  // own publications behind `offset`, known by their acks
  // The same of epochs that it was not told of yet: who catches up hears of a new life with the next page.
  std::map<std::string, std::set<std::uint64_t>> ahead_elsewhere;
  std::uint64_t gap_told = 0;  // the last one that was announced ended before this
  // Own ones whose outcome is unknown to it, by what it had to take them for: it asks again, and learns their offset.
  std::set<std::uint64_t> own_in_doubt;
  std::set<std::string> received;  // messages
  std::set<std::string> roster;
};

class Client final : public ClientEnd, public std::enable_shared_from_this<Client> {
 public:
  Client(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network, ClientSpec spec);

  void begin();  // connects and starts to publish
  void stop_publishing() { publishing_ = false; }
  void cut();  // the network does
  void leave_a_channel();
  void quit();  // for ever: the page is closed, or the machine is switched off

  void on_frame(std::string_view payload) override;
  void on_closed() override;

  [[nodiscard]] const ClientSpec& spec() const { return spec_; }
  [[nodiscard]] const std::map<std::string, ChannelView>& views() const { return views_; }
  [[nodiscard]] std::size_t unacked() const { return unacked_.size(); }
  [[nodiscard]] bool gone() const { return gone_; }

 private:
  struct Pending {
    std::string channel;
    std::string message;
    std::uint64_t tries = 0;
    std::uint64_t connection = 0;  // of the last try
    bool refused = false;
    std::uint64_t waits = 0;  // the number of the newest wait: older ones come to nothing
  };
  struct LastAck {
    std::uint64_t connection = 0;
    std::uint64_t ack = 0;
    std::uint64_t offset = 0;
  };

  void connect();
  void send(std::string payload);
  void sign_in();
  void subscribe_wanted();
  void subscribe(ChannelView& view);
  void publish_sometimes();
  void try_publish(std::uint64_t ack);
  void try_later(std::uint64_t ack, nanoseconds delay);
  void on_succeeded(ChannelView& view, const boost::json::object& frame);
  void on_gap(ChannelView& view, const boost::json::object& frame);
  void on_publication(ChannelView& view, const boost::json::object& frame);
  void on_ack(const boost::json::object& data);
  void on_member(ChannelView& view, const boost::json::object& frame, bool added);
  void advance(ChannelView& view, std::uint64_t offset);
  [[nodiscard]] bool may_be_own(ChannelView& view, std::uint64_t offset);
  void violated(std::string_view invariant, const ChannelView& view, std::string_view what);
  [[nodiscard]] bool mine(std::string_view message) const { return message.starts_with(spec_.name + ":"); }

  Scheduler& scheduler_;
  const Plan& plan_;
  Checker& checker_;
  Network& network_;
  ClientSpec spec_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t connections_ = 0;
  SocketId socket_;
  std::map<std::string, ChannelView> views_;
  std::map<std::uint64_t, Pending> unacked_;
  std::map<std::string, LastAck> last_acks_;
  std::uint64_t next_ack_ = 1;
  bool publishing_ = true;
  bool gone_ = false;
};

}  // namespace parley::sim

#pragma once
// A client of a simulated world, whichever protocol it speaks: comes back when it was cut, publishes with an
// acknowledgement and an idempotency key, asks again until it is answered, and judges what it receives. Of Pusher's
// protocol are own clients, which keep their positions and resume with `since`, and stock clients, which have a client
// id in their address, answer pings and keep nothing (pusher_client.h); Socket.IO's are in socketio_client.h.

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
  virtual std::shared_ptr<Connection> connect(const std::shared_ptr<ClientEnd>& client, const Address& to) = 0;
};

enum class ClientKind : std::uint8_t { own, stock, socketio };

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
  bool gap_due = false;      // not everything is to be had: that is told before what follows
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

class Client : public ClientEnd, public std::enable_shared_from_this<Client> {
 public:
  Client(Scheduler& scheduler, const Plan& plan, Checker& checker, Network& network, ClientSpec spec);

  void begin();  // connects and starts to publish
  void stop_publishing() { publishing_ = false; }
  void cut();  // the network does
  virtual void leave_a_channel() = 0;
  void quit();  // for ever: the page is closed, or the machine is switched off

  void on_closed() override;

  [[nodiscard]] const ClientSpec& spec() const { return spec_; }
  [[nodiscard]] const std::map<std::string, ChannelView>& views() const { return views_; }
  [[nodiscard]] virtual std::size_t waits_for() const { return unacked_.size(); }  // answers
  [[nodiscard]] bool gone() const { return gone_; }
  // Sessions that went on with nothing missed, by the server's word.
  [[nodiscard]] virtual std::uint64_t recovered() const { return 0; }

 protected:
  struct Pending {
    std::string channel;
    std::string message;
    std::uint64_t tries = 0;
    std::uint64_t connection = 0;  // of the last try
    bool refused = false;
    bool doubted = false;  // the checker knows
    std::uint64_t waits = 0;  // the number of the newest wait: older ones come to nothing
  };

  // ---- in the protocol's words ----
  [[nodiscard]] virtual Address address() const = 0;
  virtual void on_connecting() {}
  virtual void on_disconnected() {}
  virtual void say_goodbye() {}  // the page is closed in order
  virtual void say_publish(std::uint64_t ack, const Pending& what) = 0;
  virtual void subscribe_wanted() = 0;

  void send(std::string payload);
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  void subscribe_later(nanoseconds least, nanoseconds most);
  ChannelView* some_view();                                          // that it is subscribed to
  [[nodiscard]] const Pending* pending_of(std::uint64_t ack) const;  // null: it was answered
  [[nodiscard]] std::optional<std::string> channel_data(std::string_view channel) const;
  [[nodiscard]] std::string since_of(const ChannelView& view) const;

  // ---- what it heard ----
  void on_entered(ChannelView& view, Position newest, std::optional<bool> recovered);
  void on_roster(ChannelView& view, std::set<std::string> users);
  void on_gap(ChannelView& view, const boost::json::object& gap);
  void on_publication(ChannelView& view, const std::string& message, Position position);
  void on_member(ChannelView& view, const std::string& user, bool added);
  void on_published(std::uint64_t ack, const std::string& channel, Position position);
  void on_not_published(std::uint64_t ack);
  void violated(std::string_view invariant, const ChannelView& view, std::string_view what);
  // Everything up to there is there, or was its own: else a hole, which the protocol denied.
  [[nodiscard]] bool has_up_to(ChannelView& view, std::uint64_t offset);
  [[nodiscard]] bool mine(std::string_view message) const { return message.starts_with(spec_.name + ":"); }

  Scheduler& scheduler_;
  const Plan& plan_;
  Checker& checker_;
  ClientSpec spec_;
  std::map<std::string, ChannelView> views_;

 private:
  struct LastAck {
    std::uint64_t connection = 0;
    std::uint64_t ack = 0;
    std::uint64_t offset = 0;
  };

  void connect();
  void publish_sometimes();
  void try_publish(std::uint64_t ack);
  void try_later(std::uint64_t ack, nanoseconds delay);
  void advance(ChannelView& view, std::uint64_t offset);
  [[nodiscard]] bool in_doubt(const Pending& pending) const;
  void doubt(Pending& pending);
  [[nodiscard]] bool may_be_own(ChannelView& view, std::uint64_t offset);

  Network& network_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t connections_ = 0;
  std::map<std::uint64_t, Pending> unacked_;
  std::map<std::string, LastAck> last_acks_;
  std::uint64_t next_ack_ = 1;
  bool publishing_ = true;
  bool gone_ = false;
};

// Of JSON that clients are sent.
[[nodiscard]] std::string text(const boost::json::value& value);
[[nodiscard]] std::uint64_t number(const boost::json::value& value);

}  // namespace parley::sim

#pragma once
// One Socket.IO client: the namespaces inside one Engine.IO session. Takes messages apart, collects the attachments of
// binary packets, connects and ends namespaces, takes up sessions that were kept. Without I/O; on the I/O thread of the
// session's hub. (socket.io-protocol 5, and 4 for Engine.IO 3 clients.)

#include "net/session/context.h"
#include "net/session/handshake.h"
#include "net/session/rate_limit.h"
#include "net/socketio/engine.h"
#include "net/socketio/socket.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::socketio {

// What the request that opened the session told of the client.
struct ClientHello {
  std::string origin;
  std::string address;
  std::string token;  // `token=` of the query
  Headers headers;    // of those that any application wants forwarded, and `authorization`
  bool tls = false;
  bool over_capacity = false;  // of the node or the address
};

struct KeptRecord {
  std::string text;
  WallTime expires;
};

// The hub's side. Calls back on the hub's thread, and only while the client is there.
class ClientHost {
 public:
  virtual ~ClientHost() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  virtual SocketId new_socket() = 0;
  virtual std::string new_secret() = 0;
  // Puts a namespace's end into the hub. Null: the id is taken.
  virtual Actions* add(Protocol& end, SocketId id, Wire wire) = 0;
  virtual void remove(SocketId id) = 0;
  // Whether it may be one of new_secret()'s: the log is not asked for others.
  [[nodiscard]] virtual bool is_secret(std::string_view text) const = 0;
  // If the client is gone when the record comes, it is given back, for `window` at most.
  virtual void take_kept(std::string app, std::string pid, milliseconds window,
                         std::function<void(std::optional<KeptRecord>)> done) = 0;
  virtual void give_back(std::string app, std::string pid, std::string record, WallTime expires) = 0;
  // Ends the socket of this id on this node, if there is one, wherever it is: its client has come back.
  virtual void supersede(SocketId id, std::function<void()> done) = 0;
  virtual void later(std::function<void()> work) = 0;  // at the end of this turn
};

// Makes a namespace's end instead of an application's socket: for conformance suites. Null: no such namespace.
using FixtureMaker = std::function<std::unique_ptr<NamespaceEnd>(std::string_view nsp, std::string_view payload,
                                                                 std::string sid, EngineVersion version)>;

class Client final : public EngineClient {
 public:
  Client(SessionContext& context, ClientHost& host, ClientHello hello, milliseconds connect_timeout,
         const FixtureMaker* fixture);
  ~Client() override;

  void attach(Engine& engine) { engine_ = &engine; }

  void on_engine_open(MonoTime now) override;
  void on_message(std::string_view text, MonoTime now) override;
  void on_binary_message(std::string_view data, MonoTime now) override;
  void on_engine_end(EngineEnd end, MonoTime now) override;

  // From the hub, for the end that was added under this id.
  void on_reply(SocketId id, Reply& reply, MonoTime now);
  void on_event(SocketId id, const ChannelEvent& event, const Bytes& frame, MonoTime now);
  void on_skipped(SocketId id, const ChannelEvent& event, MonoTime now);
  void announce(SocketId id, Announcer& to);
  void on_room(MonoTime now);                                    // little waits to be sent
  void on_close(SocketId id, std::uint16_t code, MonoTime now);  // Actions::close() of a socket
  void on_superseded(SocketId id, MonoTime now);

  [[nodiscard]] MonoTime deadline() const;
  void on_deadline(MonoTime now);

 private:
  struct Namespace {
    std::string name;
    SocketId id;
    std::unique_ptr<NamespaceEnd> end;
    Actions* actions = nullptr;
    bool closing = false;
  };
  // A namespace whose kept session is being looked for.
  struct Pending {
    std::uint64_t number;
    Admitted session;
    SocketTerms terms;
    std::string pid;
    std::string offset;
  };

  void fail(MonoTime now);  // what came is no Socket.IO: the connection ends
  void handle(const Packet& packet, const std::vector<std::string>& attachments, MonoTime now);
  void connect(const Packet& packet, MonoTime now);
  void connect_fixture(const Packet& packet, MonoTime now);
  void refuse(std::string_view nsp, const Error& error);
  void open(Admitted session, SocketTerms terms, MonoTime now);
  void open_anew(Admitted session, SocketTerms terms, MonoTime now);
  void on_kept(std::uint64_t number, std::optional<KeptRecord> record);
  void put_back(const Pending& one, std::string record, WallTime expires);
  void reopen(std::string nsp, MonoTime now);
  void end_namespace(Namespace& which, EndReason reason, MonoTime now);
  Namespace* find(std::string_view nsp);
  Namespace* find(SocketId id);
  [[nodiscard]] bool pending(std::string_view nsp) const;
  Result<Admitted> judge(std::string_view nsp, std::string_view token, SettingsPtr settings);

  SessionContext& context_;
  ClientHost& host_;
  const FixtureMaker* fixture_;
  Engine* engine_ = nullptr;
  ClientHello hello_;
  std::vector<Namespace> namespaces_;
  std::vector<std::unique_ptr<Pending>> pending_;
  std::string collecting_;  // a binary packet's header, while attachments come
  std::vector<std::string> attachments_;
  std::size_t attachments_due_ = 0;
  milliseconds connect_timeout_;
  MonoTime connect_by_ = MonoTime::max();
  MonoTime now_{};  // of the newest call
  RateLimit connects_;
  std::uint64_t last_number_ = 0;
  bool connected_once_ = false;
};

}  // namespace parley::net::socketio

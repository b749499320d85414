#pragma once
// Which Engine.IO session is where. A session lives on the I/O thread of its first request; later ones come over other
// connections, on any thread, and find it here. So do connections of clients that return: the socket that they had is
// ended wherever it is.
//
// One for each path, owned by its EngineService; thread-safe. As large as there are sessions, which the bounds of
// connections hold, and namespaces of them (limits.socketio_namespaces_max).

#include "core/mutex.h"
#include "core/random.h"
#include "net/engine/session.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace parley::net {

class EngineRegistry {
 public:
  explicit EngineRegistry(Random& random) : random_(random) {}

  // Protocol 3's clients know themselves by the session's id: it has the form of a socket id.
  std::string new_sid(socketio::EngineVersion version);
  SocketId new_socket();
  std::string new_secret();                      // 30 characters: nobody guesses it
  static bool is_secret(std::string_view text);  // has that form

  // Sessions are kept alive from remember() to forget().
  void remember(std::shared_ptr<EngineSession> session);
  void forget(const EngineSession& session);
  [[nodiscard]] std::shared_ptr<EngineSession> find(const std::string& sid) const;

  void add_socket(SocketId id, std::weak_ptr<EngineSession> session, Hub& hub);
  void remove_socket(SocketId id, const EngineSession& session);
  // Ends the socket on its own thread, then runs `done` on `asker`'s; at once if there is none.
  void end_socket(SocketId id, Hub& asker, std::function<void()> done);

 private:
  struct Place {
    std::weak_ptr<EngineSession> session;
    Hub* hub = nullptr;
    const EngineSession* owner = nullptr;
  };

  Random& random_;
  mutable Mutex mutex_;  // a leaf
  // By sid.
  std::unordered_map<std::string, std::shared_ptr<EngineSession>> sessions_ PARLEY_GUARDED_BY(mutex_);
  std::unordered_map<SocketId, Place> sockets_ PARLEY_GUARDED_BY(mutex_);  // those that may come back
};

}  // namespace parley::net

#include "net/engine/registry.h"

#include <utility>

namespace parley::net {

// ---- ids ----

namespace {
constexpr std::string_view kSecretDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kSecretChars = 30;
}  // namespace

std::string EngineRegistry::new_secret() {
  std::string text;
  text.reserve(kSecretChars);
  for (int word = 0; word < 3; ++word) {
    auto bits = random_.next();
    for (int i = 0; i < 10; ++i, bits >>= 6) text.push_back(kSecretDigits[bits & 63]);
  }
  return text;
}

bool EngineRegistry::is_secret(std::string_view text) {
  return text.size() == kSecretChars && text.find_first_not_of(kSecretDigits) == std::string_view::npos;
}

SocketId EngineRegistry::new_socket() {
  SocketId id{random_.next()};
  if (!id.exists()) id.value = 1;
  return id;
}

std::string EngineRegistry::new_sid(socketio::EngineVersion version) {
  return version == socketio::EngineVersion::v3 ? new_socket().text() : new_secret();
}

// ---- sessions and sockets ----

std::shared_ptr<EngineSession> EngineRegistry::find(const std::string& sid) const {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(sid);
  return found == sessions_.end() ? nullptr : found->second;
}

void EngineRegistry::remember(std::shared_ptr<EngineSession> session) {
  const MutexLock lock(mutex_);
  sessions_[session->sid()] = std::move(session);
}

void EngineRegistry::forget(const EngineSession& session) {
  std::shared_ptr<EngineSession> last;  // destroyed outside the lock
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(session.sid());
  if (found == sessions_.end() || found->second.get() != &session) return;
  last = std::move(found->second);
  sessions_.erase(found);
}

void EngineRegistry::add_socket(SocketId id, std::weak_ptr<EngineSession> session, Hub& hub) {
  const auto* owner = session.lock().get();
  const MutexLock lock(mutex_);
  sockets_[id] = {std::move(session), &hub, owner};
}

void EngineRegistry::remove_socket(SocketId id, const EngineSession& session) {
  const MutexLock lock(mutex_);
  const auto found = sockets_.find(id);
  if (found != sockets_.end() && found->second.owner == &session) sockets_.erase(found);
}

void EngineRegistry::end_socket(SocketId id, Hub& asker, std::function<void()> done) {
  Place place;
  {
    const MutexLock lock(mutex_);
    const auto found = sockets_.find(id);
    if (found != sockets_.end()) place = found->second;
  }
  if (place.hub == nullptr) return done();
  // The new socket has the same id: what the old one still asks of the node must be there before.
  place.hub->post([id, &asker, place, done = std::move(done)] {
    if (const auto session = place.session.lock()) session->end_socket(id);
    place.hub->after_turn([&asker, done] { asker.post(done); });
  });
}

}  // namespace parley::net

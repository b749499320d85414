#include "cluster/caf_transport/dialer.h"

#include "core/mutex.h"
#include "core/thread_name.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley::cluster {

namespace {

struct Name {
  std::uint64_t attempt;
  std::string host;
  std::uint16_t port;
};
struct Found {
  std::uint64_t attempt;
  Result<std::vector<SocketAddress>> addresses;
};

}  // namespace

struct Dialer::State {
  State() : wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
  }
  void add(Found one) {
    {
      const MutexLock lock(mutex);
      found.push_back(std::move(one));
    }
    ring();
  }

  const OwnedSocket wake;  // the connecting thread polls it
  Mutex mutex;
  CondVar named;
  bool stopping PARLEY_GUARDED_BY(mutex) = false;
  bool looking PARLEY_GUARDED_BY(mutex) = false;  // a name server is asked right now
  std::deque<Name> names PARLEY_GUARDED_BY(mutex);
  std::vector<Found> found PARLEY_GUARDED_BY(mutex);
};

// One attempt: the addresses of its name, one after another.
struct Dialer::Connecting {
  std::uint64_t attempt;
  std::vector<SocketAddress> addresses;
  std::size_t next = 0;
  OwnedSocket socket{};
  MonoTime until{};
  std::string failure = "no address";

  // False: there is no further address to try.
  bool try_next(MonoTime now, milliseconds at_most) {
    while (next < addresses.size()) {
      const auto& address = addresses[next++];
      socket = OwnedSocket(::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!socket.exists()) {
        failure = system_error(errno);
        continue;
      }
      const auto* to = reinterpret_cast<const sockaddr*>(address.bytes.data());
      const int result = ::connect(socket.get(), to, static_cast<socklen_t>(address.bytes.size()));
      if (result == 0 || errno == EINPROGRESS) {
        until = now + at_most;
        return true;
      }
      failure = system_error(errno);
    }
    return false;
  }
  // Whether it is decided, after the socket became writable or had an error.
  bool connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) failure = system_error(error);
    return error == 0;
  }
};

Dialer::Dialer(const LinkLimits& limits, const Clock& clock, Done done)
    : limits_(limits), clock_(clock), done_(std::move(done)), state_(std::make_shared<State>()) {
  names_ = std::thread([state = state_] { look_up(state); });
  connections_ = std::thread([this] { connect_all(); });
}

void Dialer::dial(std::uint64_t attempt, const std::string& host, std::uint16_t port) {
  if (auto numbers = resolve(host, port, Lookup::numbers_only)) return state_->add({attempt, std::move(numbers)});
  {
    const MutexLock lock(state_->mutex);
    state_->names.push_back({attempt, host, port});
  }
  state_->named.notify_one();
}

void Dialer::stop() {
  if (!connections_.joinable()) return;
  bool looking = false;
  {
    const MutexLock lock(state_->mutex);
    state_->stopping = true;
    looking = state_->looking;
  }
  state_->named.notify_all();
  state_->ring();
  connections_.join();
  looking ? names_.detach() : names_.join();
}

void Dialer::look_up(const std::shared_ptr<State>& state) {
  name_this_thread("parley-names");
  MutexLock lock(state->mutex);
  while (true) {
    state->named.wait(lock, [&]() PARLEY_REQUIRES(state->mutex) { return state->stopping || !state->names.empty(); });
    if (state->stopping) return;
    const auto name = std::move(state->names.front());
    state->names.pop_front();
    state->looking = true;
    lock.unlock();
    auto addresses = resolve(name.host, name.port, Lookup::blocking);
    state->add({name.attempt, std::move(addresses)});
    lock.lock();
    state->looking = false;
  }
}

void Dialer::connect_all() {
  name_this_thread("parley-dial");
  std::vector<Connecting> all;
  std::vector<pollfd> polled;
  while (true) {
    std::vector<Found> found;
    {
      const MutexLock lock(state_->mutex);
      if (state_->stopping) return;
      found.swap(state_->found);
    }
    const auto now = clock_.now();
    for (auto& one : found) {
      if (!one.addresses) {
        done_(one.attempt, one.addresses.error());
        continue;
      }
      Connecting connecting{one.attempt, std::move(*one.addresses)};
      if (connecting.try_next(now, limits_.connect_within)) {
        all.push_back(std::move(connecting));
      } else {
        done_(one.attempt, make_error(Errc::io, connecting.failure));
      }
    }
    polled.assign(1, {state_->wake.get(), POLLIN, 0});
    auto first = kNever;
    for (const auto& connecting : all) {
      polled.push_back({connecting.socket.get(), POLLOUT, 0});
      first = std::min(first, connecting.until);
    }
    int wait_ms = -1;
    if (first != kNever) {
      wait_ms = static_cast<int>(std::max<std::int64_t>(std::chrono::ceil<milliseconds>(first - now).count(), 0));
    }
    if (::poll(polled.data(), polled.size(), wait_ms) < 0) continue;  // a signal came
    if (polled[0].revents != 0) {
      std::uint64_t rings = 0;
      [[maybe_unused]] const auto count = ::read(state_->wake.get(), &rings, sizeof rings);
    }
    const auto after = clock_.now();
    std::vector<Connecting> still;
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto& connecting = all[i];
      const bool ready = polled[i + 1].revents != 0;
      if (ready && connecting.connected()) {
        tune(connecting.socket.get(), limits_);
        done_(connecting.attempt, std::move(connecting.socket));
        continue;
      }
      if (!ready && after < connecting.until) {
        still.push_back(std::move(connecting));
        continue;
      }
      if (!ready) connecting.failure = "nobody answers";
      if (connecting.try_next(after, limits_.connect_within)) {
        still.push_back(std::move(connecting));
      } else {
        done_(connecting.attempt, make_error(Errc::io, connecting.failure));
      }
    }
    all.swap(still);
  }
}

}  // namespace parley::cluster

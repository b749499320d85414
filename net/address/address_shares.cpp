#include "net/address/address_shares.h"

#include "core/log.h"

#include <algorithm>
#include <functional>

namespace parley::net {

namespace {

constexpr Address kNobody{};

std::string_view name_of(AddressShares::Kind kind) {
  switch (kind) {
    case AddressShares::Kind::client:
      return "clients";
    case AddressShares::Kind::opening:
      return "sessions_opening";
    case AddressShares::Kind::http:
      return "http_connections";
  }
  return "clients";
}

// Counted in steps, so that small requests cost nothing.
std::size_t counted(std::size_t bytes) { return bytes - bytes % AddressShares::kBytesCountedFrom; }

}  // namespace

std::size_t AddressShares::KeyHash::operator()(const Address& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
}

Address AddressShares::key_of(std::string_view address) {
  const auto parsed = Address::parse(address);
  return parsed ? parsed->share() : kNobody;
}

// ---- places ----

std::atomic<std::size_t>* AddressShares::total_of(Kind kind) {
  switch (kind) {
    case Kind::client:
      return &clients_;
    case Kind::opening:
      return &opening_;
    case Kind::http:
      return nullptr;  // the listener counts sockets
  }
  return nullptr;
}

bool AddressShares::take_of_node(Kind kind, const NodeLimits& limits) {
  auto* total = total_of(kind);
  if (total == nullptr) return true;
  if (total->fetch_add(1) < limits.connections_max) return true;
  total->fetch_sub(1);
  return false;
}

AddressShares::Place AddressShares::take(Kind kind, std::string_view address, const NodeLimits& limits, MonoTime now) {
  const auto key = key_of(address);
  const std::size_t most =
      kind == Kind::client ? limits.connections_per_address_max : limits.sessions_opening_per_address_max;
  // A session is let in where its client will find a place.
  if (kind == Kind::opening && clients() >= limits.connections_max) return {};
  if (!take_of_node(kind, limits)) return {};
  if (!take_of_address(kind, key, limits, most, true, now)) {
    total_of(kind)->fetch_sub(1);
    return {};
  }
  return {*this, key, kind};
}

AddressShares::Place AddressShares::take_http(std::string_view address, const NodeLimits& limits, std::size_t capacity,
                                              MonoTime now) {
  const auto key = key_of(address);
  const std::size_t configured = limits.http_connections_per_address_max;
  const std::size_t most = configured == 0 ? 0 : std::min(configured, std::max<std::size_t>(1, capacity / 2));
  if (!take_of_address(Kind::http, key, limits, most, false, now)) return {};
  return {*this, key, Kind::http};
}

bool AddressShares::Place::become_client(const NodeLimits& limits, MonoTime now) {
  if (shares_ == nullptr || kind_ == Kind::client) return granted();
  if (!shares_->take_of_node(Kind::client, limits)) return false;
  // It was counted among those that come in a second when it opened.
  if (!shares_->take_of_address(Kind::client, key_, limits, limits.connections_per_address_max, false, now)) {
    shares_->clients_.fetch_sub(1);
    return false;
  }
  shares_->give_back(key_, kind_);
  kind_ = Kind::client;
  return true;
}

bool AddressShares::take_of_address(Kind kind, const Address& key, const NodeLimits& limits, std::size_t most,
                                    bool opens, MonoTime now) {
  if (key == kNobody) return true;
  std::string_view why;
  {
    const MutexLock lock(mutex_);
    Entry& held = entry(key);
    auto& places = held.places[static_cast<std::size_t>(kind)];
    if (most > 0 && places >= most) {
      why = name_of(kind);
    } else if (opens && !take_open(held, limits.opens_per_second_per_address_max, now)) {
      why = "opens";
    } else {
      ++places;
    }
    if (!why.empty()) left(key, held);
  }
  if (why.empty()) return true;
  refused(why, key, now);
  return false;
}

void AddressShares::give_back(const Address& key, Kind kind) {
  if (auto* total = total_of(kind)) total->fetch_sub(1);
  if (key == kNobody) return;
  const MutexLock lock(mutex_);
  const auto found = by_address_.find(key);
  if (found == by_address_.end()) return;
  --found->second.places[static_cast<std::size_t>(kind)];
  left(key, found->second);
}

bool AddressShares::take_open(Entry& entry, std::uint32_t rate, MonoTime now) const {
  if (rate == 0) return true;
  const double passed = std::chrono::duration<double>(now - entry.opens_at).count();
  entry.opens = std::max(0.0, entry.opens - std::max(0.0, passed) * rate);
  entry.opens_at = now;
  if (entry.opens + 1 > static_cast<double>(rate) * kBurstSeconds) return false;
  entry.opens += 1;
  return true;
}

// ---- who is remembered ----

AddressShares::Entry& AddressShares::entry(const Address& key) {
  const auto found = by_address_.find(key);
  if (found != by_address_.end()) {
    if (found->second.holds_nothing()) --idle_;
    return found->second;
  }
  if (idle_ >= kAddressesIdleMax) forget_idle();
  return by_address_[key];
}

// Something was given back, or not taken: an address that has nothing left is idle, or forgotten at once.
void AddressShares::left(const Address& key, Entry& entry) {
  if (!entry.holds_nothing()) return;
  if (entry.opens == 0) {
    by_address_.erase(key);
  } else {
    ++idle_;
  }
}

// Their rates begin anew, which costs less than to know whose has run out.
void AddressShares::forget_idle() {
  std::erase_if(by_address_, [](const auto& one) { return one.second.holds_nothing(); });
  idle_ = 0;
}

std::size_t AddressShares::addresses() const {
  const MutexLock lock(mutex_);
  return by_address_.size();
}

void AddressShares::refused(std::string_view kind, const Address& key, MonoTime now) {
  if (metrics_ != nullptr) metrics_->share_refusals(kind).add();
  if (!warning_.due(now)) return;
  log_warn("a client address has its share: others of that address are refused",
           {{"address", key.text()},
            {"share", kind},
            {"remedy", "a proxy belongs into server.trusted_proxies; else see limits.*_per_address_max"}});
}

// ---- bytes ----

bool AddressShares::Bytes::ask(std::size_t bytes, const NodeLimits& limits, MonoTime now) {
  const std::size_t wanted = counted(bytes);
  if (wanted <= counted_) {
    hold(bytes);
    return true;
  }
  const std::size_t more = wanted - counted_;
  if (limits.http_bytes_max > 0 && shares_->http_bytes() + more > limits.http_bytes_max) return false;
  bool fits = true;
  if (key_ != kNobody && limits.http_bytes_per_address_max > 0) {
    const MutexLock lock(shares_->mutex_);
    const auto found = shares_->by_address_.find(key_);
    const std::size_t held = found == shares_->by_address_.end() ? 0 : found->second.bytes;
    fits = held + more <= limits.http_bytes_per_address_max;
  }
  if (!fits) {
    shares_->refused("http_bytes", key_, now);
    return false;
  }
  hold(bytes);
  return true;
}

void AddressShares::Bytes::hold(std::size_t bytes) {
  const std::size_t wanted = counted(bytes);
  if (shares_ == nullptr || wanted == counted_) return;
  shares_->bytes_.fetch_add(wanted - counted_);  // wraps round where it is less
  if (key_ != kNobody) {
    const MutexLock lock(shares_->mutex_);
    Entry& entry = shares_->entry(key_);
    entry.bytes += wanted - counted_;
    shares_->left(key_, entry);
  }
  counted_ = wanted;
}

}  // namespace parley::net

#include "bench/loadgen/fleet.h"

#include <stdexcept>

#include "bench/loadgen/clock.h"

namespace loadgen {
namespace {

constexpr unsigned sources = 8;  // loopback source addresses in use

}  // namespace

Fleet::Fleet(Loop& loop, const Options& options, const Dialect& dialect)
    : loop_(loop),
      options_(options),
      dialect_(dialect),
      server_(Endpoint::parse(options.host, options.port)),
      host_(options.host + ':' + std::to_string(options.port)) {}

void Fleet::open(std::size_t count, const std::function<std::string(std::size_t)>& channel_of) {
  constexpr double patience_s = 30;
  const std::size_t wanted = seats_.size() + count;
  require_open_files(wanted + 64);
  Connection::Observer& self = *this;
  for (std::size_t index = seats_.size(); index < wanted; ++index) {
    seats_.push_back({.index = index, .channel = channel_of(index)});
    connections_.push_back(std::make_unique<Connection>(loop_, self, index));
  }
  subscribed_.resize(wanted, false);
  while (started_ < wanted && started_ - ready_ < options_.connecting_max) start_next();
  std::size_t ready_before = ready_;
  auto progress_at = now_ns();
  while (ready_ < wanted) {
    loop_.turn(options_.wait_ms());
    if (ready_ != ready_before) {
      ready_before = ready_;
      progress_at = now_ns();
    } else if (seconds_between(progress_at, now_ns()) > patience_s) {
      throw std::runtime_error("no subscription came through for 30 s; " + std::to_string(ready_) + " of " +
                               std::to_string(wanted) + " stand");
    }
  }
}

void Fleet::start_next() {
  const std::size_t index = started_++;
  connections_[index]->open(server_, static_cast<unsigned>(index % sources),
                            upgrade_request(host_, dialect_.of(index).target()));
}

void Fleet::close_all() {
  for (auto& connection : connections_) connection->close();
}

void Fleet::queue_publish(std::size_t index, std::string_view data) {
  connections_[index]->queue_text(dialect_.of(index).publish(seats_[index].channel, data, std::nullopt));
}

void Fleet::queue_durable_publish(std::size_t index, std::string_view data, std::uint64_t ack) {
  connections_[index]->queue_text(dialect_.of(index).publish(seats_[index].channel, data, ack));
}

void Fleet::on_text(Connection& connection, std::string_view text) {
  if (!subscribed_[connection.index()]) return set_up(connection, text);
  if (sink_ != nullptr) sink_->on_message(connection.index(), text);
  // Only short frames can be control messages; deliveries skip this look.
  constexpr std::size_t control_bytes_max = 192;
  if (text.size() > control_bytes_max) return;
  if (const auto reply = dialect_.of(connection.index()).keep_alive_reply(text); !reply.empty()) {
    connection.queue_text(reply);
    connection.flush();
  } else if (dialect_.of(connection.index()).is_error(text)) {
    throw std::runtime_error("the server answered: " + std::string(text));
  }
}

void Fleet::set_up(Connection& connection, std::string_view text) {
  const auto step = dialect_.of(connection.index()).on_setup(text, seats_[connection.index()]);
  if (!step.error.empty()) throw std::runtime_error("subscription refused: " + step.error);
  if (!step.send.empty()) {
    connection.queue_text(step.send);
    connection.flush();
  }
  if (!step.subscribed) return;
  subscribed_[connection.index()] = true;
  ++ready_;
  if (started_ < seats_.size()) start_next();
}

void Fleet::on_closed(Connection& connection, std::string_view why) {
  throw std::runtime_error("connection " + std::to_string(connection.index()) + " was lost: " + std::string(why));
}

}  // namespace loadgen

#pragma once
// Many connections, each subscribed to one channel.
//
// Anything unexpected (a refused subscription, a lost connection, an error frame) ends the run with an
// exception: a figure measured on a broken set-up is worse than none.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loadgen/connection.h"
#include "bench/loadgen/dialect.h"
#include "bench/loadgen/loop.h"

namespace loadgen {

class Fleet final : private Connection::Observer {
 public:
  // Gets what arrives at a connection after its set-up.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void on_message(std::size_t index, std::string_view text) = 0;
  };

  Fleet(Loop& loop, const Options& options, const Dialect& dialect);

  // Opens count more connections and runs the loop until all of them are subscribed.
  void open(std::size_t count, const std::function<std::string(std::size_t)>& channel_of);
  void close_all();

  void set_sink(Sink* sink) { sink_ = sink; }
  std::size_t size() const { return seats_.size(); }
  const std::string& channel(std::size_t index) const { return seats_[index].channel; }

  // Publishes on the connection's own channel. Not written before flush().
  void queue_publish(std::size_t index, std::string_view data);
  void queue_durable_publish(std::size_t index, std::string_view data, std::uint64_t ack);
  void flush(std::size_t index) { connections_[index]->flush(); }

 private:
  void on_text(Connection& connection, std::string_view text) override;
  void on_closed(Connection& connection, std::string_view why) override;
  void set_up(Connection& connection, std::string_view text);
  void start_next();

  Loop& loop_;
  const Options& options_;
  const Dialect& dialect_;
  Endpoint server_;
  std::string host_;  // with the port
  Sink* sink_ = nullptr;
  std::vector<Seat> seats_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<bool> subscribed_;
  std::size_t started_ = 0;
  std::size_t ready_ = 0;
};

}  // namespace loadgen

#pragma once
// Connections that sign in as users and subscribe to nothing: people who come and go.
//
// As with a Fleet, anything unexpected ends the run with an exception.

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

class People final : private Connection::Observer {
 public:
  // Empty: in no domain.
  using DomainOf = std::function<std::string(std::size_t person)>;

  People(Loop& loop, const Options& options, const Dialect& dialect, std::size_t count, DomainOf domain_of);

  static std::string user_id(std::size_t person) { return "person-" + std::to_string(person); }

  // Connects and signs in; the loop does the rest. A person may come again after leaving.
  void arrive(std::size_t person);
  // Brings persons [first, last) in, some at a time, and runs the loop until all are signed in.
  void arrive_all(std::size_t first, std::size_t last);
  // The connection ends without a word, as when a browser is gone. Not from inside the loop's turn.
  void leave(std::size_t person);
  void say(std::size_t person, std::string_view text);

  std::size_t signed_in() const { return signed_in_; }
  bool is_signed_in(std::size_t person) const { return seats_[person].signed_in; }
  // When the sign-in went out, and when the server said that it stands.
  std::int64_t asked_ns(std::size_t person) const { return seats_[person].asked_ns; }
  std::int64_t answered_ns(std::size_t person) const { return seats_[person].answered_ns; }

 private:
  struct Person {
    std::unique_ptr<Connection> connection;
    bool signed_in = false;
    std::int64_t asked_ns = 0;
    std::int64_t answered_ns = 0;
  };

  void on_text(Connection& connection, std::string_view text) override;
  void on_closed(Connection& connection, std::string_view why) override;
  std::string sign_in(std::size_t person, std::string_view socket_id) const;

  Loop& loop_;
  const Options& options_;
  const Dialect& dialect_;
  DomainOf domain_of_;
  Endpoint server_;
  std::string upgrade_;
  std::vector<Person> seats_;
  std::size_t signed_in_ = 0;
};

}  // namespace loadgen

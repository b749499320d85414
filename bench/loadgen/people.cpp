#include "bench/loadgen/people.h"

#include <stdexcept>
#include <utility>

#include "bench/loadgen/clock.h"
#include "bench/loadgen/signature.h"
#include "bench/loadgen/text.h"

namespace loadgen {
namespace {

constexpr unsigned sources = 8;  // loopback source addresses in use

}  // namespace

People::People(Loop& loop, const Options& options, const Dialect& dialect, std::size_t count, DomainOf domain_of)
    : loop_(loop),
      options_(options),
      dialect_(dialect),
      domain_of_(std::move(domain_of)),
      server_(Endpoint::parse(options.host, options.port)),
      upgrade_(upgrade_request(options.host + ':' + std::to_string(options.port), dialect.target())),
      seats_(count) {
  if (options.protocol != "pusher") throw std::runtime_error("users sign in to pusher servers only");
}

void People::arrive(std::size_t person) {
  auto& seat = seats_[person];
  Connection::Observer& self = *this;
  seat = {.connection = std::make_unique<Connection>(loop_, self, person)};
  seat.connection->open(server_, static_cast<unsigned>(person % sources), upgrade_);
}

void People::arrive_all(std::size_t first, std::size_t last) {
  constexpr double patience_s = 30;
  const auto before = signed_in_;
  const auto from = now_ns();
  for (auto next = first; signed_in_ - before < last - first;) {
    while (next < last && (next - first) - (signed_in_ - before) < options_.connecting_max) arrive(next++);
    loop_.turn(options_.wait_ms());
    if (seconds_between(from, now_ns()) > patience_s) throw std::runtime_error("not everybody is signed in after 30 s");
  }
}

void People::leave(std::size_t person) {
  auto& seat = seats_[person];
  if (seat.signed_in) --signed_in_;
  seat = {};
}

void People::say(std::size_t person, std::string_view text) {
  seats_[person].connection->queue_text(text);
  seats_[person].connection->flush();
}

std::string People::sign_in(std::size_t person, std::string_view socket_id) const {
  std::string user_data = R"({"id":")" + user_id(person) + '"';
  if (const auto domain = domain_of_(person); !domain.empty()) user_data += R"(,"domains":[")" + domain + "\"]";
  user_data += '}';
  const std::string to_sign = std::string(socket_id) + "::user::" + user_data;
  return R"({"event":"pusher:signin","data":{"auth":")" + options_.app_key + ':' +
         hmac_sha256_hex(options_.app_secret, to_sign) + R"(","user_data":")" + json_escaped(user_data) + "\"}}";
}

void People::on_text(Connection& connection, std::string_view text) {
  const auto person = connection.index();
  auto& seat = seats_[person];
  if (!seat.signed_in && contains(text, "pusher:connection_established")) {
    connection.queue_text(sign_in(person, value_after(text, "socket_id")));
    seat.asked_ns = now_ns();
    return connection.flush();
  }
  if (!seat.signed_in && contains(text, "pusher:signin_success")) {
    seat.signed_in = true;
    seat.answered_ns = now_ns();
    ++signed_in_;
    return;
  }
  if (dialect_.is_error(text)) throw std::runtime_error("the server answered: " + std::string(text));
  if (const auto reply = dialect_.keep_alive_reply(text); !reply.empty()) {
    connection.queue_text(reply);
    connection.flush();
  }
}

void People::on_closed(Connection& connection, std::string_view why) {
  throw std::runtime_error(user_id(connection.index()) + " lost the connection: " + std::string(why));
}

}  // namespace loadgen

#include "bench/loadgen/dialect.h"

#include <stdexcept>

#include "bench/loadgen/signature.h"
#include "bench/loadgen/text.h"

namespace loadgen {
namespace {

class PusherDialect final : public Dialect {
 public:
  explicit PusherDialect(const Options& options) : key_(options.app_key), secret_(options.app_secret) {}

  std::string target() const override { return "/app/" + key_ + "?protocol=7&client=parley-loadgen&version=1.0.0"; }

  SetupStep on_setup(std::string_view text, const Seat& seat) const override {
    if (contains(text, "pusher:connection_established")) {
      return {.send = subscribe(seat, std::string(value_after(text, "socket_id")))};
    }
    if (contains(text, "pusher_internal:subscription_succeeded")) return {.subscribed = true};
    if (is_error(text)) return {.error = std::string(text)};
    return {.send = std::string(keep_alive_reply(text))};
  }

  std::string publish(const std::string& channel, std::string_view data,
                      std::optional<std::uint64_t> ack) const override {
    std::string text = R"({"event":"client-message","channel":")" + channel + R"(","data":)";
    text += data;
    if (ack) text += ",\"ack\":" + std::to_string(*ack);
    text += '}';
    return text;
  }

  std::string_view keep_alive_reply(std::string_view text) const override {
    return contains(text, R"("pusher:ping")") ? R"({"event":"pusher:pong","data":{}})" : "";
  }

  bool is_error(std::string_view text) const override {
    return contains(text, "pusher:error") || contains(text, "pusher:subscription_error");
  }

 private:
  std::string subscribe(const Seat& seat, const std::string& socket_id) const {
    const std::string to_sign = socket_id + ':' + seat.channel;
    std::string text = R"({"event":"pusher:subscribe","data":{"channel":")" + seat.channel + '"';
    if (seat.channel.starts_with("presence-")) {
      const std::string user = std::to_string(seat.index);
      const std::string plain = R"({"user_id":")" + user + "\"}";
      text += R"(,"channel_data":"{\"user_id\":\")" + user + R"(\"}","auth":")" + key_ + ':' +
              hmac_sha256_hex(secret_, to_sign + ':' + plain) + '"';
    } else if (seat.channel.starts_with("private-")) {
      text += R"(,"auth":")" + key_ + ':' + hmac_sha256_hex(secret_, to_sign) + '"';
    }
    return text + "}}";
  }

  std::string key_;
  std::string secret_;
};

// Engine.IO 4 and Socket.IO 5 over WebSocket only, against bench/peers/socketio.js: the acknowledged
// event "join" carries the same signature as a Pusher subscription, "pub" is relayed as "msg".
class SocketIoDialect final : public Dialect {
 public:
  explicit SocketIoDialect(const Options& options) : key_(options.app_key), secret_(options.app_secret) {}

  std::string target() const override { return "/socket.io/?EIO=4&transport=websocket"; }

  SetupStep on_setup(std::string_view text, const Seat& seat) const override {
    if (text.starts_with("0{")) return {.send = "40"};
    if (text.starts_with("40{")) return {.send = join(seat, std::string(value_after(text, "\"sid\"")))};
    if (text == "430[true]") return {.subscribed = true};
    if (is_error(text)) return {.error = std::string(text)};
    return {.send = std::string(keep_alive_reply(text))};
  }

  std::string publish(const std::string& channel, std::string_view data,
                      std::optional<std::uint64_t> ack) const override {
    if (ack) throw std::runtime_error("socketio has no acknowledged durable publish");
    std::string text = R"(42["pub",")" + channel + "\",";
    text += data;
    text += ']';
    return text;
  }

  std::string_view keep_alive_reply(std::string_view text) const override { return text == "2" ? "3" : ""; }

  bool is_error(std::string_view text) const override {
    return text.starts_with("44") || text.starts_with("430[") || text == "41" || text == "1";
  }

 private:
  std::string join(const Seat& seat, const std::string& sid) const {
    return R"(420["join",")" + seat.channel + R"(",")" + key_ + ':' +
           hmac_sha256_hex(secret_, sid + ':' + seat.channel) + "\"]";
  }

  std::string key_;
  std::string secret_;
};

// The same as Parley serves it: laravel-echo-server's events, a signature as of Pusher over the socket's id.
class ParleySocketIoDialect final : public Dialect {
 public:
  explicit ParleySocketIoDialect(const Options& options) : key_(options.app_key), secret_(options.app_secret) {}

  std::string target() const override { return "/socket.io/?EIO=4&transport=websocket"; }

  SetupStep on_setup(std::string_view text, const Seat& seat) const override {
    if (text.starts_with("0{")) return {.send = "40"};
    if (text.starts_with("40{")) return {.send = subscribe(seat, std::string(value_after(text, "\"sid\"")))};
    if (text.starts_with("430[{\"channel\"")) return {.subscribed = true};
    if (is_error(text)) return {.error = std::string(text)};
    return {.send = std::string(keep_alive_reply(text))};
  }

  std::string publish(const std::string& channel, std::string_view data,
                      std::optional<std::uint64_t> ack) const override {
    std::string text = "42";
    if (ack) text += std::to_string(*ack);
    text += R"(["client event",{"channel":")" + channel + R"(","event":"client-message","data":)";
    text += data;
    return text += "}]";
  }

  std::string_view keep_alive_reply(std::string_view text) const override { return text == "2" ? "3" : ""; }

  bool is_error(std::string_view text) const override {
    return text.starts_with("44") || text.starts_with("430[{\"error\"") || contains(text, "parley:error") ||
           contains(text, "subscription_error") || text == "41" || text == "1";
  }

 private:
  std::string subscribe(const Seat& seat, const std::string& sid) const {
    return R"(420["subscribe",{"channel":")" + seat.channel + R"(","auth":")" + key_ + ':' +
           hmac_sha256_hex(secret_, sid + ':' + seat.channel) + "\"}]";
  }

  std::string key_;
  std::string secret_;
};

// Half of the connections speak Pusher, half Socket.IO, to Parley, on the same channels.
class MixedDialect final : public Dialect {
 public:
  explicit MixedDialect(const Options& options) : pusher_(options), socketio_(options) {}

  const Dialect& of(std::size_t index) const override {
    if (index % 2 == 0) return pusher_;
    return socketio_;
  }
  std::string target() const override { return pusher_.target(); }
  SetupStep on_setup(std::string_view text, const Seat& seat) const override {
    return of(seat.index).on_setup(text, seat);
  }
  std::string publish(const std::string& channel, std::string_view data,
                      std::optional<std::uint64_t> ack) const override {
    return pusher_.publish(channel, data, ack);
  }
  std::string_view keep_alive_reply(std::string_view text) const override { return pusher_.keep_alive_reply(text); }
  bool is_error(std::string_view text) const override { return pusher_.is_error(text); }

 private:
  PusherDialect pusher_;
  ParleySocketIoDialect socketio_;
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(const Options& options) {
  if (options.protocol == "pusher") return std::make_unique<PusherDialect>(options);
  if (options.protocol == "socketio") return std::make_unique<SocketIoDialect>(options);
  if (options.protocol == "parley-socketio") return std::make_unique<ParleySocketIoDialect>(options);
  if (options.protocol == "parley-mixed") return std::make_unique<MixedDialect>(options);
  throw std::runtime_error("--protocol is pusher, socketio, parley-socketio or parley-mixed, not '" + options.protocol +
                           "'");
}

}  // namespace loadgen

#include "net/pusher/encoder.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/json/roster_json.h"
#include "net/json/status_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::net::pusher {
namespace {

// Channel names were checked against a charset that JSON leaves alone; what comes back in an error was not.
void begin(std::string& out, std::string_view event, std::string_view channel) {
  out.append(R"({"event":")").append(event).append(R"(","channel":)");
  append_json_string(out, channel);
}

void append_position(std::string& out, Position position) {
  if (!position.exists()) return;
  out.append(R"(,"epoch":")").append(epoch_text(position.epoch)).append(R"(","offset":)");
  append_number(out, position.offset.value);
}

void append_code(std::string& out, int code) {
  if (code == 0) {
    out.append("null");
  } else {
    append_number(out, static_cast<std::uint64_t>(code));
  }
}

void append_succeeded_end(std::string& out, const Succeeded& what) {
  out.push_back('"');
  if (what.durable && !what.position.exists()) {
    out.append(R"(,"epoch":"0000000000000000","offset":0)");
  } else {
    append_position(out, what.position);
  }
  if (what.recovered) out.append(*what.recovered ? R"(,"recovered":true)" : R"(,"recovered":false)");
  out.push_back('}');
}

void append_succeeded_begin(std::string& out, std::string_view channel) {
  begin(out, "pusher_internal:subscription_succeeded", channel);
  out.append(R"(,"data":")");
}

// The answer to a subscription with a long roster. Holds the roster, whose members are shared, and a piece of text.
class LongSucceeded final : public TextSource {
 public:
  LongSucceeded(std::string_view channel, const Succeeded& what) : roster_(what.shared), writer_(*roster_) {
    append_succeeded_begin(begin_, channel);
    append_succeeded_end(end_, what);
    size_ = begin_.size() + roster_bytes(*roster_) + end_.size();
  }
  [[nodiscard]] std::size_t size() const override { return size_; }
  bool next(std::string& out) override {
    out.append(std::exchange(begin_, {}));
    if (writer_.next(out, kPieceBytes)) return true;
    out.append(end_);
    return false;
  }

 private:
  static constexpr std::size_t kPieceBytes = 16 * 1024;
  RosterPtr roster_;
  RosterWriter writer_;
  std::string begin_;
  std::string end_;
  std::size_t size_ = 0;
};

void append_ids(std::string& out, std::string_view name, std::span<const std::string> ids,
                std::span<const std::string> numbers, bool& first) {
  if (ids.empty()) return;
  if (!first) out.push_back(',');
  first = false;
  out.append(R"({\"name\":\")").append(name).append(R"(\",\"user_ids\":[)");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    const bool number = std::binary_search(numbers.begin(), numbers.end(), ids[i]);
    append_inner_id(out, ids[i], number ? IdForm::number : IdForm::text);
  }
  out.append("]}");
}

std::string_view refusal_type(Errc code) {
  switch (code) {
    case Errc::unauthorized:
    case Errc::token_invalid:
    case Errc::banned:
      return "AuthError";
    case Errc::kicked:
      return "Kicked";
    case Errc::too_many_channels:
    case Errc::too_many_members:
    case Errc::too_large:
    case Errc::rate_limited:
      return "LimitReached";
    default:
      return "SubscriptionError";
  }
}

}  // namespace

std::string encode_established(SocketId socket, std::chrono::seconds activity_timeout) {
  return fmt::format(
      R"({{"event":"pusher:connection_established","data":"{{\"socket_id\":\"{}\",\"activity_timeout\":{}}}"}})",
      socket.text(), activity_timeout.count());
}

std::string encode_error(const Error& error) {
  std::string out = R"({"event":"pusher:error","data":{"code":)";
  append_code(out, info(error.code).pusher_code);
  out.append(R"(,"message":)");
  append_json_string(out, error.message);
  out.append("}}");
  return out;
}

std::string encode_subscription_error(std::string_view channel, const Error& error) {
  std::string out;
  begin(out, "pusher:subscription_error", channel);
  out.append(R"(,"data":"{\"type\":\")").append(refusal_type(error.code)).append(R"(\",\"error\":)");
  append_inner_string(out, error.message);
  out.append(R"(,\"status\":)");
  append_number(out, static_cast<std::uint64_t>(info(error.code).http_status));
  out.append(R"(,\"code\":\")").append(info(error.code).name).append(R"(\"}"})");
  return out;
}

std::string encode_succeeded(std::string_view channel, const Succeeded& what) {
  std::string out;
  append_succeeded_begin(out, channel);
  if (what.roster != nullptr) {
    append_roster(out, *what.roster);
  } else {
    out.append("{}");
  }
  append_succeeded_end(out, what);
  return out;
}

std::unique_ptr<TextSource> long_succeeded(std::string_view channel, const Succeeded& what) {
  return std::make_unique<LongSucceeded>(channel, what);
}

std::string encode_publication(std::string_view channel, const Publication& publication) {
  std::string out;
  out.reserve(publication.data.size() + publication.data.size() / 8 + publication.event.size() + channel.size() + 128);
  out.append(R"({"event":)");
  append_json_string(out, publication.event);
  out.append(R"(,"channel":)");
  append_json_string(out, channel);
  out.append(R"(,"data":)");
  if (publication.kind == DataKind::text) {
    append_json_string(out, publication.data);
  } else {
    out.append(publication.data);
  }
  if (!publication.user_id.empty()) {
    out.append(R"(,"user_id":)");
    append_id(out, publication.user_id, publication.id_form);
  }
  append_position(out, publication.position);
  out.push_back('}');
  return out;
}

std::string encode_cache_miss(std::string_view channel) {
  std::string out;
  begin(out, "pusher:cache_miss", channel);
  // There is none, but clients in languages with types insist on a text, and others on JSON in it.
  out.append(R"(,"data":"{}"})");
  return out;
}

std::string encode_gap(std::string_view channel, Epoch epoch, Offset after, Offset before) {
  std::string out;
  begin(out, "parley:gap", channel);
  out.append(R"(,"data":"{\"after\":)");
  append_number(out, after.value);
  out.append(R"(,\"before\":)");
  append_number(out, before.value);
  out.append(R"(,\"epoch\":\")").append(epoch_text(epoch)).append(R"(\"}"})");
  return out;
}

std::string encode_sign_in_success(std::string_view user_data) {
  std::string out = R"({"event":"pusher:signin_success","data":"{\"user_data\":)";
  append_inner_string(out, user_data);
  out.append(R"(}"})");
  return out;
}

std::string encode_watchlist(std::span<const std::string> online, std::span<const std::string> offline,
                             std::span<const std::string> numbers) {
  std::string out = R"({"event":"pusher_internal:watchlist_events","data":"{\"events\":[)";
  bool first = true;
  append_ids(out, "online", online, numbers, first);
  append_ids(out, "offline", offline, numbers, first);
  out.append(R"(]}"})");
  return out;
}

std::string encode_ack(std::uint64_t ack, std::string_view channel, Position position) {
  std::string out = R"({"event":"parley:ack","data":{"ack":)";
  append_number(out, ack);
  out.append(R"(,"channel":)");
  append_json_string(out, channel);
  append_position(out, position);
  out.append("}}");
  return out;
}

std::string encode_ack_error(std::uint64_t ack, std::string_view channel, const Error& error) {
  std::string out = R"({"event":"parley:ack","data":{"ack":)";
  append_number(out, ack);
  out.append(R"(,"channel":)");
  append_json_string(out, channel);
  out.append(R"(,"error":")").append(info(error.code).name).append(R"(","message":)");
  append_json_string(out, error.message);
  out.append("}}");
  return out;
}

std::string encode_token_accepted(WallTime expires) {
  return fmt::format(R"({{"event":"parley:token","data":"{{\"expires\":{}}}"}})", expires.ms);
}

std::string encode_token_expiring(seconds in) {
  return fmt::format(R"({{"event":"parley:token_expiring","data":"{{\"expires_in\":{}}}"}})",
                     std::max<std::int64_t>(in.count(), 0));
}

std::string encode_status(std::string_view channel, const UserList& list, WallTime now) {
  std::string out;
  begin(out, "parley:status", channel);
  out.append(R"(,"data":)");
  append_json_string(out, status_json(list, now));
  return out + "}";
}

std::string encode_history(std::string_view channel, std::uint64_t id, std::string_view page_json) {
  std::string out;
  begin(out, "parley:history", channel);
  out.append(R"(,"data":)");
  append_json_string(out, fmt::format(R"({{"id":{},{})", id, page_json.substr(1)));
  return out + "}";
}

std::string encode_history_error(std::string_view channel, std::uint64_t id, const Error& error) {
  std::string data = fmt::format(R"({{"id":{},"error":"{}","message":)", id, info(error.code).name);
  append_json_string(data, error.message);
  std::string out;
  begin(out, "parley:history_error", channel);
  out.append(R"(,"data":)");
  append_json_string(out, data + "}");
  return out + "}";
}

std::string PusherEncoder::encode(const ChannelEvent& event) const {
  struct Visitor {
    std::string_view channel;
    std::string operator()(const ChannelEvent::Published& what) const {
      return encode_publication(channel, *what.publication);
    }
    std::string operator()(const ChannelEvent::MemberAdded& what) const {
      std::string out;
      begin(out, "pusher_internal:member_added", channel);
      out.append(R"(,"data":"{\"user_id\":)");
      append_inner_id(out, what.member->user_id, what.member->id_form);
      out.append(R"(,\"user_info\":)");
      append_info(out, what.member->user_info);
      out.append(R"(}"})");
      return out;
    }
    std::string operator()(const ChannelEvent::MemberRemoved& what) const {
      std::string out;
      begin(out, "pusher_internal:member_removed", channel);
      out.append(R"(,"data":"{\"user_id\":)");
      append_inner_id(out, what.user_id, what.id_form);
      out.append(R"(}"})");
      return out;
    }
    std::string operator()(const ChannelEvent::SubscriptionCount& what) const {
      std::string out;
      begin(out, "pusher_internal:subscription_count", channel);
      out.append(R"(,"data":"{\"subscription_count\":)");
      append_number(out, what.count);
      out.append(R"(}"})");
      return out;
    }
    std::string operator()(const ChannelEvent::Gap& what) const {
      return encode_gap(channel, what.epoch, what.after, what.before);
    }
  };
  return std::visit(Visitor{event.channel.name()}, event.what);
}

}  // namespace parley::net::pusher

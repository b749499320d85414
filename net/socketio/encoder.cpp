#include "net/socketio/encoder.h"

#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace parley::net::socketio {
namespace {

constexpr std::size_t kTagChars = 6;

void append_argument(std::string& out, std::string_view text) {
  out.push_back(',');
  append_json_string(out, text);
}

void begin_channel_event(std::string& out, std::string_view nsp, std::string_view event, std::string_view channel) {
  begin_event(out, nsp);
  if (is_reserved_event(event)) {  // stock clients end the connection over these
    append_json_string(out, "." + std::string(event));
  } else {
    append_json_string(out, event);
  }
  append_argument(out, channel);
}

// The data as one JSON value. True: it is a string.
bool append_data(std::string& out, const Publication& publication) {
  const std::string_view data = publication.data;
  if (publication.kind == DataKind::json) {
    out.append(data);
  } else if (!append_if_json(out, data, kDataDepthMax)) {
    append_json_string(out, data);
    return true;
  }
  const auto start = std::min(data.find_first_not_of(" \t\r\n"), data.size());
  return type_of(data.substr(start)) == JsonType::string;
}

}  // namespace

std::string offset_tag(std::string_view channel, Epoch epoch) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  auto hash = stable_hash(channel) ^ (epoch.value * 0x9E3779B97F4A7C15ULL);
  hash ^= hash >> 29;
  std::string tag(kTagChars, 'A');
  for (auto& c : tag) {
    c = digits[hash & 63];
    hash >>= 6;
  }
  return tag;
}

void append_offset(std::string& out, std::string_view channel, Position position) {
  out.append(offset_tag(channel, position.epoch));
  out.push_back('.');
  append_number(out, position.offset.value);
}

std::string encode_publication(std::string_view nsp, std::string_view channel, const Publication& publication,
                               std::string_view offset, bool recovers) {
  std::string out;
  out.reserve(publication.data.size() + publication.event.size() + channel.size() + offset.size() + 32);
  begin_channel_event(out, nsp, publication.event, channel);
  out.push_back(',');
  const bool text = append_data(out, publication);
  if (!offset.empty()) {
    append_argument(out, offset);
  } else if (text && recovers) {
    out.append(",null");  // or the client would take the text for an offset
  }
  out.push_back(']');
  return out;
}

std::string encode_channel_event(std::string_view nsp, std::string_view event, std::string_view channel,
                                 std::string_view json) {
  std::string out;
  begin_channel_event(out, nsp, event, channel);
  out.push_back(',');
  out.append(json).push_back(']');
  return out;
}

std::string encode_event(std::string_view nsp, std::string_view event, std::string_view json) {
  std::string out;
  begin_event(out, nsp);
  append_json_string(out, event);
  out.push_back(',');
  out.append(json).push_back(']');
  return out;
}

std::string encode_answer(std::string_view nsp, std::uint64_t ack, std::string_view json) {
  std::string out;
  begin_ack(out, nsp, ack);
  out.append(json).push_back(']');
  return out;
}

std::string subscribed_json(std::string_view channel) {
  std::string out = R"({"channel":)";
  append_json_string(out, channel);
  out.push_back('}');
  return out;
}

std::string member_json(const Member& member) {
  std::string out = R"({"user_id":)";
  append_id(out, member.user_id, member.id_form);
  out.append(R"(,"user_info":)").append(member.user_info.empty() ? "null" : member.user_info);
  out.push_back('}');
  return out;
}

std::string members_json(const std::vector<MemberPtr>& members) {
  std::string out = "[";
  for (const auto& member : members) {
    if (out.size() > 1) out.push_back(',');
    out.append(member_json(*member));
  }
  out.push_back(']');
  return out;
}

namespace {

class LongRoster final : public TextSource {
 public:
  // `around`: the whole text with an empty roster, `[]` before its last byte.
  LongRoster(std::string around, RosterPtr roster) : roster_(std::move(roster)), begin_(std::move(around)) {
    end_ = begin_.substr(begin_.size() - 2);
    begin_.resize(begin_.size() - 2);
    size_ = begin_.size() + end_.size();
    for (const auto& member : roster_->members) size_ += member_json(*member).size() + 1;
    if (!roster_->members.empty()) --size_;
  }
  [[nodiscard]] std::size_t size() const override { return size_; }
  bool next(std::string& out) override {
    out.append(std::exchange(begin_, {}));
    const auto& members = roster_->members;
    for (const auto until = out.size() + kPieceBytes; at_ < members.size() && out.size() < until; ++at_) {
      if (at_ > 0) out.push_back(',');
      out.append(member_json(*members[at_]));
    }
    if (at_ < members.size()) return true;
    out.append(end_);
    return false;
  }

 private:
  static constexpr std::size_t kPieceBytes = 16 * 1024;
  RosterPtr roster_;
  std::string begin_;
  std::string end_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
};

}  // namespace

std::unique_ptr<TextSource> long_roster(std::string_view nsp, std::string_view channel, RosterPtr roster) {
  return std::make_unique<LongRoster>(encode_channel_event(nsp, "presence:subscribed", channel, "[]"),
                                      std::move(roster));
}

std::string error_json(const Error& error) {
  auto out = fmt::format(R"({{"error":"{}","message":)", info(error.code).name);
  append_json_string(out, error.message);
  out.push_back('}');
  return out;
}

std::string encode_event_of_channel(std::string_view nsp, const ChannelEvent& event, std::string_view offset,
                                    bool recovers) {
  struct Visitor {
    std::string_view nsp;
    std::string_view channel;
    std::string_view offset;
    bool recovers;
    std::string operator()(const ChannelEvent::Published& what) const {
      return encode_publication(nsp, channel, *what.publication, offset, recovers);
    }
    std::string operator()(const ChannelEvent::MemberAdded& what) const {
      return encode_channel_event(nsp, "presence:joining", channel, member_json(*what.member));
    }
    std::string operator()(const ChannelEvent::MemberRemoved& what) const {
      return encode_channel_event(nsp, "presence:leaving", channel,
                                  member_json({what.user_id, what.user_info, what.id_form}));
    }
    std::string operator()(const ChannelEvent::SubscriptionCount& what) const {
      return encode_channel_event(nsp, "subscription_count", channel,
                                  fmt::format(R"({{"subscription_count":{}}})", what.count));
    }
    std::string operator()(const ChannelEvent::Gap& what) const {
      return encode_channel_event(nsp, "parley:gap", channel,
                                  fmt::format(R"({{"after":{},"before":{},"epoch":"{}"}})", what.after.value,
                                              what.before.value, epoch_text(what.epoch)));
    }
  };
  return std::visit(Visitor{nsp, event.channel.name(), offset, recovers}, event.what);
}

std::string SocketIoEncoder::encode(const ChannelEvent& event) const {
  if (offsets_ == Offsets::untold) return encode_event_of_channel("/", event, {}, false);
  std::string offset;
  if (const auto* published = std::get_if<ChannelEvent::Published>(&event.what)) {
    const auto position = published->publication->position;
    if (position.exists()) append_offset(offset, event.channel.name(), position);
  }
  return encode_event_of_channel("/", event, offset);
}

std::string encode_again(std::string_view encoded, std::string_view nsp, std::string_view channel, Position position,
                         const std::optional<std::string>& offsets) {
  constexpr std::string_view begin = "42";
  std::string out(begin);
  if (nsp != "/") out.append(nsp).push_back(',');
  auto body = encoded.substr(begin.size());
  if (!offsets) return out.append(body);
  std::string alone = ",\"";
  append_offset(alone, channel, position);
  body.remove_suffix(std::min(body.size(), alone.size() + 2));  // and `"]`
  return out.append(body).append(",\"").append(*offsets).append("\"]");
}

}  // namespace parley::net::socketio

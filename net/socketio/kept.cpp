#include "net/socketio/kept.h"

#include "net/socketio/encoder.h"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace parley::net::socketio {

namespace json = boost::json;

namespace {

constexpr std::size_t kOffsetsMax = 4'096;

Error damaged() { return make_error(Errc::corrupt, "a kept session cannot be read"); }

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

}  // namespace

std::string kept_text(const KeptSession& session) {
  json::array channels;
  for (const auto& channel : session.channels) {
    json::object row{{"c", channel.name}, {"p", position_text(channel.position)}};
    if (channel.proof == KeptProof::signature) row["s"] = true;
    if (const auto& member = channel.member; member != nullptr) {
      row["m"] = {{"id", member->user_id}, {"info", member->user_info}};
      if (member->id_form == IdForm::number) row["m"].as_object()["n"] = true;
    }
    if (!channel.user.empty()) row["u"] = channel.user;
    channels.push_back(std::move(row));
  }
  return json::serialize(json::object{{"v", 1},
                                      {"nsp", session.nsp},
                                      {"sid", session.socket.text()},
                                      {"user", session.user},
                                      {"channels", std::move(channels)}});
}

Result<KeptSession> parse_kept(std::string_view text) {
  boost::system::error_code failed;
  const auto value = json::parse(text, failed);
  if (failed || !value.is_object()) return damaged();
  const auto& object = value.get_object();
  KeptSession session{.nsp = text_of(object, "nsp"), .user = text_of(object, "user")};
  const auto socket = SocketId::parse(text_of(object, "sid"));
  const auto* channels = object.if_contains("channels");
  if (!socket || channels == nullptr || !channels->is_array()) return damaged();
  session.socket = *socket;
  for (const auto& row_value : channels->get_array()) {
    if (!row_value.is_object()) return damaged();
    const auto& row = row_value.get_object();
    const auto position = parse_position(text_of(row, "p"));
    if (!position) return damaged();
    KeptChannel channel{.name = text_of(row, "c"), .position = *position, .user = text_of(row, "u")};
    if (row.contains("s")) channel.proof = KeptProof::signature;
    if (const auto* member = row.if_contains("m"); member != nullptr && member->is_object()) {
      const auto& about = member->get_object();
      const auto form = about.contains("n") ? IdForm::number : IdForm::text;
      channel.member = std::make_shared<const Member>(Member{text_of(about, "id"), text_of(about, "info"), form});
    }
    session.channels.push_back(std::move(channel));
  }
  return session;
}

std::optional<std::vector<TaggedOffset>> parse_offsets(std::string_view text) {
  std::vector<TaggedOffset> offsets;
  while (!text.empty()) {
    // A tag may hold the separator: it has a fixed length.
    const auto dot = text.find('.');
    if (dot != 6 || offsets.size() == kOffsetsMax) return std::nullopt;
    TaggedOffset one{.tag = std::string(text.substr(0, dot))};
    const auto* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data() + dot + 1, end, one.offset.value);
    if (failure != std::errc{}) return std::nullopt;
    offsets.push_back(std::move(one));
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (text.empty()) break;
    if (text.front() != '-') return std::nullopt;
    text.remove_prefix(1);
  }
  return offsets;
}

std::optional<GoingOn> going_on(const KeptSession& session, std::vector<TaggedOffset> offsets) {
  GoingOn out;
  std::size_t without_epoch = 0;
  for (const auto& channel : session.channels) {
    auto position = channel.position;
    if (position.epoch.value == 0) ++without_epoch;
    const auto tag = offset_tag(channel.name, position.epoch);
    const auto tagged = [&](const std::string& wanted) {
      return std::find_if(offsets.begin(), offsets.end(), [&](const TaggedOffset& one) { return one.tag == wanted; });
    };
    auto told = tagged(tag);
    if (told != offsets.end()) {
      position.offset = std::max(position.offset, told->offset);
    } else if (told = tagged(offset_tag(channel.name, Epoch{})); told != offsets.end()) {
      position.offset = {};  // it has not been told yet that there is a history now, and has nothing of it
    }
    if (told != offsets.end()) offsets.erase(told);
    out.since.push_back(position);
  }
  // A client is told its offsets anew when its channels change: what is not among these was joined and is not kept.
  if (offsets.size() > without_epoch) return std::nullopt;
  out.unnamed = std::move(offsets);
  return out;
}

}  // namespace parley::net::socketio

#include "schemas/people.h"

#include "schemas/codec.h"
#include "schemas/wire_message.h"

namespace parley::schemas {
namespace {

void write_texts(const std::vector<std::string>& from, capnp::List<capnp::Text>::Builder to) {
  for (unsigned i = 0; i < from.size(); ++i) to.set(i, text(from[i]));
}
std::vector<std::string> read_texts(capnp::List<capnp::Text>::Reader from) {
  std::vector<std::string> texts;
  texts.reserve(from.size());
  for (const auto one : from) texts.push_back(string(one));
  return texts;
}

}  // namespace

void write_user(const UserRecord& from, wire::User::Builder to) {
  to.setStatus(static_cast<std::uint8_t>(from.status));
  to.setSinceMs(from.since.ms);
  to.setLastSeenMs(from.last_seen.ms);
  if (!from.user_info.empty()) to.setUserInfo(text(from.user_info));
  write_texts(from.domains, to.initDomains(static_cast<unsigned>(from.domains.size())));
  auto connections = to.initConnections(static_cast<unsigned>(from.connections.size()));
  for (unsigned i = 0; i < from.connections.size(); ++i) {
    connections[i].setSocket(from.connections[i].socket.value);
    connections[i].setSinceMs(from.connections[i].since.ms);
  }
  to.setBannedUntilMs(from.blocks.banned_until.ms);
  if (!from.blocks.ban_reason.empty()) to.setBanReason(text(from.blocks.ban_reason));
  to.setTokensSinceMs(from.blocks.tokens_since.ms);
  auto blocks = to.initBlocks(static_cast<unsigned>(from.blocks.channels.size()));
  for (unsigned i = 0; i < from.blocks.channels.size(); ++i) {
    blocks[i].setChannel(text(from.blocks.channels[i].channel));
    blocks[i].setUntilMs(from.blocks.channels[i].until.ms);
  }
  to.setIdIsNumber(from.id_form == IdForm::number);
}

Result<UserRecord> read_user(wire::User::Reader from) {
  if (from.getStatus() > static_cast<std::uint8_t>(UserStatus::online)) {
    return make_error(Errc::corrupt, "user: unknown status");
  }
  UserRecord record;
  record.status = static_cast<UserStatus>(from.getStatus());
  record.since = WallTime{from.getSinceMs()};
  record.last_seen = WallTime{from.getLastSeenMs()};
  record.user_info = string(from.getUserInfo());
  record.domains = read_texts(from.getDomains());
  for (const auto one : from.getConnections()) {
    record.connections.push_back({SocketId{one.getSocket()}, WallTime{one.getSinceMs()}});
  }
  record.blocks.banned_until = WallTime{from.getBannedUntilMs()};
  record.blocks.ban_reason = string(from.getBanReason());
  record.blocks.tokens_since = WallTime{from.getTokensSinceMs()};
  for (const auto one : from.getBlocks()) {
    record.blocks.channels.push_back({string(one.getChannel()), WallTime{one.getUntilMs()}});
  }
  record.id_form = id_form(from.getIdIsNumber());
  return record;
}

void write_notice(const Notice& from, wire::Notice::Builder to) {
  to.setId(text(from.id));
  to.setApp(text(from.app));
  to.setTarget(text(from.target));
  to.setKind(static_cast<std::uint8_t>(from.kind));
  to.setTimeMs(from.time.ms);
  if (!from.channel.empty()) to.setChannel(text(from.channel));
  if (!from.user_id.empty()) to.setUserId(text(from.user_id));
  if (!from.event.empty()) to.setEvent(text(from.event));
  if (!from.data.empty()) to.setData(data(from.data));
  to.setSocket(from.socket.value);
  to.setCount(from.count);
  to.setLastSeenMs(from.last_seen.ms);
  to.setUserIdIsNumber(from.id_form == IdForm::number);
  if (!from.domains.empty()) write_texts(from.domains, to.initDomains(static_cast<unsigned>(from.domains.size())));
}

Result<Notice> read_notice(wire::Notice::Reader from) {
  if (from.getKind() >= kNoticeKinds)
    return make_error(Errc::newer_schema, "notice: a kind that only a later release knows");
  Notice notice;
  notice.id = string(from.getId());
  notice.app = string(from.getApp());
  notice.target = string(from.getTarget());
  notice.kind = static_cast<NoticeKind>(from.getKind());
  notice.time = WallTime{from.getTimeMs()};
  notice.channel = string(from.getChannel());
  notice.user_id = string(from.getUserId());
  notice.event = string(from.getEvent());
  notice.data = string(from.getData());
  notice.socket = SocketId{from.getSocket()};
  notice.count = from.getCount();
  notice.last_seen = WallTime{from.getLastSeenMs()};
  notice.domains = read_texts(from.getDomains());
  notice.id_form = id_form(from.getUserIdIsNumber());
  return notice;
}

void write_notices(const std::vector<Notice>& from, capnp::List<wire::Notice>::Builder to) {
  for (unsigned i = 0; i < from.size(); ++i) write_notice(from[i], to[i]);
}

Result<std::vector<Notice>> read_notices(capnp::List<wire::Notice>::Reader from) {
  std::vector<Notice> notices;
  for (const auto one : from) {
    auto notice = read_notice(one);
    if (!notice) return notice.error();
    notices.push_back(std::move(*notice));
  }
  return notices;
}

// ---- records ----

std::string encode_user(const UserRecord& record) {
  Message message;
  write_user(record, message.root<wire::User>());
  return message.bytes();
}

Result<UserRecord> decode_user(std::string_view bytes) {
  return decode<wire::User>(bytes, "user", [](wire::User::Reader root) { return read_user(root); });
}

std::string encode_notice(const Notice& notice) {
  Message message;
  write_notice(notice, message.root<wire::Notice>());
  return message.bytes();
}

Result<Notice> decode_notice(std::string_view bytes) {
  return decode<wire::Notice>(bytes, "notice", [](wire::Notice::Reader root) { return read_notice(root); });
}

Result<std::string> decode_notice_target(std::string_view bytes) {
  return decode<wire::Notice>(
      bytes, "notice", [](wire::Notice::Reader root) -> Result<std::string> { return string(root.getTarget()); });
}

std::string encode_dead_notice(const DeadNotice& dead) {
  Message message;
  auto root = message.root<wire::DeadNotice>();
  write_notice(dead.notice, root.initNotice());
  root.setDiedMs(dead.died.ms);
  root.setWhy(text(dead.why));
  return message.bytes();
}

Result<DeadNotice> decode_dead_notice(std::string_view bytes) {
  return decode<wire::DeadNotice>(bytes, "dead letter", [](wire::DeadNotice::Reader root) -> Result<DeadNotice> {
    auto notice = read_notice(root.getNotice());
    if (!notice) return notice.error();
    return DeadNotice{std::move(*notice), WallTime{root.getDiedMs()}, string(root.getWhy())};
  });
}

Result<std::string> decode_dead_notice_target(std::string_view bytes) {
  return decode<wire::DeadNotice>(bytes, "dead letter", [](wire::DeadNotice::Reader root) -> Result<std::string> {
    return string(root.getNotice().getTarget());
  });
}

}  // namespace parley::schemas

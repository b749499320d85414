#include "schemas/peer/values.h"

#include "schemas/people.h"
#include "schemas/publication.h"

namespace parley::schemas::peer {

capnp::Text::Reader name(Unfit& out, const std::string& from) {
  if (from.size() <= kNameBytesMax) return text(from);
  out.note(Errc::too_large, "a name is too long to be sent to another node");
  return "";
}

capnp::Text::Reader channel(Unfit& out, const ChannelKey& from) { return name(out, from.text()); }

capnp::Text::Reader error_name(const Error& from) {
  const auto known = info(from.code).name;  // a literal: it ends with a zero
  return {known.data(), known.size()};
}

void write_names(Unfit& out, const std::vector<std::string>& from, capnp::List<capnp::Text>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, name(out, from[i]));
}

std::string name(Unfit& in, capnp::Text::Reader from) {
  if (from.size() <= kNameBytesMax) return string(from);
  in.note(Errc::corrupt, "a name is too long");
  return {};
}

ChannelKey channel(Unfit& in, capnp::Text::Reader from) {
  auto text = name(in, from);
  const auto slash = text.find('/');
  // Keys of the store end a channel with a zero byte, and take it apart at its slash.
  const bool sound = slash != std::string::npos && text.find('/', slash + 1) == std::string::npos &&
                     text.find('\0') == std::string::npos;
  if (sound) return ChannelKey::from_text(std::move(text));
  in.note(Errc::corrupt, "a channel that is none");
  return {};
}

Errc error_named(capnp::Text::Reader name) {
  const std::string_view wanted(name.begin(), name.size());
  for (const auto& row : all_errors()) {
    if (row.name == wanted) return row.code;
  }
  return Errc::internal;
}

std::vector<std::string> read_names(Unfit& in, capnp::List<capnp::Text>::Reader from) {
  std::vector<std::string> names(length(in, from));
  for (unsigned i = 0; i < names.size(); ++i) names[i] = name(in, from[i]);
  return names;
}

milliseconds duration(Unfit& in, std::int64_t ms) {
  if (ms >= 0 && ms <= kDurationMax.count()) return milliseconds(ms);
  in.note(Errc::corrupt, "a time that is none");
  return {};
}

void write(Unfit&, const Publication& from, wire::Publication::Builder to) {
  write_publication(from, to.initRecord());
  to.initPosition().setEpoch(from.position.epoch.value);
  to.getPosition().setOffset(from.position.offset.value);
}
void read(Unfit& in, wire::Publication::Reader from, PublicationPtr& to) {
  auto publication = std::make_shared<Publication>(take(in, read_publication(from.getRecord())));
  read(in, from.getPosition(), publication->position);
  to = std::move(publication);
}

void write(Unfit&, const Position& from, wire::Position::Builder to) {
  to.setEpoch(from.epoch.value);
  to.setOffset(from.offset.value);
}
void read(Unfit&, wire::Position::Reader from, Position& to) {
  to.epoch.value = from.getEpoch();
  to.offset.value = from.getOffset();
}

void write(Unfit&, const Error& from, wire::Error::Builder to) {
  to.setCode(error_name(from));
  to.setMessage(text(from.message));
  to.setLeader(from.leader);
}
void read(Unfit&, wire::Error::Reader from, Error& to) {
  to.code = error_named(from.getCode());
  to.message = string(from.getMessage());
  to.leader = from.getLeader();
}

void write(Unfit& out, const Member& from, wire::Member::Builder to) {
  to.setUserId(name(out, from.user_id));
  to.setUserInfo(text(from.user_info));
  to.setUserIdIsNumber(from.id_form == IdForm::number);
}
void read(Unfit& in, wire::Member::Reader from, MemberPtr& to) {
  auto member = std::make_shared<Member>();
  member->user_id = name(in, from.getUserId());
  member->user_info = string(from.getUserInfo());
  member->id_form = id_form(from.getUserIdIsNumber());
  to = std::move(member);
}

void write(Unfit& out, const UserKey& from, wire::UserKey::Builder to) {
  to.setApp(name(out, from.app));
  to.setId(name(out, from.id));
}
void read(Unfit& in, wire::UserKey::Reader from, UserKey& to) {
  to.app = name(in, from.getApp());
  to.id = name(in, from.getId());
}

void write(Unfit& out, const UserAbout& from, wire::UserAbout::Builder to) {
  write(out, from.user, to.initUser());
  to.setKnown(from.known);
  write_user(from.record, to.initRecord());
}
void read(Unfit& in, wire::UserAbout::Reader from, UserAbout& to) {
  read(in, from.getUser(), to.user);
  to.known = from.getKnown();
  to.record = take(in, read_user(from.getRecord()));
}

void write(Unfit& out, const ConnectionAbout& from, wire::ConnectionAbout::Builder to) {
  to.setAddress(name(out, from.address));
  to.setClient(name(out, from.client));
  to.setConnectedMs(from.connected.ms);
}
void read(Unfit& in, wire::ConnectionAbout::Reader from, ConnectionAbout& to) {
  to.address = name(in, from.getAddress());
  to.client = name(in, from.getClient());
  to.connected = WallTime{from.getConnectedMs()};
}

void write(const ReplyTo& from, wire::ReplyTo::Builder to) {
  to.setHub(from.hub.value);
  to.setSession(from.session.value);
  to.setTicket(from.ticket);
  to.setLife(from.life);
  to.setOrigin(from.origin.value);
}
void read(wire::ReplyTo::Reader from, ReplyTo& to) {
  to.hub.value = from.getHub();
  to.session.value = from.getSession();
  to.ticket = from.getTicket();
  to.life = from.getLife();
  to.origin.value = from.getOrigin();
}

}  // namespace parley::schemas::peer

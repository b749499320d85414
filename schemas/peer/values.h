#pragma once
// What envelopes are made of, between core values and their wire form. For the .cpp files of this room only. Pure.
//
// Reading and writing never stop in the middle: what does not fit is noted, the first of it, and nothing stands in its
// place. Who began looks at the note at the end.

#include "core/gossip.h"
#include "core/replica_news.h"
#include "core/request.h"
#include "core/snapshot_transfer.h"
#include "peer.capnp.h"
#include "schemas/wire_message.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::schemas::peer {

namespace wire = schemas::wire::peer;

// Names, ids, keys. Texts that applications write are bounded by the message alone.
inline constexpr std::size_t kNameBytesMax = 16'384;
// Elements of one list: of tiny ones a message could hold many more than are worth their memory.
inline constexpr std::size_t kListMax = 131'072;
// 49 days: as log entries have it, and of which nothing overflows that is counted from it.
inline constexpr milliseconds kDurationMax{std::numeric_limits<std::uint32_t>::max()};

class Unfit {
 public:
  void note(Errc code, std::string what) {
    if (!first_) first_ = make_error(code, std::move(what));
  }
  [[nodiscard]] const std::optional<Error>& first() const { return first_; }

 private:
  std::optional<Error> first_;
};

// ---- writing ----

capnp::Text::Reader name(Unfit& out, const std::string& from);
capnp::Text::Reader channel(Unfit& out, const ChannelKey& from);
capnp::Text::Reader error_name(const Error& from);

template <class List>
unsigned count(Unfit& out, const List& from) {
  if (from.size() <= kListMax) return static_cast<unsigned>(from.size());
  out.note(Errc::too_large, "a list is too long to be sent to another node");
  return 0;
}
void write_names(Unfit& out, const std::vector<std::string>& from, capnp::List<capnp::Text>::Builder to);

// ---- reading ----

std::string name(Unfit& in, capnp::Text::Reader from);
ChannelKey channel(Unfit& in, capnp::Text::Reader from);
Errc error_named(capnp::Text::Reader name);  // `internal`: a later release's

template <class Enum>
Enum enumeration(Unfit& in, std::uint8_t number, Enum last) {
  if (number <= static_cast<std::uint8_t>(last)) return static_cast<Enum>(number);
  in.note(Errc::corrupt, "a number that stands for nothing");
  return {};
}
template <class List>
unsigned length(Unfit& in, const List& from) {
  if (from.size() <= kListMax) return from.size();
  in.note(Errc::corrupt, "a list is too long");
  return 0;
}
std::vector<std::string> read_names(Unfit& in, capnp::List<capnp::Text>::Reader from);
milliseconds duration(Unfit& in, std::int64_t ms);

template <class Value>
Value take(Unfit& in, Result<Value> read) {
  if (read) return std::move(*read);
  in.note(read.error().code, read.error().message);
  return {};
}

// ---- values ----

void write(Unfit& out, const Position& from, wire::Position::Builder to);
void read(Unfit& in, wire::Position::Reader from, Position& to);
void write(Unfit& out, const Error& from, wire::Error::Builder to);
void read(Unfit& in, wire::Error::Reader from, Error& to);
void write(Unfit& out, const Publication& from, wire::Publication::Builder to);
void read(Unfit& in, wire::Publication::Reader from, PublicationPtr& to);
void write(Unfit& out, const Member& from, wire::Member::Builder to);
void read(Unfit& in, wire::Member::Reader from, MemberPtr& to);
void write(Unfit& out, const UserKey& from, wire::UserKey::Builder to);
void read(Unfit& in, wire::UserKey::Reader from, UserKey& to);
void write(Unfit& out, const UserAbout& from, wire::UserAbout::Builder to);
void read(Unfit& in, wire::UserAbout::Reader from, UserAbout& to);
void write(Unfit& out, const ConnectionAbout& from, wire::ConnectionAbout::Builder to);
void read(Unfit& in, wire::ConnectionAbout::Reader from, ConnectionAbout& to);

// ---- what an envelope holds; the node of an address is the envelope's to say ----

void write(Unfit& out, const Request& from, wire::Request::Builder to);
void read(Unfit& in, wire::Request::Reader from, Request& to, MonoTime arrived);
void write(Unfit& out, const Reply& from, wire::Reply::Builder to);
void read(Unfit& in, wire::Reply::Reader from, Reply& to);
void write(Unfit& out, const Gossip& from, wire::Gossip::Builder to);
void read(Unfit& in, wire::Gossip::Reader from, Gossip& to);
void write(Unfit& out, const SnapshotAsk& from, wire::SnapshotAsk::Builder to);
void read(Unfit& in, wire::SnapshotAsk::Reader from, SnapshotAsk& to);
void write(Unfit& out, const SnapshotPart& from, wire::SnapshotPart::Builder to);
void read(Unfit& in, wire::SnapshotPart::Reader from, SnapshotPart& to);
void write(Unfit& out, const ReplicaNews& from, wire::ReplicaNews::Builder to);
void read(Unfit& in, wire::ReplicaNews::Reader from, ReplicaNews& to);
void write(const ReplyTo& from, wire::ReplyTo::Builder to);
void read(wire::ReplyTo::Reader from, ReplyTo& to);

// ---- lists; after all that they may hold ----

template <class Value>
const Value& pointed_at(const Value& value) {
  return value;
}
template <class Value>
const Value& pointed_at(const std::shared_ptr<const Value>& value) {
  return *value;
}

template <class Values, class List>
void write_each(Unfit& out, const Values& from, List to) {
  for (unsigned i = 0; i < to.size(); ++i) write(out, pointed_at(from[i]), to[i]);
}
template <class List, class Values>
void read_each(Unfit& in, List from, Values& to) {
  to.resize(length(in, from));
  for (unsigned i = 0; i < to.size(); ++i) read(in, from[i], to[i]);
}

}  // namespace parley::schemas::peer

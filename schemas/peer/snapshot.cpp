// A shard's state on its way to another replica, and its wire form.
#include "core/limits.h"
#include "schemas/peer/values.h"

namespace parley::schemas::peer {
namespace {

constexpr SnapshotLimits kLimits;

capnp::Data::Reader key(Unfit& out, const std::string& from) {
  if (from.size() <= kLimits.key_bytes_max) return data(from);
  out.note(Errc::too_large, "a row's key is too long to be sent to another node");
  return {};
}
std::string key(Unfit& in, capnp::Data::Reader from) {
  if (from.size() <= kLimits.key_bytes_max) return string(from);
  in.note(Errc::corrupt, "a row's key is too long");
  return {};
}

void write(Unfit& out, const SnapshotCursor& from, wire::SnapshotCursor::Builder to) {
  to.setFamily(static_cast<std::uint8_t>(from.family));
  to.setKey(key(out, from.key));
  to.setOffset(from.offset);
}
void read(Unfit& in, wire::SnapshotCursor::Reader from, SnapshotCursor& to) {
  to.family = enumeration(in, from.getFamily(), SnapshotFamily::state);
  to.key = key(in, from.getKey());
  to.offset = from.getOffset();
}

void write(Unfit& out, const SnapshotRow& from, wire::SnapshotRow::Builder to) {
  to.setFamily(static_cast<std::uint8_t>(from.family));
  to.setGoesOn(from.goes_on);
  to.setKey(key(out, from.key));
  to.setValue(data(from.value));
}
void read(Unfit& in, wire::SnapshotRow::Reader from, SnapshotRow& to) {
  to.family = enumeration(in, from.getFamily(), SnapshotFamily::state);
  to.goes_on = from.getGoesOn();
  to.key = key(in, from.getKey());
  to.value = string(from.getValue());
}

}  // namespace

void write(Unfit& out, const SnapshotAsk& from, wire::SnapshotAsk::Builder to) {
  to.setShard(from.shard.value);
  to.setKind(static_cast<std::uint8_t>(from.kind));
  to.setId(from.id);
  to.setFrom(from.from.value);
  to.setTo(from.to.value);
  write(out, from.cursor, to.initCursor());
}
void read(Unfit& in, wire::SnapshotAsk::Reader from, SnapshotAsk& to) {
  to.shard = ShardId{from.getShard()};
  to.kind = enumeration(in, from.getKind(), SnapshotAsk::Kind::given_up);
  to.id = from.getId();
  to.from = ReplicaId{from.getFrom()};
  to.to = ReplicaId{from.getTo()};
  read(in, from.getCursor(), to.cursor);
}

void write(Unfit& out, const SnapshotPart& from, wire::SnapshotPart::Builder to) {
  to.setShard(from.shard.value);
  to.setGone(from.gone);
  to.setLast(from.last);
  to.setId(from.id);
  to.setFrom(from.from.value);
  to.setTo(from.to.value);
  write(out, from.cursor, to.initCursor());
  auto rows = to.initRows(count(out, from.rows));
  for (unsigned i = 0; i < rows.size(); ++i) write(out, from.rows[i], rows[i]);
  to.setChecksum(from.checksum);
  to.setWhole(from.whole);
}
void read(Unfit& in, wire::SnapshotPart::Reader from, SnapshotPart& to) {
  to.shard = ShardId{from.getShard()};
  to.gone = from.getGone();
  to.last = from.getLast();
  to.id = from.getId();
  to.from = ReplicaId{from.getFrom()};
  to.to = ReplicaId{from.getTo()};
  read(in, from.getCursor(), to.cursor);
  const auto rows = from.getRows();
  to.rows.resize(length(in, rows));
  for (unsigned i = 0; i < to.rows.size(); ++i) read(in, rows[i], to.rows[i]);
  to.checksum = from.getChecksum();
  to.whole = from.getWhole();
}

}  // namespace parley::schemas::peer

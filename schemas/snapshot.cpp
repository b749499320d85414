#include "schemas/snapshot.h"

#include "schemas/raft_values.h"

namespace parley::schemas {

namespace wire_raft = wire::raft;

std::string encode_snapshot_offer(const SnapshotOffer& offer) {
  Message message;
  auto root = message.root<wire_raft::SnapshotOffer>();
  root.setVersion(kSnapshotOfferVersion);
  root.setId(offer.id);
  root.setBytes(offer.bytes);
  root.setFormat(offer.format);
  return message.bytes();
}

Result<SnapshotOffer> decode_snapshot_offer(std::string_view bytes) {
  return decode<wire_raft::SnapshotOffer>(
      bytes, "what a snapshot offers", [](wire_raft::SnapshotOffer::Reader root) -> Result<SnapshotOffer> {
        if (root.getVersion() == 0) return make_error(Errc::corrupt, "what a snapshot offers: it has no version");
        if (root.getVersion() > kSnapshotOfferVersion) {
          return make_error(Errc::newer_schema, "what a snapshot offers: it is of a later release");
        }
        if (root.getId() == 0) return make_error(Errc::corrupt, "what a snapshot offers: it has no id");
        return SnapshotOffer{root.getId(), root.getBytes(), root.getFormat()};
      });
}

std::string encode_restore(const StoredRestore& from) {
  Message message;
  auto root = message.root<wire_raft::StoredRestore>();
  root.setComplete(from.complete);
  root.setFamily(static_cast<std::uint8_t>(from.cursor.family));
  root.setKey(data(from.cursor.key));
  root.setBytes(from.bytes);
  root.setChecksum(from.checksum);
  root.setTo(from.to.value);
  root.setFrom(from.from.value);
  root.setTerm(from.term.value);
  write_snapshot(from.snapshot, root.initSnapshot());
  return message.bytes();
}

Result<StoredRestore> decode_restore(std::string_view bytes) {
  return decode<wire_raft::StoredRestore>(
      bytes, "what is known of a restore", [](wire_raft::StoredRestore::Reader root) -> Result<StoredRestore> {
        if (root.getFamily() > static_cast<std::uint8_t>(SnapshotFamily::state)) {
          return make_error(Errc::corrupt, "what is known of a restore: a family that is none");
        }
        StoredRestore to;
        to.complete = root.getComplete();
        to.cursor = {static_cast<SnapshotFamily>(root.getFamily()), string(root.getKey()), 0};
        to.bytes = root.getBytes();
        to.checksum = root.getChecksum();
        to.to = ReplicaId{root.getTo()};
        to.from = ReplicaId{root.getFrom()};
        to.term = Term{root.getTerm()};
        to.snapshot = read_snapshot(root.getSnapshot());
        return to;
      });
}

}  // namespace parley::schemas

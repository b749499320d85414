#include "schemas/peer/raft.h"

#include "schemas/raft_values.h"

namespace parley::schemas {
namespace {

namespace wire_raft = wire::raft;

// Words of the message's own structs and lists, with their pointers; and of one entry, one heartbeat.
constexpr std::size_t kMessageBytes = 200;
constexpr std::size_t kEntryBytes = 48;
constexpr std::size_t kBeatBytes = 48;
constexpr std::size_t kBatchBytes = 64;

std::size_t padded(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

// A heartbeat, or its response, with nothing else in it: what idle groups send all the time.
bool only_beats(const RaftMessage& message) {
  if (message.kind != RaftKind::heartbeat && message.kind != RaftKind::heartbeat_response) return false;
  RaftMessage plain;
  plain.kind = message.kind;
  plain.to = message.to;
  plain.from = message.from;
  plain.term = message.term;
  plain.commit = message.commit;
  return message == plain;
}

void write(const RaftMessage& from, wire_raft::Message::Builder to) {
  to.setKind(static_cast<std::uint8_t>(from.kind));
  to.setReject(from.reject);
  to.setTo(from.to.value);
  to.setFrom(from.from.value);
  to.setTerm(from.term.value);
  to.setLogTerm(from.log_term.value);
  to.setIndex(from.index.value);
  to.setCommit(from.commit.value);
  to.setCommitTerm(from.commit_term.value);
  to.setRejectHint(from.reject_hint.value);
  to.setRequestSnapshot(from.request_snapshot.value);
  to.setOldPriority(from.old_priority);
  to.setPriority(from.priority);
  if (!from.context.empty()) to.setContext(data(from.context));
  if (!from.entries.empty()) {
    auto entries = to.initEntries(static_cast<unsigned>(from.entries.size()));
    for (unsigned i = 0; i < entries.size(); ++i) {
      const auto& entry = from.entries[i];
      entries[i].setIndex(entry.index.value);
      entries[i].setTerm(entry.term.value);
      entries[i].setChange(entry.kind == RaftEntryKind::change);
      if (!entry.payload.empty()) entries[i].setPayload(data(entry.payload));
    }
  }
  if (from.snapshot) write_snapshot(*from.snapshot, to.initSnapshot());
}

Error damaged(std::string what) { return make_error(Errc::corrupt, "a batch of the consensus: " + std::move(what)); }

Result<RaftMessage> read(wire_raft::Message::Reader from) {
  const auto kind = raft_kind(from.getKind());
  if (!kind) return damaged("a message of a kind that does not travel");
  RaftMessage to;
  to.kind = *kind;
  to.reject = from.getReject();
  to.to = ReplicaId{from.getTo()};
  to.from = ReplicaId{from.getFrom()};
  to.term = Term{from.getTerm()};
  to.log_term = Term{from.getLogTerm()};
  to.index = LogIndex{from.getIndex()};
  to.commit = LogIndex{from.getCommit()};
  to.commit_term = Term{from.getCommitTerm()};
  to.reject_hint = LogIndex{from.getRejectHint()};
  to.request_snapshot = LogIndex{from.getRequestSnapshot()};
  to.old_priority = from.getOldPriority();
  to.priority = from.getPriority();
  if (from.hasContext()) {
    const auto context = from.getContext();
    if (context.size() > kRaftContextBytesMax) return damaged("a context that is too long");
    to.context = string(context);
  }
  if (from.hasEntries()) {
    const auto entries = from.getEntries();
    to.entries.reserve(entries.size());
    for (const auto entry : entries) {
      to.entries.push_back({LogIndex{entry.getIndex()}, Term{entry.getTerm()},
                            entry.getChange() ? RaftEntryKind::change : RaftEntryKind::command,
                            string(entry.getPayload())});
    }
  }
  if (from.hasSnapshot()) {
    to.snapshot = read_snapshot(from.getSnapshot());
    const auto& members = to.snapshot->membership;
    if (members.voters.size() + members.learners.size() + members.voters_outgoing.size() +
            members.learners_next.size() >
        kRaftMembersMax) {
      return damaged("too many members");
    }
  }
  return to;
}

}  // namespace

std::size_t raft_wire_bytes(const RaftMessage& message) {
  if (only_beats(message)) return kBeatBytes;
  auto bytes = kMessageBytes + padded(message.context.size());
  for (const auto& entry : message.entries) bytes += kEntryBytes + padded(entry.payload.size());
  if (message.snapshot) {
    const auto& members = message.snapshot->membership;
    const auto ids =
        members.voters.size() + members.learners.size() + members.voters_outgoing.size() + members.learners_next.size();
    bytes += kMessageBytes + padded(message.snapshot->data.size()) + 8 * ids;
  }
  return bytes;
}

Result<std::string> encode_raft_batch(std::span<const RaftToShard> messages, std::size_t bytes_max) {
  std::size_t beats = 0;
  std::size_t bytes = kBatchBytes;
  for (const auto& one : messages) {
    beats += only_beats(one.message) ? 1 : 0;
    bytes += raft_wire_bytes(one.message);
  }
  // Before anything is built: a list or a payload can be longer than Cap'n Proto takes.
  if (bytes > bytes_max) return make_error(Errc::too_large, "a batch of the consensus is too large for another node");
  capnp::MallocMessageBuilder builder(static_cast<unsigned>(bytes / sizeof(capnp::word) + 1));
  auto root = builder.initRoot<wire_raft::Batch>();
  root.setVersion(kRaftBatchVersion);
  auto others = root.initMessages(static_cast<unsigned>(messages.size() - beats));
  auto idle = root.initBeats(static_cast<unsigned>(beats));
  unsigned at_other = 0;
  unsigned at_idle = 0;
  for (const auto& [shard, message] : messages) {
    if (!only_beats(message)) {
      auto to = others[at_other++];
      to.setShard(shard.value);
      write(message, to.initMessage());
      continue;
    }
    auto to = idle[at_idle++];
    to.setShard(shard.value);
    to.setResponse(message.kind == RaftKind::heartbeat_response);
    to.setTo(message.to.value);
    to.setFrom(message.from.value);
    to.setTerm(message.term.value);
    to.setCommit(message.commit.value);
  }
  const auto words = capnp::messageToFlatArray(builder);
  const auto flat = words.asBytes();
  return std::string(reinterpret_cast<const char*>(flat.begin()), flat.size());
}

Result<std::vector<RaftToShard>> decode_raft_batch(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) return make_error(Errc::too_large, "a batch of the consensus has too many bytes");
  // Each part is read once: what points to the same again and again ends here.
  const auto words = 2 * bytes.size() / sizeof(capnp::word) + 64;
  return decode<wire_raft::Batch>(
      bytes, "a batch of the consensus",
      [](wire_raft::Batch::Reader root) -> Result<std::vector<RaftToShard>> {
        if (root.getVersion() == 0) return damaged("it has no version");
        if (root.getVersion() > kRaftBatchVersion) {
          return make_error(Errc::newer_schema, "a batch of the consensus of a later release");
        }
        std::vector<RaftToShard> messages;
        for (const auto one : root.getMessages()) {
          auto message = read(one.getMessage());
          if (!message) return message.error();
          messages.push_back({ShardId{one.getShard()}, std::move(*message)});
        }
        for (const auto beat : root.getBeats()) {
          RaftMessage message;
          message.kind = beat.getResponse() ? RaftKind::heartbeat_response : RaftKind::heartbeat;
          message.to = ReplicaId{beat.getTo()};
          message.from = ReplicaId{beat.getFrom()};
          message.term = Term{beat.getTerm()};
          message.commit = LogIndex{beat.getCommit()};
          messages.push_back({ShardId{beat.getShard()}, std::move(message)});
        }
        return messages;
      },
      words);
}

RaftBatches raft_batches(std::span<const RaftToShard> messages, std::size_t bytes_max, std::size_t alone_bytes_max) {
  RaftBatches made;
  std::size_t first = 0;
  std::size_t bytes = kBatchBytes;
  const auto close = [&](std::size_t end) {
    if (end > first) {
      auto batch = encode_raft_batch(messages.subspan(first, end - first), std::max(bytes_max, alone_bytes_max));
      if (batch) {
        made.batches.push_back(std::move(*batch));
      } else {
        made.dropped += end - first;
      }
    }
    first = end;
    bytes = kBatchBytes;
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto more = raft_wire_bytes(messages[i].message);
    if (kBatchBytes + more > std::max(bytes_max, alone_bytes_max)) {
      close(i);
      ++made.dropped;
      first = i + 1;
      continue;
    }
    if (bytes + more > bytes_max) close(i);
    bytes += more;
  }
  close(messages.size());
  return made;
}

}  // namespace parley::schemas

#include "cluster/raft/group.h"

#include "cluster/raft/core_values.h"
#include "core/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::cluster::raft {
namespace {

// A change is kind:u8 id:u64 node:u64, little-endian: nothing that a peer could make a parser of the core's stumble
// over.
constexpr std::size_t kChangeBytes = 17;

void put_number(std::string& bytes, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>((number >> shift) & 0xFF));
}

std::string change_payload(const Change& change) {
  std::string payload(1, static_cast<char>(change.kind));
  put_number(payload, change.id.value);
  put_number(payload, change.node.value);
  return payload;
}

std::string number_payload(std::uint64_t number) {
  std::string payload;
  put_number(payload, number);
  return payload;
}

std::uint64_t parse_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return number;
}

std::string last_panic() {
  std::array<char, 500> text{};
  return {text.data(), praft_panic(text.data(), text.size())};
}

// What of a message the core takes for granted, and would end the replica for.
bool fits(const RaftMessage& message) {
  if (message.from == ReplicaId{} || !raft_kind(static_cast<std::uint32_t>(message.kind))) return false;
  switch (message.kind) {
    case RaftKind::append: {
      auto index = message.index;
      for (const auto& entry : message.entries) {
        ++index.value;
        if (entry.index != index || entry.term > message.term || entry.term < message.log_term) return false;
        if (entry.kind == RaftEntryKind::change && !parse_change(entry.payload)) return false;
      }
      return message.term.value != 0;
    }
    case RaftKind::read_index:
    case RaftKind::read_index_response:
      return message.entries.size() == 1;
    case RaftKind::snapshot:
      return message.term.value != 0 && message.snapshot && message.snapshot->index.value != 0 &&
             !message.snapshot->membership.voters.empty();
    default:
      return message.term.value != 0 && message.entries.empty();
  }
}

// The core merges the appends to one follower that wait in a Ready, and forgets their bound: one that is far behind
// would get the whole log in one message. What goes into `put` is what it would have sent one by one.
template <class Put>
void in_bounds(RaftMessage message, std::uint64_t bytes_max, Put put) {
  std::uint64_t bytes = 0;
  for (const auto& entry : message.entries) bytes += entry.payload.size();
  if (message.kind != RaftKind::append || bytes <= bytes_max) return put(std::move(message));
  auto rest = std::exchange(message.entries, {});
  auto part = message;
  bytes = 0;
  for (auto& entry : rest) {
    if (!part.entries.empty() && bytes + entry.payload.size() > bytes_max) {
      const auto index = part.entries.back().index;
      const auto term = part.entries.back().term;
      put(std::exchange(part, message));
      part.index = index;
      part.log_term = term;
      bytes = 0;
    }
    bytes += entry.payload.size();
    part.entries.push_back(std::move(entry));
  }
  put(std::move(part));
}

// ---- what the core asks of the storage ----

struct Below {
  LogStorage& storage;
  std::optional<RaftSnapshot>& offered;
  std::optional<Error> failed{};  // why the core was told nothing

  static std::int32_t entries(void* context, std::uint64_t from, std::uint64_t to, std::uint64_t bytes_max,
                              void* sink) noexcept {
    auto& self = *static_cast<Below*>(context);
    const auto found = self.storage.entries(LogIndex{from}, LogIndex{to}, bytes_max);
    if (!found) {
      self.failed = found.error();
      return 1;
    }
    for (const auto& one : *found) praft_sink_entry(sink, entry(one.index, one.term, one.kind, one.payload));
    return 0;
  }
  static std::int32_t term(void* context, std::uint64_t index, std::uint64_t* term) noexcept {
    auto& self = *static_cast<Below*>(context);
    const auto found = self.storage.term(LogIndex{index});
    if (!found) {
      self.failed = found.error();
      return 1;
    }
    *term = found->value;
    return 0;
  }
  static std::int32_t snapshot(void* context, std::uint64_t at_least, std::uint64_t to, praft_snapshot* out) noexcept {
    auto& self = *static_cast<Below*>(context);
    auto found = self.storage.snapshot(ReplicaId{to});
    // Who is not in its membership would ignore it, and wait for ever: until the change that lists it is applied here,
    // there is none for it.
    if (!found || found->index.value < at_least || !found->membership.has(ReplicaId{to})) return 1;
    self.offered = std::move(*found);
    *out = snapshot_view(*self.offered);
    return 0;
  }
};

}  // namespace

Result<Change> parse_change(std::string_view payload) {
  if (payload.size() != kChangeBytes || static_cast<unsigned char>(payload[0]) > 2) {
    return make_error(Errc::corrupt, "a change of the membership that cannot be read");
  }
  const Change change{static_cast<Change::Kind>(payload[0]), ReplicaId{parse_number(payload.substr(1, 8))},
                      NodeId{parse_number(payload.substr(9, 8))}};
  if (change.id == ReplicaId{}) return make_error(Errc::corrupt, "a change of the membership by nobody");
  return change;
}

struct Group::Callbacks : Below {};

Group::Group(const GroupConfig& config, const StoredGroup& stored, LogStorage& storage)
    : config_(config),
      below_(new Callbacks{{storage, offered_}}),
      membership_(stored.membership),
      applied_(stored.applied),
      voted_term_(stored.hard_state.term),
      voted_(stored.hard_state.vote) {}

Group::~Group() { praft_destroy(handle_); }

Result<std::unique_ptr<Group>> Group::create(const GroupConfig& config, const StoredGroup& stored,
                                             LogStorage& storage) {
  const bool joins = stored.membership.voters.empty();
  if (config.self == ReplicaId{} || stored.self != config.self) {
    return make_error(Errc::corrupt, "the store is another replica's");
  }
  // Whoever joins later gets a snapshot only if the log's beginning is out of its reach. From the very first entry on
  // it would be given entries without the membership that they are of.
  if (!joins && stored.cut.value == 0) {
    return make_error(Errc::corrupt, "a log with members begins with a snapshot, at an index of 1 or more");
  }
  if (stored.applied < stored.cut || stored.applied > stored.last || (joins && stored.last.value != 0)) {
    return make_error(Errc::corrupt, fmt::format("applied up to {}, the log has {} to {}", stored.applied.value,
                                                 stored.cut.value + 1, stored.last.value));
  }
  std::unique_ptr<Group> group(new Group(config, stored, storage));
  const praft_config wanted{config.self.value,
                            config.shard.value,
                            config.salt,
                            config.election_ticks,
                            config.heartbeat_ticks,
                            config.message_bytes_max,
                            config.messages_in_flight_max,
                            config.uncommitted_bytes_max,
                            config.committed_bytes_max,
                            config.window_bytes_max};
  // What is applied was committed, although the hard state that says so may be from before: the commit index alone is
  // no reason for a write. The core ends where it is below the applied index.
  const auto commit = std::max(stored.hard_state.commit, stored.applied);
  const praft_boot boot{{stored.hard_state.term.value, stored.hard_state.vote.value, commit.value},
                        stored.cut.value,
                        stored.cut_term.value,
                        stored.last.value,
                        stored.applied.value,
                        membership_view(group->membership_)};
  group->handle_ = praft_create(&wanted, &boot, {group->below_.get(), &Below::entries, &Below::term, &Below::snapshot});
  if (group->handle_ == nullptr) {
    if (group->below_->failed) return *group->below_->failed;
    return make_error(Errc::internal, "the consensus core does not start: " + last_panic());
  }
  return group;
}

Error Group::breaks() {
  if (!broken_) {
    broken_ = below_->failed ? *below_->failed
                             : make_error(Errc::internal, fmt::format("the replica of shard {} ended: {}",
                                                                      config_.shard.value, last_panic()));
    held_.clear();  // nothing that it said may be believed
  }
  return *broken_;
}

Status Group::done(std::int32_t code) {
  switch (code) {
    case PRAFT_OK:
      return {};
    case PRAFT_DROPPED:
      return make_error(Errc::overloaded);
    case PRAFT_IGNORED:
      return make_error(Errc::not_found, "from a replica that is not known here");
    case PRAFT_REFUSED:
      return make_error(Errc::corrupt, "the consensus core refuses it");
    default:
      return breaks();
  }
}

// A replica that has entries or a snapshot of its own still to write must not stand for election: a sole voter would
// elect itself with a log that is not persisted, and a snapshot would be campaigned with before it is applied. The core
// asserts against the one and ends at the other.
bool Group::unsettled() const {
  const auto now = praft_status(handle_);
  return now.role != PRAFT_LEADER && now.persisted < now.last;
}

Status Group::tick() {
  if (unsettled()) return {};
  return done(praft_tick(handle_));
}

Status Group::campaign() {
  if (unsettled()) return {};
  return done(praft_campaign(handle_));
}

Status Group::step(const RaftMessage& message) {
  if (broken_) return *broken_;
  if (message.to != config_.self) return make_error(Errc::not_found, "a message for another replica");
  if (!fits(message)) return make_error(Errc::corrupt, "a message of the consensus that makes no sense");
  if (message.kind == RaftKind::timeout_now && unsettled()) return {};
  const MessageView view(message);
  return done(praft_step(handle_, &view.get()));
}

Error Group::refusal() const {
  const auto now = praft_status(handle_);
  auto error = make_error(Errc::not_leader);
  error.leader = now.transferee != 0 ? now.transferee : now.role == PRAFT_LEADER ? 0 : now.leader;
  return error;
}

Result<Proposed> Group::put(RaftEntryKind kind, std::string_view payload) {
  Proposed proposed;
  const auto code = praft_propose(handle_, entry({}, {}, kind, payload), &proposed.index.value, &proposed.term.value);
  if (const auto put = done(code); !put) return put.error();
  return proposed;
}

Result<Proposed> Group::propose(std::string_view command) {
  if (broken_) return *broken_;
  // A follower's proposal would be forwarded by the core: nobody would know its index and term.
  const auto now = praft_status(handle_);
  if (now.role != PRAFT_LEADER || now.transferee != 0) return refusal();
  if (command.empty()) return make_error(Errc::bad_request, "an entry without a command");  // is the core's own
  return put(RaftEntryKind::command, command);
}

Result<Proposed> Group::propose_membership(const Change& change) {
  if (broken_) return *broken_;
  const auto now = praft_status(handle_);
  if (now.role != PRAFT_LEADER || now.transferee != 0) return refusal();
  // The core would make an empty entry of it and say nothing.
  if (now.change_pending != 0 || now.term_committed == 0) {
    return make_error(Errc::overloaded, "another change of the membership is not finished");
  }
  if (change.id == ReplicaId{}) return make_error(Errc::bad_request, "nobody is added or removed");
  switch (change.kind) {
    case Change::Kind::add_learner:
      if (membership_.has(change.id)) return make_error(Errc::bad_request, "the replica is a member already");
      break;
    case Change::Kind::add_voter: {
      const auto& learners = membership_.learners;
      if (std::find(learners.begin(), learners.end(), change.id) == learners.end()) {
        return make_error(Errc::bad_request, "who is to vote is a learner first");
      }
      // One who votes without the log would count for a majority that cannot commit.
      if (matched(change.id).value + config_.promote_lag_max < now.commit) {
        return make_error(Errc::overloaded, "the learner does not have the log yet");
      }
      break;
    }
    case Change::Kind::remove:
      if (!membership_.has(change.id)) return make_error(Errc::bad_request, "the replica is no member");
      if (membership_.votes(change.id) && membership_.voters.size() == 1) {
        return make_error(Errc::bad_request, "the last voter stays");
      }
      break;
  }
  return put(RaftEntryKind::change, change_payload(change));
}

Status Group::transfer(ReplicaId to) {
  if (broken_) return *broken_;
  if (praft_status(handle_).role != PRAFT_LEADER) return refusal();
  if (to == config_.self || !membership_.votes(to)) return make_error(Errc::bad_request, "only a voter can lead");
  return done(praft_transfer(handle_, to.value));
}

Result<std::uint64_t> Group::read_index() {
  if (broken_) return *broken_;
  const auto now = praft_status(handle_);
  if (now.role != PRAFT_LEADER) return refusal();
  // Before that it does not know what its predecessors committed, and the core drops the question in silence.
  if (now.term_committed == 0) return make_error(Errc::overloaded, "nothing of this term is committed yet");
  // The core tells questions apart by their bytes: none may come twice.
  const auto read = ++last_read_;
  const auto context = number_payload(read);
  if (const auto asked = done(praft_read_index(handle_, bytes(context))); !asked) return asked.error();
  return read;
}

bool Group::has_ready() const { return !broken_ && praft_has_ready(handle_) != 0; }

Result<Ready> Group::ready() {
  if (broken_) return *broken_;
  praft_ready_view view{};
  if (const auto taken = done(praft_ready(handle_, &view)); !taken) return taken.error();
  Ready ready;
  ready.number = view.number;
  ready.must_sync = view.must_sync != 0;
  ready.role = static_cast<Role>(view.role);
  ready.leader = ReplicaId{view.leader};
  ready.term = Term{praft_status(handle_).term};
  if (view.has_hard_state != 0) {
    ready.hard_state =
        HardState{Term{view.hard_state.term}, ReplicaId{view.hard_state.vote}, LogIndex{view.hard_state.commit}};
    if (ready.hard_state->term != voted_term_ || ready.hard_state->vote != voted_) {
      voted_term_ = ready.hard_state->term;
      voted_ = ready.hard_state->vote;
      vote_ready_ = view.number;
    }
  }
  if (view.has_snapshot != 0) {
    ready.snapshot = snapshot(view.snapshot);
    membership_ = ready.snapshot->membership;
  }
  ready.entries.reserve(view.entry_count);
  for (std::size_t i = 0; i < view.entry_count; ++i) ready.entries.push_back(entry_view(view.entries[i]));
  ready.committed.reserve(view.committed_count);
  for (std::size_t i = 0; i < view.committed_count; ++i) ready.committed.push_back(entry_view(view.committed[i]));
  for (std::size_t i = 0; i < view.read_count; ++i) {
    const auto context = raft::view(view.reads[i].context);
    if (context.size() == 8) ready.reads.push_back({parse_number(context), LogIndex{view.reads[i].index}});
  }
  // A follower's messages are promises about what is on its disk: they wait for this Ready and for all before it, even
  // if this one writes nothing. A leader's may overtake its own write, but not its vote: a sole voter elects itself
  // without asking anybody, and what it says in a term that its disk has not seen, it would say again after a crash,
  // in the same term, with other entries.
  const bool promises = ready.role != Role::leader;
  const bool wait = promises || vote_ready_ > persisted_ready_;
  for (std::size_t i = 0; i < view.message_count; ++i) {
    in_bounds(message(view.messages[i]), config_.message_bytes_max, [&](RaftMessage one) {
      if (wait) {
        // Peers go on asking while this disk is stuck. A lost answer is asked for again; what becomes of a snapshot is
        // not.
        if (held_.size() >= config_.messages_held_max && one.kind != RaftKind::snapshot) {
          ++lost_;
        } else {
          held_.push_back({view.number, std::move(one)});
        }
      } else {
        ready.messages.push_back(std::move(one));
      }
    });
  }
  return ready;
}

Status Group::release() { return done(praft_release(handle_)); }

Result<RaftMembership> Group::apply_change(const RaftEntryView& entry) {
  if (broken_) return *broken_;
  const auto change = parse_change(entry.payload);
  if (!change) return change.error();
  praft_membership now{};
  const auto code = praft_apply_change(handle_, static_cast<std::uint32_t>(change->kind), change->id.value, &now);
  if (const auto applied = done(code); !applied) return applied.error();
  membership_ = raft::membership(now);
  // A leader that is no voter any more leads on, and the core ends where it looks for itself among the members. Not to
  // remove a leader does not help: a follower can win an election with its own removal in the log.
  if (praft_status(handle_).role == PRAFT_LEADER && !membership_.votes(config_.self)) {
    if (const auto down = done(praft_step_down(handle_)); !down) return down.error();
  }
  return membership_;
}

// A snapshot is applied before it is persisted, and the core ends when it hears of one that is ahead of the other.
Status Group::tell_applied() {
  const auto now = praft_status(handle_);
  const auto to = std::min({applied_.value, now.commit, now.persisted});
  if (to <= now.applied) return {};
  return done(praft_applied(handle_, to));
}

Status Group::applied(LogIndex index) {
  if (broken_) return *broken_;
  applied_ = std::max(applied_, index);
  if (const auto told = tell_applied(); !told) return told;
  return done(praft_shrink(handle_, applied_.value));
}

Result<std::vector<RaftMessage>> Group::persisted(std::uint64_t number) {
  if (broken_) return *broken_;
  persisted_ready_ = std::max(persisted_ready_, number);
  if (const auto told = done(praft_persisted(handle_, number)); !told) return told.error();
  if (const auto told = tell_applied(); !told) return told.error();
  if (const auto shrunk = done(praft_shrink(handle_, applied_.value)); !shrunk) return shrunk.error();
  std::vector<RaftMessage> may_leave;
  while (!held_.empty() && held_.front().number <= number) {
    may_leave.push_back(std::move(held_.front().message));
    held_.pop_front();
  }
  return may_leave;
}

Result<Term> Group::cut(LogIndex index) {
  if (broken_) return *broken_;
  CHECK(index <= applied_);
  Term term;
  if (const auto cut = done(praft_cut(handle_, index.value, &term.value)); !cut) return cut.error();
  return term;
}

Status Group::report_snapshot(ReplicaId to, bool arrived) {
  return done(praft_report_snapshot(handle_, to.value, arrived ? 1 : 0));
}

bool Group::would_restore(const RaftMessage& message) const {
  if (broken_ || message.kind != RaftKind::snapshot || message.to != config_.self || !fits(message)) return false;
  const MessageView view(message);
  return praft_would_restore(handle_, &view.get()) != 0;
}

Status Group::want_snapshot(bool wanted) {
  if (broken_) return *broken_;
  return done(praft_want_snapshot(handle_, wanted ? 1 : 0));
}

Status Group::report_unreachable(ReplicaId id) { return done(praft_report_unreachable(handle_, id.value)); }

GroupStatus Group::status() const {
  const auto now = praft_status(handle_);
  return {static_cast<Role>(now.role),
          Term{now.term},
          ReplicaId{now.leader},
          LogIndex{now.commit},
          applied_,
          LogIndex{now.last},
          LogIndex{now.persisted},
          ReplicaId{now.transferee},
          now.change_pending != 0,
          now.term_committed != 0,
          now.window_bytes,
          held_.size(),
          lost_};
}

LogIndex Group::matched(ReplicaId id) const { return LogIndex{praft_matched(handle_, id.value)}; }

std::string described(const RaftMessage& message) {
  std::string text(65'536, '\0');
  const MessageView view(message);
  text.resize(praft_describe(&view.get(), text.data(), text.size()));
  return text;
}

std::optional<RaftMessage> echoed(const RaftMessage& from) {
  std::optional<RaftMessage> back;
  const MessageView view(from);
  praft_echo(
      &view.get(),
      [](void* context, const praft_message* seen) noexcept {
        *static_cast<std::optional<RaftMessage>*>(context) = message(*seen);
      },
      &back);
  return back;
}

}  // namespace parley::cluster::raft
